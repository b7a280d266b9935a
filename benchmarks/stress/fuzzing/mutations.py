"""Structure-aware mutations: what a damaged, a foreign and a malicious file look like."""

from __future__ import annotations

import copy
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from random import Random
from typing import Any

WORDS = (
    "", "0", "-1", "1", "2", "nan", "inf", "-inf", "1e999", "1e308", "9" * 20, "9" * 5000, "1_0", "٣", "²", "\0",
    "\x1b[31m",
    "\ufeff", "\u202e", "é", "../../outside", "/etc/passwd", "a" * 300, "x/" * 2000, "=1+1", "<script>", "%s{0}$(x)",
    "true", "None", "male", "female", '"', "'", ",", ";", "\t", "\r", "\n", "\ud7ff", "😀", "1" * 3000 + "x",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**9, 10**400, -(10**18), 0.5, 1e308, float("nan"), float("inf"),
    "", "x", "../../outside", "/etc/passwd", "\x1b[31m", "<script>alert(1)</script>", "a" * 5000, [], {}, [[]], [0, 0],
    {"a": {}}, "0" * 64, "original", "aia",
)  # fmt: skip
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 10**9, 2**63 - 1, 2**64 - 1)
DEEP = 3000  # levels of nesting


def damaged(rng: Random, data: bytes, times: int = 3) -> bytes:
    """Bytes with some of them flipped, cut, doubled, moved or overwritten by telling numbers."""
    result = bytearray(data)
    for _ in range(rng.randint(1, times)):
        if not result:
            return bytes(rng.randbytes(rng.randint(0, 40)))
        at = rng.randrange(len(result))
        length = min(rng.choice((1, 1, 2, 4, 8, 64)), len(result) - at)
        match rng.randrange(7):
            case 0:
                result[at] ^= 1 << rng.randrange(8)
            case 1:
                del result[at : at + length]
            case 2:
                result[at:at] = rng.randbytes(length)
            case 3:
                result[at:at] = result[at : at + length] * rng.randint(1, 8)
            case 4:
                del result[at:]
            case 5:
                form = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
                number = struct.pack(form, rng.choice(NUMBERS) % 2 ** (8 * struct.calcsize(form)))
                result[at : at + len(number)] = number
            case _:
                other = rng.randrange(len(result))
                result[at : at + length] = result[other : other + length]
    return bytes(result)


def text(rng: Random, data: bytes) -> bytes:
    """A table of text with cells, lines and separators changed; now and then plain damage."""
    if rng.random() < 0.15:
        return damaged(rng, data)
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        separator = next((mark for mark in ",;\t" if mark in lines[at]), " ")
        cells = lines[at].split(separator)
        match rng.randrange(7):
            case 0 | 1 | 2:
                cells[rng.randrange(len(cells))] = rng.choice(WORDS)
                lines[at] = separator.join(cells)
            case 3:
                lines[at] = separator.join([*cells, rng.choice(WORDS)] if rng.random() < 0.5 else cells[:-1])
            case 4:
                lines.insert(at, rng.choice([*lines, *WORDS]))
            case 5 if len(lines) > 1:
                del lines[at]
            case _:
                lines = [line.replace(separator, rng.choice((",", ";", "\t", " ", ""))) for line in lines]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def tree(rng: Random, value: Any) -> Any:
    """JSON-like content with one to three of its parts replaced, removed, renamed, repeated or nested."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, 3)):
        places = list(_places(value))
        if not places:
            return rng.choice(VALUES)
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0 | 1 | 2:
                holder[key] = copy.deepcopy(rng.choice(VALUES))  # what is put in may be changed in turn
            case 3:
                del holder[key]
            case 4:
                if isinstance(holder, dict):
                    holder[rng.choice(WORDS)] = holder[key]
                else:
                    holder.append(holder[key])
            case _:
                holder[key] = {"a": holder[key]} if rng.random() < 0.5 else [holder[key]] * rng.randint(0, 3)
    return value


def _places(value: Any) -> Any:
    """(container, key) of everything in a tree."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def json_text(rng: Random, data: bytes) -> bytes:
    """A JSON file: its tree changed, or its bytes, or nested too deep."""
    chance = rng.random()
    if chance < 0.15:
        return damaged(rng, data)
    if chance < 0.17:
        opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
        return data.replace(b"{}", (opening * DEEP + "0" + closing * DEEP).encode())[: 10**6] or b"["
    return json.dumps(tree(rng, json.loads(data))).encode()


