"""CelebA, aligned and cropped: the files as published, or the CSV variants that circulate."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Dataset, FaceSet, IntArray, LoadSettings
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.signs import by_sign
from aiakit.errors import InputError
from aiakit.storage.keys import Keys
from aiakit.storage.tables import SEPARATORS, find_file, read_lines, require_root, whole_number
from aiakit.storage.text import NUMBER, cleaned, counted, plain_number, says_nothing

IMAGES = ("img_align_celeba", "img_align_celeba/img_align_celeba", "Img/img_align_celeba")
WAY_ON = {  # where a text file is missing; copies on the web lack the identities most often
    "list_attr_celeba": "the attributes come from it",
    "identity_CelebA": "without it a person could be in training and in test; copy it from Anno/ of the set's own "
    "download, which names the same images",
    "list_eval_partition": "the official partition comes from it; copy it from Eval/ of the set's own download",
}
FOLDERS = (".", "Anno", "Eval")  # the published download spreads the text files over these
# The middle 140×140 of 178×218 pixels: face and hair with little background (the crop of Tolstikhin et al.,
# "Wasserstein Auto-Encoders", 2018).
FACE = (19.0, 39.0, 159.0, 179.0)
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
        files, names, values, remarks = _attributes(_find(root, "list_attr_celeba"))
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
            attributes=by_sign(names, values[kept]),
            default_attribute="Male" if "Male" in names else "",
            boxes=FACE,
            partition=np.array(PARTITION)[side[kept]],
            problems=problems,
            remarks=remarks,
        )
        return photographs.face_set(settings)


def _find(root: Path, stem: str) -> Path:
    return find_file([root / folder for folder in FOLDERS], [f"{stem}.txt", f"{stem}.csv"], WAY_ON[stem])


def _attributes(path: Path) -> tuple[list[str], list[str], NDArray[np.float64], list[str]]:
    """N file names, the names of the attributes, 1, -1 or 0 (not known) of each (N, attributes), and remarks."""
    lines = _records(path)
    first = lines[0][1] if lines else []
    announced = whole_number(first[0]) if len(first) == 1 else None
    if announced is not None:  # the published file begins with the count
        del lines[0]
        if announced != len(lines) - 1:
            raise InputError(f"{path} announces {announced} images and holds {len(lines) - 1}: get a whole copy")
    if len(lines) < 2:
        raise InputError(f"{path} is empty: expected the names of the attributes and a line for each image")
    head = lines.pop(0)[1]
    place = _image_place(lines[0][1])
    names = head[-(len(lines[0][1]) - place - 1) :]  # in CSV the first columns are the image's, or a row number
    files, rows = [], []
    seen: dict[str, int] = {}
    for number, words in lines:
        if len(words) - place - 1 != len(names):
            raise InputError(f"{path}:{number} has {len(words) - place - 1} values for {len(names)} attributes")
        file = words[place]
        if seen.setdefault(file, number) != number:
            raise InputError(f"{path}:{number} lists an image twice: {file} is in line {seen[file]} as well")
        files.append(file)
        rows.append(" ".join(words[place + 1 :]))
    found = _numbers(" ".join(rows), len(lines) * len(names))
    if found is None or not np.isin(found, (-1, 0, 1)).all():
        wrong = (number for (number, _), row in zip(lines, rows, strict=True) if not _all_signs(row))
        raise InputError(f"{path}:{next(wrong, lines[0][0])} holds a value other than 1 and -1")
    remarks = []
    if (found == 0).any() and (found < 0).any():
        remarks.append(f"{(found == 0).sum()} of {found.size} values of attributes are 0: not known")
    elif (found == 0).any():
        remarks.append("the attributes are 0 and 1: 0 was taken for no, since no value is -1")
        found = np.where(found > 0, 1.0, -1.0)
    return files, names, found.reshape(len(lines), len(names)), remarks


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """The words of every line that has some, with its number: separated by spaces, or by what the last line holds."""
    lines = read_lines(path)
    last = next((line for line in reversed(lines) if line), "")
    mark = max(SEPARATORS, key=last.count)
    if mark not in last:
        return [(number, words) for number, line in enumerate(lines, start=1) if (words := line.split())]
    reader = csv.reader(lines, delimiter=mark, skipinitialspace=True)
    try:
        return [(reader.line_num, [word.strip() for word in words]) for words in reader if words]
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num} is not CSV: {error}") from error


def _image_place(words: Sequence[str]) -> int:
    """Where the image stands in a line: first, or after a row number that pandas has written."""
    return 1 if len(words) > 1 and words[0].isdecimal() and not NUMBER.fullmatch(words[1]) else 0


def _all_signs(row: str) -> bool:
    numbers = _numbers(row, len(row.split()))
    return numbers is not None and bool(np.isin(numbers, (-1, 0, 1)).all())


def _numbers(text: str, count: int) -> NDArray[np.float64] | None:
    """``count`` numbers from a text; None where it holds something else. Ten times as quick as float() of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what NumPy says of text that is no number
        try:
            values = np.fromstring(text, dtype=np.float64, sep=" ")
        except ValueError:
            return None
    return values if len(values) == count else None


def _column(path: Path, files: Sequence[str]) -> tuple[IntArray, NDArray[np.bool_]]:
    """(N,) the number beside each file, and which files have none: not listed, or with a word that says nothing."""
    numbers: dict[str, int] = {}
    lines: dict[str, int] = {}
    for number, words in _records(path):
        place = _image_place(words)
        text = plain_number(cleaned(words[-1])) if len(words) == place + 2 else "no number"
        value = -1 if says_nothing(text) or text == "-1" else whole_number(text)
        if value is None and not numbers and len(words) > 1 and not NUMBER.fullmatch(text):  # a header
            continue
        if value is None:
            raise InputError(f"{path}:{number} must be an image and a number, not {' '.join(words)[:60]!r}")
        file = words[place]
        if numbers.setdefault(file, value) != value:
            raise InputError(
                f"{path}:{number} says {value} of {file}, and line {lines[file]} says {numbers[file]}: get a whole copy"
            )
        lines.setdefault(file, number)
    places = Keys(list(numbers), path.name).match(files).places
    values = np.append(np.fromiter(numbers.values(), np.int64), -1)[places]
    return values, values < 0
