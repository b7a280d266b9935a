"""Labeled Faces in the Wild in its own layout, with the verified gender lists and the official pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from aiakit.contracts import MISSING, Attribute, Dataset, FaceSet, IntArray, LoadSettings, OfficialPairs
from aiakit.datasets.listing import images_in, overlooked, person_folders
from aiakit.datasets.photographs import Photographs
from aiakit.errors import InputError
from aiakit.storage.keys import Keys
from aiakit.storage.tables import find_file, read_lines, require_root, whole_number
from aiakit.storage.text import counted

FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw", "lfw-deepfunneled/lfw-deepfunneled")
FACE = (60.0, 60.0, 190.0, 190.0)  # what a face fills of the 250×250 pixels
LISTS = {"female": "female_names.txt", "male": "male_names.txt"}
PAIRS = "pairs.txt"


class LFW(Dataset):
    """13,233 photographs of 5,749 people.

    Gender comes from ``female_names.txt`` and ``male_names.txt``, one image a line. An image in both or in neither has
    no label. ``pairs.txt`` gives the ten-fold protocol.
    """

    needs_root: ClassVar[bool] = True
    face_box = ((250, 250), FACE)
    summary: ClassVar[str] = "Labeled Faces in the Wild: gender from its name lists, official pairs"

    def __init__(self, root: str = "") -> None:
        self.root = root

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for missing or malformed files."""
        root = require_root(self.root)
        home, paths = _photographs(root)
        files = [path.name for path in paths]
        people = [path.parent.name for path in paths]
        gender, problems, notes = _gender(root, files, people)
        photographs = Photographs(
            name="lfw",
            files=files,
            paths=paths,
            people=people,
            attributes={"gender": Attribute(gender, tuple(LISTS))},
            default_attribute="gender",
            boxes=FACE,
            pairs=read_pairs(root / PAIRS, files) if (root / PAIRS).exists() else None,
            problems=[*problems, *overlooked(home, person_folders(home))],
            remarks=notes if (root / PAIRS).exists() else [*notes, f"there is no {PAIRS}: no official ten folds"],
        )
        return photographs.face_set(settings)


def _photographs(root: Path) -> tuple[Path, list[Path]]:
    """The folder of people's folders, and the images in them."""
    for folder in (*(root / name for name in FOLDERS), root):
        if folder.is_dir():
            paths = [image for person in person_folders(folder) for image in images_in(person)]
            if paths:
                return folder, paths
    raise InputError(f"{root} holds no {FOLDERS[0]}/NAME/NAME_0001.jpg: unpack LFW there, or point --data-root at it")


def _gender(root: Path, files: Sequence[str], people: Sequence[str]) -> tuple[IntArray, list[str], list[str]]:
    """(N,) codes of LISTS, what is wrong with them, and remarks."""
    listed: dict[str, set[str]] = {}
    notes: list[str] = []
    for name, file in LISTS.items():
        lines = read_lines(find_file([root], [file], "LFW's gender comes from it"))
        matching = Keys(list(dict.fromkeys(line for line in lines if line)), file).match(files)
        listed[name] = {file for file, place in zip(files, matching.places, strict=True) if place >= 0}
        notes += matching.notes
    values = np.full(len(files), MISSING)
    in_both: list[str] = []
    in_neither: list[str] = []
    for row, file in enumerate(files):
        codes = [code for code, name in enumerate(LISTS) if file in listed[name]]
        if len(codes) == 1:
            values[row] = codes[0]
        else:
            (in_both if codes else in_neither).append(file)
    problems = []
    if in_both:
        problems.append(counted(len(in_both), len(files), "images are in both gender lists and get no label", in_both))
    if in_neither:
        what = "images are in neither gender list and get no label"
        problems.append(counted(len(in_neither), len(files), what, in_neither))
    codes_of: dict[str, set[int]] = {}
    for name, code in zip(people, values.tolist(), strict=True):
        codes_of.setdefault(name, set()).add(code)
    mixed = [name for name, codes in codes_of.items() if len(codes - {MISSING}) > 1]
    if mixed:
        problems.append(counted(len(mixed), len(codes_of), "people are female in one image and male in another", mixed))
    return values, problems, notes


def read_pairs(path: Path, keys: Sequence[str]) -> OfficialPairs:
    """The pairs of LFW's ten-fold file: a line ``folds pairs``, then per fold that many matches and as many mismatches.

    keys : N names of the images, in any form (``Keys``): ``Ann_0001.jpg``, ``Ann/Ann_0001.png`` …

    Raises
    ------
    InputError : a malformed line, an image that is not there or is paired with itself, or fewer pairs than announced.
    """
    lines = read_lines(path)
    folds, each = [whole_number(word) or 0 for word in lines[0].split()] if len(lines[0].split()) == 2 else (0, 0)
    if not (folds and each):
        raise InputError(f"{path}:1 must be two numbers, of folds and of pairs a fold, not {lines[0][:60]!r}")
    body = [(number, line.split("\t")) for number, line in enumerate(lines[1:], start=2) if line]
    if len(body) != 2 * folds * each:
        raise InputError(f"{path} announces {2 * folds * each} pairs and holds {len(body)}: get a whole copy")
    named: list[str] = []
    for number, words in body:
        if len(words) not in (3, 4):
            raise InputError(f"{path}:{number} must be NAME I J or NAME I NAME J, separated by tabs")
        left = _file(words[0], words[1])
        right = _file(words[-2], words[-1]) if len(words) == 4 else _file(words[0], words[2])
        if left == right:
            raise InputError(f"{path}:{number} pairs {left} with itself, which tells nothing: get a whole copy")
        named += [left, right]
    rows = Keys(keys, "the data").match(named).places
    absent = np.flatnonzero(rows < 0)
    if len(absent):
        where, file = f"{path}:{body[absent[0] // 2][0]}", named[absent[0]]
        raise InputError(f"{where} names {file}, which is not among the images: get a whole copy, or remove {PAIRS}")
    same = np.array([len(words) == 3 for _, words in body])
    return OfficialPairs(rows[::2], rows[1::2], same, np.repeat(np.arange(folds), 2 * each))


def _file(name: str, number: str) -> str:
    digits = whole_number(number)
    return f"{name}_{number}" if digits is None else f"{name}_{digits:04d}.jpg"