def safetensors(rng: Random, data: bytes) -> bytes:
    """A tensor file with its header changed (and its length mended), or damaged."""
    if rng.random() < 0.3:
        return damaged(rng, data)
    length = int.from_bytes(data[:8], "little")
    header = tree(rng, json.loads(data[8 : 8 + length]))
    if isinstance(header, dict) and rng.random() < 0.3:
        header["huge"] = {"dtype": "F32", "shape": rng.choice(([10**9, 0], [2**70, 0], [1] * 80, [0, 2**62, 2**62])),
                          "data_offsets": [0, 0]}  # fmt: skip
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + data[8 + length :]


SHAPES = ("(1000000000,)", "(10**9,)", "(1000000000, 0)", "(-1, -5)", "(2, 2.5)", "(True, 3)", "()", "(3,)", "0",
          "None", "(1000000000, 1000000000)", "(" * 500, "[]", "{}", "(99999999999999999999, 0)")  # fmt: skip
TYPES = ("'<f8'", "'|O'", "'<U0'", "'|S0'", "'|V0'", "'<M8[s]'", "'<c16'", "[('a', '<f4')]", "'<U999999999'",
         "'f'" * 99, "1", "('<f4', (2,))", "'<f2'", "'>i8'", "__import__('os')")  # fmt: skip


def npy(rng: Random, data: bytes) -> bytes:
    """An .npy file that declares another shape or type than it holds, or is damaged."""
    if rng.random() < 0.3:
        return damaged(rng, data)
    header = data[10 : 10 + int.from_bytes(data[8:10], "little")].decode("latin-1")
    descr = rng.choice(TYPES) if rng.random() < 0.6 else "'<f4'"
    shape = rng.choice(SHAPES) if rng.random() < 0.8 else "(40, 6)"
    changed = f"{{'descr': {descr}, 'fortran_order': {rng.choice(('False', 'True', '3'))}, 'shape': {shape}, }}"
    if rng.random() < 0.2:
        changed = text(rng, header.encode()).decode("utf-8", "replace")
    written = changed.encode("utf-8", "replace")[:60000].ljust(118) + b"\n"
    version = rng.choice((1, 1, 1, 2, 3, 9))
    length = len(written).to_bytes(2 if version == 1 else 4, "little")
    body = b"" if rng.random() < 0.4 else data[128:]
    return data[:6] + bytes((version, 0)) + length + written + body


def npz(rng: Random, data: bytes) -> bytes:
    """An .npz archive with members changed, compressed, repeated or called otherwise, or damaged."""
    if rng.random() < 0.3:
        return damaged(rng, data)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    target = rng.choice(list(members))
    members[target] = npy(rng, members[target])
    if rng.random() < 0.2:
        members[rng.choice(("../outside.npy", "/x.npy", "a/b.npy", ".npy", "\x1b.npy", "x" * 3000 + ".npy"))] = members[
            target
        ]
    out = BytesIO()
    how = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def png(rng: Random, data: bytes) -> bytes:
    """A picture with damaged bytes, or a PNG whose chunks are changed and have sound checksums."""
    if not data.startswith(b"\x89PNG") or rng.random() < 0.4:
        return damaged(rng, data)
    chunks, at = [], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append([data[at + 4 : at + 8], data[at + 8 : at + 8 + length]])
        at += 12 + length
    chunk = rng.choice(chunks)
    match rng.randrange(4):
        case 0:
            width, height = (rng.choice((0, 1, 7, 60_000, 10**6, 2**31 - 1)) for _ in range(2))
            chunks[0][1] = struct.pack(">II", width, height) + chunks[0][1][8:]
        case 1:
            chunk[1] = damaged(rng, chunk[1])
        case 2:
            bomb = zlib.compress(b"\0" * 3_000_000)
            chunks.insert(1, [rng.choice((b"zTXt", b"iCCP")), b"a\0\0" + bomb])
        case _:
            chunks.insert(
                rng.randrange(len(chunks)), [rng.choice((b"IHDR", b"PLTE", b"acTL", b"eXIf", b"tRNS")), chunk[1]]
            )
    body = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return data[:8] + body


Mutation = Callable[[Random, bytes], bytes]
