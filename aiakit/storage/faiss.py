"""FAISS flat indexes (``IndexFlat``, also inside ``IndexIDMap``): vectors as they are, read without the library.

The library reads any index and trusts what it says of itself; a flat one is a header and numbers. The layout is that of
``faiss/impl/index_write.cpp``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

import numpy as np

from aiakit.errors import InputError
from aiakit.storage.arrays import LARGEST, StoredArray, damage

FAISS = (".faiss", ".index")
FLAT = (b"IxFI", b"IxF2", b"IxFl")  # by inner product, by squared distance, by another metric
MAPPED = (b"IxMp", b"IxM2")  # an index, and an id for each of its vectors
HEADER = struct.Struct("<iqqq?i")  # dimensions, vectors, two unused numbers, trained, metric
LENGTH = struct.Struct("<Q")
METRICS_WITHOUT_ARGUMENT = 1  # inner product and L2 are 0 and 1; others have a float behind the header


def read_faiss(path: Path) -> dict[str, StoredArray]:
    """``embedding`` (N, D) float32, and ``id`` (N,) where the index has ids. Raises InputError for any other index."""
    with damage(path), path.open("rb") as file:
        try:
            return _read(path, file)
        except struct.error:
            raise ValueError("it ends within its header") from None


def _read(path: Path, file: IO[bytes]) -> dict[str, StoredArray]:
    kind = file.read(4)
    if kind not in MAPPED:
        return {"embedding": _vectors(path, file, kind)}
    _header(file)
    vectors = _vectors(path, file, file.read(4))
    (count,) = LENGTH.unpack(file.read(LENGTH.size))
    return {"embedding": vectors, "id": _array(path, file, "id", (count,), np.dtype("<i8"))}


def _header(file: IO[bytes]) -> tuple[int, int]:
    dimensions, count, _, _, _, metric = HEADER.unpack(file.read(HEADER.size))
    if metric > METRICS_WITHOUT_ARGUMENT:
        file.read(4)
    return dimensions, count


def _vectors(path: Path, file: IO[bytes], kind: bytes) -> StoredArray:
    if kind not in FLAT:
        named = kind.decode("ascii", "replace")
        raise InputError(
            f"{path} is no flat index (it begins with {named!r}): others hold vectors that were changed; write those "
            "that went into it (index.reconstruct_n) to .npy"
        )
    dimensions, count = _header(file)
    (numbers,) = LENGTH.unpack(file.read(LENGTH.size))
    if dimensions < 1 or count < 0 or numbers != dimensions * count:
        raise ValueError(f"{count} vectors of {dimensions} numbers are not {numbers} numbers")
    return _array(path, file, "embedding", (count, dimensions), np.dtype("<f4"))


def _array(path: Path, file: IO[bytes], name: str, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> StoredArray:
    """The array that begins where the file stands, which is left behind it."""
    at, size = file.tell(), int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size > LARGEST or at + size > path.stat().st_size:
        raise ValueError(f"{name} declares {size:,} bytes and the file is shorter")
    file.seek(at + size)
    return StoredArray(
        shape, dtype, f"{path}: {name}", lambda: np.array(np.memmap(path, dtype, "r", at, shape) if size else [])
    )
