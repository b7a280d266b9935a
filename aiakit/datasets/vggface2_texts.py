"""The text files of VGGFace2: who is who, and where the faces are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.storage.longtables import read_rows
from aiakit.storage.tables import Table, read_lines, whole_number
from aiakit.storage.text import NUMBER

TEXTS = (".", "meta", "data", "VGG-Face2/meta", "VGG-Face2", "VGG-Face2/data")  # where they may lie
# Class_ID, Name, Sample_Num, Flag, and what follows. Names hold commas, quoted or not, so numbers tell where they end.
ROW = re.compile(r"(?P<person>[^\s,]+)\s*,.*,\s*\d+\s*,\s*[01]\s*,(?P<rest>.*)")
BOXES, LANDMARKS = "bb_landmark/loose_bb_*.csv", "bb_landmark/loose_landmark_*.csv"  # a part of the set each
NAMED_BEFORE = 4  # columns of the header before those that follow
# The set's authors show their networks the middle square of the detector's box extended by 0.3.
EXTENDED = 1.3


def name_id(file: str) -> str:
    """What the tables call an image: ``n000002/0001_01`` of ``n000002/0001_01.jpg``."""
    head, dot, _ = file.rpartition(".")
    return head if dot else file


def read_people(path: Path) -> Table:
    """``identity_meta.csv`` with the columns Class_ID, Gender and those that follow it, whatever a name holds."""
    lines = [(number, line) for number, line in enumerate(read_lines(path), start=1) if line]
    columns = ["Gender"]
    if lines and lines[0][1].casefold().startswith(("class_id", '"class_id')):
        columns = [cell.strip(' "') for cell in lines.pop(0)[1].rstrip(", ").split(",")][NAMED_BEFORE:]
    if "gender" not in map(str.casefold, columns):
        raise InputError(f"{path} has no column Gender: expected Class_ID, Name, Sample_Num, Flag, Gender")
    rows = []
    for number, line in lines:
        found = ROW.fullmatch(line)
        cells = [cell.strip(' "') for cell in found["rest"].split(",")] if found else []
        while cells and not cells[-1]:  # many rows end with a comma
            cells.pop()
        if found is None or len(cells) > len(columns):
            raise InputError(f"{path}:{number} must be Class_ID, Name, Sample_Num, Flag, {', '.join(columns)}")
        rows.append((number, (found["person"].strip('"'), *cells, *[""] * (len(columns) - len(cells)))))
    if not rows:
        raise InputError(f"{path} is empty: expected a line for each person")
    return Table(path, ("Class_ID", *columns), tuple(rows))


def read_boxes(root: Path, parts: Sequence[str], files: Sequence[str]) -> NDArray[np.float64] | None:
    """Float64 (N, 4), a square about the face in each image, NaN where it has none; None without any table.

    files : N names ``nXXXXXX/IMAGE.jpg``. Raises InputError for a malformed table, or tables of other images.
    """
    return _read(root, [BOXES.replace("*", part) for part in parts], ("x", "y", "w", "h"), files, _square)


def read_landmarks(root: Path, parts: Sequence[str], files: Sequence[str]) -> NDArray[np.float64] | None:
    """Float64 (N, 10): x, y of both eyes, the nose and the corners of the mouth, as ``read_boxes``."""
    columns = tuple(f"p{number}{axis}" for number in range(1, 6) for axis in "xy")
    return _read(root, [LANDMARKS.replace("*", part) for part in parts], columns, files, _points)


def _read(
    root: Path,
    names: Sequence[str],
    columns: Sequence[str],
    files: Sequence[str],
    parse: Callable[[Path, int, list[str]], Sequence[float]],
) -> NDArray[np.float64] | None:
    """What the tables of some names say of each image in some columns, as ``parse`` understands their cells."""
    places = ([root / folder / name for folder in TEXTS] for name in names)
    tables = [path for some in places if (path := next((place for place in some if place.is_file()), None))]
    if not tables:
        return None
    row_of = {name_id(name): row for row, name in enumerate(files)}
    found = np.full((len(files), len(columns)), np.nan)
    for path in tables:
        head, rows = read_rows(path)
        at = [head.position((name,), "the place of a face") for name in ("name_id", *columns)]
        for line, cells in rows:
            row = row_of.get(cells[at[0]])
            if row is not None:
                found[row] = parse(path, line, [cells[place] for place in at[1:]])
    if np.isnan(found).all():
        raise InputError(f"{tables[0]} has none of the {len(files)} images, {files[0]} for one: it is of other images")
    return found


def _square(path: Path, line: int, cells: list[str]) -> Sequence[float]:
    """The square about the middle of X, Y, W, H; boxes may begin left of and above the picture."""
    numbers = [whole_number(cell.removeprefix("-")) for cell in cells]
    if None in numbers or 0 in numbers[2:]:
        raise InputError(f"{path}:{line} must be NAME_ID,X,Y,W,H in pixels, not {','.join(cells)!r}")
    left, top, width, height = map(int, cells)
    half = EXTENDED * min(width, height) / 2
    x, y = left + width / 2, top + height / 2
    return x - half, y - half, x + half, y + half


def _points(path: Path, line: int, cells: list[str]) -> Sequence[float]:
    if not all(NUMBER.fullmatch(cell) for cell in cells):
        raise InputError(f"{path}:{line} must be NAME_ID,P1X,P1Y,…,P5X,P5Y in pixels, not {','.join(cells)!r}")
    return [float(cell) for cell in cells]
