"""Embeddings that exist already, made by any recogniser, one row a picture."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from aiakit.contracts import Encoder, FloatArray, PixelArray
from aiakit.errors import InputError, unknown
from aiakit.storage.arrays import objects_refused
from aiakit.storage.embeddings import ARRAYS, TABLES, Source, read_embeddings
from aiakit.storage.keys import Keys
from aiakit.storage.numbers import as_float32
from aiakit.storage.paths import existing
from aiakit.storage.tables import FILE

SUFFIXES = ARRAYS + TABLES


_existing = existing(f"an embeddings file ({', '.join(SUFFIXES)})")


class Precomputed(Encoder):
    """The rows of a file, found by the pictures' names or taken in order.

    ``notes`` say how rows and pictures were brought together, and what of the numbers was odd.

    A picture's name is matched exactly, or else in another form (``aiakit.storage.keys``): ``Ann_0001.jpg`` of the data
    set is ``Ann/Ann_0001.png`` of the file and the other way round, where one row only is called so. In a file without
    names the rows are those of the whole data set in its order.

    Parameters
    ----------
    file : a file of embeddings as ``aiakit audit`` reads it. embeddings : the array or columns in it that hold them; ""
        where there can be no doubt.
    names : the array or column of N names in it; "" where there is one or none.
    """

    summary = "embeddings from a file (.npz, .npy, .safetensors, .csv, .parquet), by name or in order"
    whole = True  # in order, a row can only be told by its place in the whole data set; no picture is looked at
    shorthand = ("file",)

    def __init__(self, file: Annotated[str, AfterValidator(_existing)], embeddings: str = "", names: str = "") -> None:
        self.file = file
        self.embeddings = embeddings
        self.names = names

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """The rows of these pictures. Raises InputError where the file or a picture's row is missing or unsound."""
        rows, names, notes = self._table
        if names is not None:
            matching = names.match(files)
            places, self.notes = matching.places, (*notes, *matching.notes)
            missing = [file for file, place in zip(files, places, strict=True) if place < 0]
            if missing:
                first = f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
                held = f"it has {names.offered[0]} for one" if names.offered else "it has none"
                raise InputError(
                    f"{self.file} has no row for {len(missing)} of {len(files)} images ({first}): add them ({held})"
                )
            return rows[places]
        if len(rows) != len(files):
            raise InputError(
                f"{self.file} has {len(rows)} embeddings for {len(files)} images and no names to match them by: "
                "store an array of file names beside them in a .npz file"
            )
        self.notes = (*notes, f"{self.file} names no images: its rows were taken to be in the order of the data set")
        return rows

    @cached_property
    def _table(self) -> tuple[FloatArray, Keys | None, list[str]]:
        """The embeddings, where there are any their names, and notes: read once, since pictures come in batches."""
        source = read_embeddings(Path(self.file).expanduser(), self.embeddings or None, "--set precomputed.embeddings")
        if source.values.ndim != 2 or source.values.dtype.kind not in "biuf":
            held = f"{source.values.dtype} {source.values.shape}"
            raise InputError(f"{self.file} holds an array {held} where embeddings, numbers (N, D), are expected")
        bad = np.flatnonzero(~np.isfinite(source.values).all(axis=1))
        if len(bad):
            raise InputError(f"{self.file} has non-finite values in {len(bad)} rows, first in row {bad[0]}")
        rows, moved = as_float32(source.values)
        empty = int(np.count_nonzero(~source.values.any(axis=1)))
        zeros = [f"{empty} of {len(rows)} rows of {self.file} hold zeros only (no face was found?)"] if empty else []
        name = self._names(source)
        keys = None if name is None else Keys(source.columns[name], self.file)
        return rows, keys, [*source.notes, *moved, *zeros]

    def _names(self, source: Source) -> str | None:
        """The column of names: the one asked for, else one that is called so, else the only one of texts."""
        if self.names in source.unread:
            raise objects_refused(source.unread[self.names])
        if self.names and self.names not in source.columns:
            raise unknown("array for --set precomputed.names", self.names, sorted(source.columns), f" of {self.file}")
        if self.names:
            return self.names
        for where in source.unread.values():
            raise objects_refused(where)
        telling = [name for name in source.texts if len(set(source.columns[name])) == len(source.columns[name])]
        found = [name for name in telling if name.casefold() in FILE] or telling or list(source.texts)
        if len(found) > 1:
            raise InputError(
                f"{self.file} holds several columns of texts ({', '.join(found)}): say which names the pictures with "
                "--set precomputed.names=NAME"
            )
        return found[0] if found else None
