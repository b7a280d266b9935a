"""Adience (Eidinger et al., "Age and gender estimation of unfiltered faces", 2014) as it is distributed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from aiakit.contracts import MISSING, Attribute
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.errors import InputError
from aiakit.storage.tables import Table, read_csv
from aiakit.storage.text import counted, says_nothing

FOLDS = range(5)
PICTURES = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}  # folder → how its files begin
GENDER = {"f": "female", "m": "male"}  # u, or nothing, is not known
AGES = {"0-2": (0, 2), "4-6": (4, 6), "8-13": (8, 13), "15-20": (15, 20), "25-32": (25, 32), "38-43": (38, 43),
        "48-53": (48, 53), "60+": (60, 150)}  # fmt: skip
AGE = re.compile(r"\((\d{1,3}), ?(\d{1,3})\)|(\d{1,3})")
COLUMNS = {"user_id": "the album", "original_image": "the picture", "face_id": "the person", "age": "the age",
           "gender": "the gender"}  # fmt: skip


@dataclass(eq=False)
class Adience(RawPhotographs):
    """26,580 pictures of 2,284 people from albums on Flickr, with gender and age in eight groups.

    A person is a ``face_id``, which counts on through all users and folds up to the number of people: wherever it
    returns, in other pictures of an album, it stands by the same gender and age, and never twice in one picture. A
    ``user_id`` is whose album it is, which shows several people. Who appears in two albums has two numbers.

    frontal : whether to read the lists of faces that look ahead, ``fold_frontal_*_data.txt``.
    """

    summary: ClassVar[str] = "Adience: gender, age in eight groups, people by face_id"

    frontal: bool = False

    def photographs(self, root: Path) -> Photographs:
        folder = next((name for name in PICTURES if (root / name).is_dir()), None)
        if folder is None:
            raise InputError(f"{root} holds neither aligned/ nor faces/: unpack Adience's pictures there")
        rows, problems = _rows(root, "fold_frontal" if self.frontal else "fold")
        files = [f"{user}/{PICTURES[folder]}.{face}.{image}" for user, image, face, _, _ in rows]
        ages, remarks = _ages([age for *_, age, _ in rows])
        codes = {letter: code for code, letter in enumerate(GENDER)}
        genders = np.array([codes.get(gender.casefold(), MISSING) for *_, gender in rows], np.int64)
        return Photographs(
            name="adience",
            files=files,
            paths=[root / folder / file for file in files],
            people=[face for _, _, face, _, _ in rows],
            attributes={"gender": Attribute(genders, tuple(GENDER.values())), "age": ages},
            default_attribute="gender",
            problems=problems,
            remarks=remarks,
        )


def _rows(root: Path, stem: str) -> tuple[list[Sequence[str]], list[str]]:
    """The COLUMNS of every face of all folds, and what is wrong with the lists."""
    paths = [root / f"{stem}_{fold}_data.txt" for fold in FOLDS]
    absent = [path.name for path in paths if not path.is_file()]
    if len(absent) == len(paths):
        raise InputError(f"there is no {absent[0]} … {absent[-1]} in {root}: Adience's labels come from them")
    problems = [f"there is no {', '.join(absent)}: the faces of other folds alone are read"] if absent else []
    found: dict[tuple[str, ...], Sequence[str]] = {}
    listed = 0
    for path in paths:
        if path.is_file():
            table = read_csv(path)
            places = [table.position((name,), what) for name, what in COLUMNS.items()]
            for line, cells in table.rows:
                row = [cells[place] for place in places]
                _require_key(table, line, row)
                found.setdefault(tuple(row[:3]), row)
                listed += 1
    if listed > len(found):
        problems.append(f"{listed - len(found)} of {listed} lines list a face again and are left out")
    return list(found.values()), problems


def _require_key(table: Table, line: int, row: Sequence[str]) -> None:
    if not all(row[:3]) or not row[2].isdecimal():
        raise InputError(f"{table.path}:{line} must name an album, a picture and a number of a face, not {row[:3]}")


def _ages(cells: Sequence[str]) -> tuple[Attribute, list[str]]:
    """The group in which each age or range of ages lies, and a remark on those that lie in none."""
    group_of = {cell: _group(cell) for cell in dict.fromkeys(cells)}
    values = np.array([group_of[cell] for cell in cells], np.int64)
    between = [cell for cell in cells if group_of[cell] == MISSING and not says_nothing(cell)]
    what = "ages lie between the groups and are not known"
    remarks = [counted(len(between), len(cells), what, dict.fromkeys(between))] if between else []
    return Attribute(values, tuple(AGES)), remarks


def _group(cell: str) -> int:
    found = AGE.fullmatch(cell)
    if not found:
        return MISSING
    first, last = (int(found[1]), int(found[2])) if found[1] else (int(found[3]), int(found[3]))
    inside = (code for code, (low, high) in enumerate(AGES.values()) if low <= first <= last <= high)
    return next(inside, MISSING)
