"""Verification sets of insightface (``lfw.bin``, ``agedb_30.bin`` …): pictures in pairs, and which are genuine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aiakit.contracts import Dataset, FaceSet, IntArray, LoadSettings, OfficialPairs
from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.photographs import Photographs
from aiakit.errors import InputError
from aiakit.storage.pickles import read_lists
from aiakit.storage.tables import FILE, find_file, read_csv
from aiakit.storage.text import counted

FOLDS = 10  # of the pairs as they stand, one after another
JOINED = (
    "people were put together from genuine pairs and equal pictures: who is shown in pictures that no pair joins "
    "counts as several people, so one may be in training and in test, and impostors may be one person"
)


class InsightFaceBin(Dataset):
    """2P pictures of P pairs: pictures 2i and 2i+1 are pair i. The file is a pickle, of which no program is run.

    Nobody says who is shown but by pairs: a person is the pictures that genuine pairs, or equal bytes, join.

    root : the file. attributes : CSV whose column ``image`` holds the number of a picture, from 0, and whose other
        columns are attributes; default ``attributes.csv`` beside the file.
    """

    needs_root: ClassVar[bool] = True
    summary: ClassVar[str] = "a verification set of insightface (.bin): official pairs, attributes from a CSV by number"

    def __init__(self, root: str = "", attributes: str | None = None) -> None:
        self.root = root
        self.attributes = attributes

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for a file that is no such set, and without a table of attributes."""
        path = Path(self.root).expanduser()
        if not self.root or not path.is_file():
            raise InputError(f"there is no file {path}: give one such as lfw.bin with --data-root")
        given = str(Path(self.attributes or "attributes.csv").expanduser())
        table = read_csv(find_file([path.parent, Path()], [given], "give a CSV with the columns image and attributes"))
        pictures, same = read_lists(path)
        if not same or len(pictures) != 2 * len(same):
            raise InputError(f"{path} holds {len(pictures)} pictures for {len(same)} pairs: two each are expected")
        files = [str(number) for number in range(len(pictures))]
        genuine = np.array(same)
        person = _joined(pictures, genuine)
        attributes, problems, remarks = attributes_by_key(table, table.position(FILE, "the picture"), files, "images")
        wrong = np.flatnonzero(~genuine & (person[::2] == person[1::2]))
        if len(wrong):
            what = "pairs are impostors of one person, by other pairs"
            problems.append(counted(len(wrong), len(same), what, (str(pair) for pair in wrong)))
        fold = np.arange(len(same)) * FOLDS // len(same)
        photographs = Photographs(
            name="insightface-bin",
            files=files,
            paths=[path] * len(pictures),
            people=[str(number) for number in person],
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            pairs=OfficialPairs(np.arange(0, len(pictures), 2), np.arange(1, len(pictures), 2), genuine, fold),
            problems=problems,
            remarks=[JOINED, *table.notes, *remarks],
            encoded=pictures.__getitem__,
        )
        return photographs.face_set(settings)


def _joined(pictures: Sequence[bytes], genuine: NDArray[np.bool_]) -> IntArray:
    """int64 (2P,) of each picture a number of its person: what genuine pairs and equal bytes join is one."""
    first: dict[bytes, int] = {}
    equal = [first.setdefault(picture, row) for row, picture in enumerate(pictures)]
    pairs = 2 * np.flatnonzero(genuine)
    left = np.concatenate([np.arange(len(pictures)), pairs])
    right = np.concatenate([equal, pairs + 1])
    edges = coo_array((np.ones(len(left)), (left, right)), shape=(len(pictures),) * 2)
    return np.asarray(connected_components(edges, directed=False)[1], np.int64)
