"""Embeddings that exist already, made by any recogniser, one row a picture."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.auditing.arrays import StoredArray, read_arrays
from aiakit.contracts import Encoder, FloatArray, PixelArray
from aiakit.errors import InputError
from aiakit.suggest import unknown

SUFFIXES = (".npz", ".npy", ".safetensors")


class Precomputed(Encoder):
    """The rows of a file, found by the pictures' names or taken in order.

    A picture's name is matched exactly, or else by its last parts: ``Ann_0001.jpg`` of the data set is
    ``Ann/Ann_0001.jpg`` of the file and the other way round, where one row only ends so. In a file without names the
    rows are those of the whole data set in its order.

    Parameters
    ----------
    file : a .npz, .npy or .safetensors file. embeddings : the array in it, floating (N, D); "" where there is one.
    names : the array of N names in it; "" where there is one or none.
    """

    summary = "embeddings from a file (.npz, .npy, .safetensors), by name or in order"

    def __init__(self, file: str, embeddings: str = "", names: str = "") -> None:
        self.file = file
        self.embeddings = embeddings
        self.names = names

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """The rows of these pictures. Raises InputError where the file or a picture's row is missing or unsound."""
        arrays = self._arrays()
        rows = self._embeddings(arrays)
        names = self._names(arrays, len(rows))
        if names is None:
            if len(rows) != len(files):
                raise InputError(
                    f"{self.file} has {len(rows)} embeddings for {len(files)} images and no names to match them by: "
                    "store an array of file names beside them in a .npz file"
                )
            return rows
        return rows[matched(names, files, self.file)]

    def _arrays(self) -> dict[str, StoredArray]:
        path = Path(self.file).expanduser()
        if path.suffix not in SUFFIXES:
            raise InputError(f"{path} is no embeddings file: give one of {', '.join(SUFFIXES)}")
        if not path.is_file():
            raise InputError(f"there is no embeddings file {path}")
        return read_arrays(path)

    def _embeddings(self, arrays: dict[str, StoredArray]) -> FloatArray:
        found = [name for name, array in arrays.items() if array.dtype.kind == "f" and len(array.shape) == 2]
        name = self._choose(arrays, found, self.embeddings, "embeddings", "a floating array (N, D)")
        rows = np.ascontiguousarray(arrays[name].load(), dtype=np.float32)
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            raise InputError(f"{self.file}: {name} has non-finite values in {len(bad)} rows, first in row {bad[0]}")
        return rows

    def _names(self, arrays: dict[str, StoredArray], count: int) -> list[str] | None:
        found = [name for name, array in arrays.items() if array.dtype.kind in "US" and len(array.shape) == 1]
        if not found and not self.names:
            return None
        name = self._choose(arrays, found, self.names, "names", "an array of N texts")
        names = arrays[name].load()
        if len(names) != count:
            raise InputError(f"{self.file}: {name} has {len(names)} names for {count} embeddings")
        texts = np.char.decode(names, "utf-8", "replace") if names.dtype.kind == "S" else names
        return [str(text) for text in texts]

    def _choose(self, arrays: dict[str, StoredArray], found: list[str], asked: str, option: str, wanted: str) -> str:
        """The name of the array that serves as ``option``: the one asked for, else the only one that could."""
        if asked and asked not in arrays:
            raise unknown("array", asked, sorted(arrays), f" in {self.file}")
        if asked and asked not in found:
            raise InputError(f"{self.file}: {asked} is {arrays[asked].dtype} {arrays[asked].shape}, not {wanted}")
        if not asked and len(found) != 1:
            held = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items()) or "nothing"
            raise InputError(
                f"{self.file} must hold one {wanted.split(' ', 1)[1]}, or say which: --set precomputed.{option}=NAME "
                f"(it holds {held})"
            )
        return asked or found[0]


def matched(names: list[str], files: tuple[str, ...], where: str) -> NDArray[np.int64]:
    """(N,) the row of each file among the names: the same name, or the only one of which one ends in the other.

    Raises InputError that names the first files without a row, a name that stands twice, or two files with one row.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    by_base: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        by_name[name].append(row)
        by_base[PurePosixPath(name).name].append(row)
    rows, missing = np.zeros(len(files), np.int64), []
    taken: dict[int, str] = {}
    for place, file in enumerate(files):
        found = by_name.get(file) or [
            row for row in by_base[PurePosixPath(file).name] if _one_ends_in_the_other(names[row], file)
        ]
        if not found:
            missing.append(file)
            continue
        if len(found) > 1:
            raise InputError(f"{where} has {len(found)} rows for {file}: keep one, and name each image by its path")
        if taken.setdefault(found[0], file) != file:
            raise InputError(f"{where} has one row, {names[found[0]]}, for both {taken[found[0]]} and {file}")
        rows[place] = found[0]
    if missing:
        first = f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
        raise InputError(f"{where} has no row for {len(missing)} of {len(files)} images ({first}): add them")
    return rows


def _one_ends_in_the_other(left: str, right: str) -> bool:
    return f"/{left}".endswith(f"/{right}") or f"/{right}".endswith(f"/{left}")
