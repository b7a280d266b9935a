"""Pickles are programs: none is run here. One kind is read as data: lists of bytes and of truth values."""

from __future__ import annotations

import io
import pickletools
from pathlib import Path
from typing import Any

from aiakit.errors import InputError

ENDINGS = (".pkl", ".pickle")
IDLE = {"PROTO", "FRAME"}  # opcodes that make nothing
BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
TEXT = {"BINSTRING", "SHORT_BINSTRING"}  # the bytes of Python 2
TRUTH = {"NEWTRUE": True, "NEWFALSE": False}
REMEMBER = {"BINPUT", "LONG_BINPUT", "MEMOIZE"}
RECALL = {"BINGET", "LONG_BINGET"}
MARK = object()


def refuse_pickle(path: Path, instead: str) -> None:
    """Raise InputError where the file is called a pickle. instead : what to give in its place."""
    if path.suffix.lower() in ENDINGS:
        raise InputError(f"{path} is a pickle, which can run programs when it is opened, and is not read: {instead}")


def read_lists(path: Path) -> tuple[list[bytes], list[bool]]:
    """A list of bytes and a list of truth values, from a pickle of the two, without running it.

    Only the opcodes that such a pickle needs are understood. Raises InputError for every other one, and where the file
    is cut short or holds something else.
    """
    try:
        found = _assembled(path, path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no whole pickle of pictures and pairs: get a whole copy") from error
    match found:
        case (list(pictures), list(same)) | [list(pictures), list(same)] if all(
            isinstance(each, bytes) for each in pictures
        ) and all(isinstance(each, bool) for each in same):
            return pictures, same
    raise InputError(f"{path} is a pickle of something else than a list of pictures and a list of truth values")


def _assembled(path: Path, data: bytes) -> Any:
    """What the opcodes put together, from bytes, truth values, lists and tuples alone."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any  # as the opcode has it
    for opcode, argument, place in pickletools.genops(io.BytesIO(data)):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in IDLE:
            continue
        if name in BYTES:
            stack.append(argument)
        elif name in TEXT:
            stack.append(argument.encode("latin-1"))
        elif name in TRUTH:
            stack.append(TRUTH[name])
        elif name in REMEMBER:
            memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in RECALL:
            stack.append(memo[argument])
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "MARK":
            stack.append(MARK)
        elif name == "APPEND":
            value = stack.pop()
            stack[-1].append(value)
        elif name in ("APPENDS", "TUPLE"):
            start = len(stack) - 1 - stack[::-1].index(MARK)
            values, stack[start:] = stack[start + 1 :], []
            if name == "TUPLE":
                stack.append(tuple(values))
            else:
                stack[-1].extend(values)
        elif name == "TUPLE2":
            stack[-2:] = [(stack[-2], stack[-1])]
        else:
            raise InputError(
                f"{path} is a pickle with {name} at byte {place}, which could run a program: it is not read; pictures "
                "and pairs need no such thing, so save them as bytes and truth values"
            )
    raise ValueError("no end")
