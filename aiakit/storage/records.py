"""Record files of MXNet (RecordIO), in which insightface keeps its aligned faces: ``train.rec`` and ``train.idx``."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

from aiakit.errors import InputError
from aiakit.storage.tables import read_lines, whole_number

MAGIC = struct.pack("<I", 0xCED7230A)
HEAD = struct.Struct("<4sI")  # the magic, and a length below three bits that say which part of a record it is
WHOLE, FIRST, LAST = 0, 1, 3  # of a record in which the magic occurs: it is cut there, and the magic left out
LENGTH = (1 << 29) - 1
PICTURE = struct.Struct("<IfQQ")  # flag, label, two numbers; where flag is n > 0, n float32 labels follow


class Record(NamedTuple):
    """labels : one or more. listed : whether they are a list. data : the encoded picture; none in one about others."""

    labels: tuple[float, ...]
    listed: bool
    data: bytes


class Records:
    """The records of a pair of files by their keys. Raises InputError, as its methods do, for what is damaged.

    Nothing is kept in memory but the places of the records: a file has millions.
    """

    def __init__(self, index: Path) -> None:
        """index : the file of lines ``key⇥offset``, beside which the records lie."""
        self.path = index.with_suffix(".rec")
        self.places: dict[int, int] = {}
        if not self.path.is_file():
            raise InputError(f"there is no {self.path} beside {index.name}: copy both files")
        for line, text in enumerate(read_lines(index), start=1):
            key, _, offset = text.partition("\t")
            place = whole_number(offset)
            if text and (whole_number(key) is None or place is None):
                raise InputError(f"{index}:{line} must be a key and an offset, separated by a tab, not {text[:40]!r}")
            if text and place is not None:
                self.places[int(key)] = place
        if not self.places:
            raise InputError(f"{index} is empty: expected lines of a key and an offset")
        with self.path.open("rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self.path.stat().st_size else b""

    def read(self, key: int) -> Record:
        """The record of this key."""
        data = self._payload(key)
        if len(data) < PICTURE.size:
            raise self.foreign(key)
        flag, label, _, _ = PICTURE.unpack_from(data)
        end = PICTURE.size + 4 * flag
        if end > len(data):
            raise self.foreign(key)
        labels = struct.unpack_from(f"<{flag}f", data, PICTURE.size) if flag else (label,)
        return Record(labels, flag > 0, data[end:])

    def label(self, key: int) -> float:
        """The first label of a record; the picture itself is read only where it is needed for that."""
        part, start, length = self._part(key, self.places[key])
        if part != WHOLE or length < PICTURE.size + 4:
            return self.read(key).labels[0]
        flag, label, _, _ = PICTURE.unpack_from(self.bytes, start)
        return float(struct.unpack_from("<f", self.bytes, start + PICTURE.size)[0] if flag else label)

    def _part(self, key: int, place: int) -> tuple[int, int, int]:
        """Of the part of a record at this byte: which part it is, where its content begins, and its length."""
        start = place + HEAD.size
        if start > len(self.bytes):
            raise self._cut_off(key)
        magic, word = HEAD.unpack_from(self.bytes, place)
        if magic != MAGIC:
            raise InputError(f"{self.path} has no record {key} at byte {place}: its index is of another file")
        part, length = word >> 29, word & LENGTH
        if start + length > len(self.bytes):
            raise self._cut_off(key)
        return part, start, length

    def _payload(self, key: int) -> bytes:
        """The bytes of a record, put together again where it was cut."""
        place, parts = self.places[key], list[bytes]()
        while True:
            part, start, length = self._part(key, place)
            if (part in (WHOLE, FIRST)) != (not parts):
                raise InputError(f"{self.path} has no whole record {key} at byte {place}: get a whole copy")
            parts.append(self.bytes[start : start + length])
            if part in (WHOLE, LAST):
                return MAGIC.join(parts)
            place = start + (length + 3) // 4 * 4

    def _cut_off(self, key: int) -> InputError:
        return InputError(f"{self.path} ends before its record {key} does: get a whole copy")

    def foreign(self, key: int) -> InputError:
        """The error for a record that holds something else."""
        return InputError(f"record {key} of {self.path} holds no labelled picture as insightface packs them")
