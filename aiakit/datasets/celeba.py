"""CelebA, aligned and cropped: the files as published, or the CSV variants that circulate."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attribute, Dataset, FaceSet, IntArray, LoadSettings
from aiakit.datasets.photographs import Photographs
from aiakit.errors import InputError
from aiakit.storage.tables import find_file, read_lines, require_root, whole_number
from aiakit.storage.text import counted

IMAGES = ("img_align_celeba", "img_align_celeba/img_align_celeba", "Img/img_align_celeba")
FOLDERS = (".", "Anno", "Eval")  # the published download spreads the text files over these
# The middle 140×140 of 178×218 pixels: face and hair with little background (the crop of Tolstikhin et al.,
# "Wasserstein Auto-Encoders", 2018).
FACE = (19.0, 39.0, 159.0, 179.0)
CLASSES = {"Male": ("female", "male")}  # the other attributes are no or yes
VALUES = {"-1", "0", "1"}  # no, missing, yes
PARTITION = ("train", "val", "test")


class CelebA(Dataset):
    """202,599 photographs of 10,177 people with 40 binary attributes and an official partition."""

    needs_root: ClassVar[bool] = True
    face_box = ((178, 218), FACE)
    summary: ClassVar[str] = "CelebA, aligned: 40 attributes, official partition"

    def __init__(self, root: str = "") -> None:
        self.root = root

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for missing or malformed files, or images without a line in one of them."""
        root = require_root(self.root)
        folder = next((root / name for name in reversed(IMAGES) if (root / name).is_dir()), None)
        if folder is None:
            raise InputError(f"{root} holds no folder {IMAGES[0]}: unpack the aligned images there")
        files, names, values = _attributes(_find(root, "list_attr_celeba"))
        identity, unidentified = _column(_find(root, "identity_CelebA"), files)
        side, unsorted = _column(_find(root, "list_eval_partition"), files)
        if not set(side[~unsorted].tolist()) <= {0, 1, 2}:
            raise InputError(f"{_find(root, 'list_eval_partition')} must hold 0, 1 or 2 for each image")
        problems = []
        for gap, what in ((unidentified, "identity_CelebA"), (unsorted, "list_eval_partition")):
            if gap.any():
                missing = (file for file, absent in zip(files, gap, strict=True) if absent)
                problems.append(counted(int(gap.sum()), len(files), f"images are not in {what} and left out", missing))
        kept = np.flatnonzero(~(unidentified | unsorted))
        if not len(kept):
            raise InputError(f"{root}: the attribute, identity and partition files have no image in common")
        photographs = Photographs(
            name="celeba",
            files=[files[row] for row in kept],
            paths=[folder / files[row] for row in kept],
            people=[f"{person:05d}" for person in identity[kept].tolist()],
            attributes={
                name: Attribute(values[kept, column].astype(np.int64), CLASSES.get(name, ("no", "yes")))
                for column, name in enumerate(names)
            },
            default_attribute="Male" if "Male" in names else "",
            boxes=FACE,
            partition=np.array(PARTITION)[side[kept]],
            problems=problems,
        )
        return photographs.face_set(settings)


def _find(root: Path, stem: str) -> Path:
    return find_file([root / folder for folder in FOLDERS], [f"{stem}.txt", f"{stem}.csv"], "CelebA needs it")


def _attributes(path: Path) -> tuple[list[str], list[str], NDArray[np.bool_]]:
    """N file names, the names of the attributes, and whether each image has each (N, attributes)."""
    lines = [(number, line) for number, line in enumerate(read_lines(path), start=1) if line]
    first = _words(lines[0][1]) if lines else []
    announced = whole_number(first[0]) if len(first) == 1 else None
    if announced is not None:  # the published file begins with the count
        del lines[0]
        if announced != len(lines) - 1:
            raise InputError(f"{path} announces {announced} images and holds {len(lines) - 1}: get a whole copy")
    if len(lines) < 2:
        raise InputError(f"{path} is empty: expected the names of the attributes and a line for each image")
    names = _words(lines.pop(0)[1])
    if len(_words(lines[0][1])) == len(names):  # CSV: the first column is the image's
        names = names[1:]
    files, rows = [], []
    for number, line in lines:  # a line's words at a time: those of all lines would take ten times the file
        file, *words = _words(line)
        if len(words) != len(names):
            raise InputError(f"{path}:{number} has {len(words)} values for {len(names)} attributes")
        files.append(file)
        rows.append(" ".join(words))
    values = _integers(" ".join(rows), len(lines) * len(names))
    if values is None or not np.isin(values, (-1, 0, 1)).all():
        wrong = (number for (number, _), row in zip(lines, rows, strict=True) if not set(row.split()) <= VALUES)
        raise InputError(f"{path}:{next(wrong, lines[0][0])} holds a value other than 1 and -1")
    if len(set(files)) < len(files):
        raise InputError(f"{path} lists an image twice: get a whole copy")
    return files, names, values.reshape(len(lines), len(names)) > 0


def _integers(text: str, count: int) -> IntArray | None:
    """``count`` whole numbers from a text; None where it holds something else. Ten times as quick as int() of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what NumPy says of text that is no number
        try:
            values = np.fromstring(text, dtype=np.int64, sep=" ")
        except ValueError:
            return None
    return values if len(values) == count else None


def _column(path: Path, files: Sequence[str]) -> tuple[IntArray, NDArray[np.bool_]]:
    """(N,) the number beside each file, and which files have none."""
    numbers: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
        words = _words(line)
        if not line or (not numbers and len(words) == 2 and not words[1].isdecimal()):  # a header
            continue
        value = whole_number(words[1]) if len(words) == 2 else None
        if value is None:
            raise InputError(f"{path}:{number} must be an image and a number, not {line[:60]!r}")
        numbers[words[0]] = value
    values = np.array([numbers.get(file, -1) for file in files], np.int64)
    return values, values < 0


def _words(line: str) -> list[str]:
    return [word.strip() for word in line.split(",")] if "," in line else line.split()
