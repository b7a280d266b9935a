"""Tensor files (the safetensors format) that can be written in pieces and read as memory maps.

The library ``safetensors`` reads and writes whole files in memory; a release of a large data set does not fit there.
The format is a length (8 bytes, little endian), a JSON header and the raw values (safetensors' README).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError

_NAMES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "U64": np.uint64,
    "BOOL": np.bool_,
}
BRAIN = "BF16"  # NumPy has no such type: read as float32, whose upper half it is; never written
_SIZES = {**{name: np.dtype(kind).itemsize for name, kind in _NAMES.items()}, BRAIN: 2}
_CODES = {np.dtype(kind): name for name, kind in _NAMES.items()}
MAX_HEADER = 16 << 20


def create(path: Path, layout: Mapping[str, tuple[Any, tuple[int, ...]]]) -> dict[str, NDArray[Any]]:
    """Make a file of zeros and return its tensors as writable memory maps.

    layout : name → (dtype, shape). The whole size is reserved at once, so that a full disk is an OSError here and
    not a crash when a page is written later. Raises ValueError for a dtype that the format has no name for.
    """
    header: dict[str, Any] = {}
    offset = 0
    for name, (kind, shape) in layout.items():
        dtype = np.dtype(kind)
        if dtype not in _CODES:
            raise ValueError(f"{name}: {dtype} cannot be stored")
        size = dtype.itemsize * math.prod(shape)
        header[name] = {"dtype": _CODES[dtype], "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 64)
    start = 8 + len(text)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.flush()
        os.posix_fallocate(file.fileno(), 0, start + offset)
    return _tensors(path, header, start, "r+")


def save(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write whole arrays."""
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    for name, target in create(path, {name: (array.dtype, array.shape) for name, array in arrays.items()}).items():
        target[...] = arrays[name]


def load(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a file as read-only memory maps; bfloat16 becomes float32 in memory.

    Raises InputError where it is not a sound tensor file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER, size - 8):
                raise ValueError("the header's length is wrong")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("the header is no table")
        header.pop("__metadata__", None)
        _check(header, size - 8 - length)
        return _tensors(path, header, 8 + length, "r")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path} is not a sound safetensors file: {error}") from None


def _check(header: dict[str, Any], size: int) -> None:
    """Raise ValueError unless the tensors lie side by side and fill the file, as the format demands."""
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if entry["dtype"] not in _SIZES:
            raise ValueError(f"{name} has the unknown type {entry['dtype']!r}")
        shape, (start, stop) = entry["shape"], entry["data_offsets"]
        if not all(isinstance(length, int) and length >= 0 for length in [*shape, start, stop]):
            raise ValueError(f"{name} has a wrong shape or place")
        if start != end or stop - start != _SIZES[entry["dtype"]] * math.prod(shape):
            raise ValueError(f"{name} does not fill its place")
        end = stop
    if end != size:
        raise ValueError(f"{size} bytes of values where the header says {end}")


def _tensors(path: Path, header: dict[str, Any], start: int, mode: Any) -> dict[str, NDArray[Any]]:
    raw = np.memmap(path, dtype=np.uint8, mode=mode) if path.stat().st_size > start else np.zeros(start, np.uint8)
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        part, kind = raw[start + first : start + last], entry["dtype"]
        if kind == BRAIN:
            values = (part.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            values = part.view(_NAMES[kind])
        tensors[name] = values.reshape(entry["shape"])
    return tensors
