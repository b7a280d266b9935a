"""Embeddings that exist already, made by any recogniser, one row a picture."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from aiakit.contracts import Encoder, FloatArray, PixelArray
from aiakit.errors import InputError, unknown
from aiakit.storage.arrays import StoredArray, read_arrays

SUFFIXES = (".npz", ".npy", ".safetensors")


def _existing(path: str) -> str:
    if not Path(path).expanduser().is_file():
        raise ValueError(f"the path of an embeddings file ({', '.join(SUFFIXES)}) that exists")
    return path


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
    whole = True  # in order, a row can only be told by its place in the whole data set; no picture is looked at

    def __init__(self, file: Annotated[str, AfterValidator(_existing)], embeddings: str = "", names: str = "") -> None:
        self.file = file
        self.embeddings = embeddings
        self.names = names

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """The rows of these pictures. Raises InputError where the file or a picture's row is missing or unsound."""
        rows, names = self._table
        if names is not None:
            return rows[names.rows(files)]
        if len(rows) != len(files):
            raise InputError(
                f"{self.file} has {len(rows)} embeddings for {len(files)} images and no names to match them by: "
                "store an array of file names beside them in a .npz file"
            )
        return rows

    @cached_property
    def _table(self) -> tuple[FloatArray, Names | None]:
        """The embeddings and, where there are any, their names: read once, since pictures come in batches."""
        arrays = self._arrays()
        rows = self._embeddings(arrays)
        names = self._names(arrays, len(rows))
        return rows, None if names is None else Names(names, self.file)

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


class Names:
    """Which row belongs to which picture: that of the same name, or the only one where one name ends in the other."""

    def __init__(self, names: list[str], where: str) -> None:
        self.names = names
        self.where = where
        self.by_name: dict[str, list[int]] = defaultdict(list)
        self.by_base: dict[str, list[int]] = defaultdict(list)
        for row, name in enumerate(names):
            self.by_name[name].append(row)
            self.by_base[_base(name)].append(row)

    def rows(self, files: tuple[str, ...]) -> NDArray[np.int64]:
        """(N,) row of each file.

        Raises InputError that names the first files without a row, a file with two, or two files with the same.
        """
        found, taken = [], dict[int, str]()
        for file in files:
            row = self._row(file)
            found.append(row)
            if row >= 0 and taken.setdefault(row, file) != file:
                raise InputError(f"{self.where} has one row, {self.names[row]}, for both {taken[row]} and {file}")
        missing = [file for file, row in zip(files, found, strict=True) if row < 0]
        if missing:
            first = f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
            raise InputError(f"{self.where} has no row for {len(missing)} of {len(files)} images ({first}): add them")
        return np.array(found, np.int64)

    def _row(self, file: str) -> int:
        """The row of a file, -1 where there is none."""
        rows = self.by_name.get(file, [])
        if not rows:
            rows = [row for row in self.by_base.get(_base(file), []) if _one_ends_in_the_other(self.names[row], file)]
        if len(rows) > 1:
            raise InputError(f"{self.where} has {len(rows)} rows for {file}: keep one, and name each image by its path")
        return rows[0] if rows else -1


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _one_ends_in_the_other(left: str, right: str) -> bool:
    return f"/{left}".endswith(f"/{right}") or f"/{right}".endswith(f"/{left}")
