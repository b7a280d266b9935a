"""A table as a data set: embeddings, or pictures as arrays, with who is shown and what is known of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from aiakit.contracts import MISSING, Attribute, Dataset, FaceSet, LoadSettings, PixelArray, View
from aiakit.datasets.audited_splits import NAMES
from aiakit.datasets.columns import join_labels
from aiakit.datasets.fingerprint import array_digest, fingerprinted
from aiakit.datasets.labels import default_attribute
from aiakit.datasets.numbers import numeric_columns
from aiakit.datasets.samples import Samples, make_samples
from aiakit.errors import InputError
from aiakit.storage.embeddings import Source, read_embeddings
from aiakit.storage.text import cleaned

OFFICIAL = {"attacker-train": "train", "attacker-val": "val", "test": "test"}


class Table(Dataset):
    """Whatever ``aiakit audit`` reads as a file: an array (N, D) or of uint8 pictures (N, H, W, 3), and columns.

    Embeddings are protected by the defenses of embeddings, pictures by all. Every column of the labels, or of the file,
    with 2 to 50 values is an attribute, and every column of numbers a numeric one.

    Parameters
    ----------
    root : the file (.npz, .npy, .safetensors, .parquet, .csv). identity : the column that says who is shown.
    labels : a CSV of labels beside it. join_on : the column that both share (COL_OF_FILE=COL_OF_CSV); "" takes the rows
        in order.
    key : the array or the prefix of numbered columns that holds the embeddings, where there are several.
    split : a column of train, val and test; "" deals people anew.
    """

    needs_root: ClassVar[bool] = True
    summary: ClassVar[str] = "embeddings or picture arrays that exist already: .npz, .npy, .safetensors, .parquet, .csv"

    def __init__(
        self,
        root: str = "",
        identity: str = "person",
        labels: str = "",
        join_on: str = "",
        key: str = "",
        split: str = "",
    ) -> None:
        self.root = root
        self.identity = identity
        self.labels = labels
        self.join_on = join_on
        self.key = key
        self.split = split

    def holds(self) -> View:
        """Embeddings, or images. Raises InputError where the file cannot be read."""
        return "image" if self._source().values.ndim == 4 else "embedding"

    def load(self, settings: LoadSettings) -> FaceSet:
        """The rows of known people. Raises InputError for what ``aiakit audit`` refuses."""
        samples = self._samples()
        rows = np.flatnonzero(samples.identity != MISSING)
        people, identity = np.unique(samples.identity[rows], return_inverse=True)
        attributes = {name: Attribute(each.values[rows], each.classes) for name, each in samples.attributes.items()}
        values, notes = samples.values[rows], list(samples.notes)
        pictures = samples.view == "image"
        if pictures:
            values = resized(values, settings.image_size, notes)
        faces = FaceSet(
            name="table",
            images=values if pictures else np.empty((len(rows), 0, 0, 3), np.uint8),
            embedding=None if pictures else values,
            identity=identity.astype(np.int64),
            people=tuple(samples.people[person] for person in people),
            files=tuple(self._names(samples)[row] for row in rows),
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            partition=self._partition(samples, rows),
            notes=tuple(notes),
            numbers={name: numbers[rows] for name, numbers in samples.numbers.items()},
        )
        return fingerprinted(faces, array_digest(values))

    def _source(self) -> Source:
        path = Path(self.root).expanduser()
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a file, or --dataset folder for photographs")
        stamp = (path.stat().st_mtime_ns, path.stat().st_ctime_ns) if path.is_file() else (0, 0)
        return _read(path, self.key or None, stamp)

    def _samples(self) -> Samples:
        source = self._source()
        labels = join_labels(source, Path(self.labels).expanduser() if self.labels else None, self.join_on or None)
        key = self.join_on.partition("=")
        others = [other for other in (self.identity, self.split, key[0], key[2], source.key) if other]
        return make_samples(
            Path(self.root).name,
            source.values,
            labels.attributes(["all"], others),
            labels.column(self.identity, "--identity"),
            {},
            labels.column(self.split, "split") if self.split else None,
            None,
            None,
            (*source.notes, *labels.notes),
            numbers=numeric_columns({name: each for name, each in labels.columns.items() if name not in others}),
        )

    def _names(self, samples: Samples) -> list[str]:
        source = self._source()
        key = self.join_on.partition("=")[0] or source.key
        return source.columns[key] if key else [str(row) for row in range(len(samples))]

    def _partition(self, samples: Samples, rows: Any) -> Any:
        if samples.split is None:
            return None
        return np.array([OFFICIAL.get(NAMES.get(cleaned(samples.split[row]).casefold(), ""), "") for row in rows])


@lru_cache(maxsize=1)
def _read(path: Path, key: str | None, stamp: tuple[int, int]) -> Source:
    """The file; kept, since what it holds is asked before it is loaded. stamp : its times, so that an edit is seen."""
    return read_embeddings(path, key)


def resized(pictures: PixelArray, side: int, notes: list[str]) -> PixelArray:
    """uint8 (N, side, side, 3): the central square of each picture, resized where it is of another size."""
    height, width = pictures.shape[1:3]
    if (height, width) == (side, side):
        return pictures
    notes.append(f"the pictures of {width}×{height} pixels were cut to squares of {side}")
    inner = min(height, width)
    left, top = (width - inner) / 2, (height - inner) / 2
    box = (left, top, left + inner, top + inner)
    made = [Image.fromarray(each).resize((side, side), Image.Resampling.LANCZOS, box=box) for each in pictures]
    return np.stack([np.asarray(each) for each in made])
