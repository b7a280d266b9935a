"""The text files of VGGFace2: who is who, and where the faces are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.storage.longtables import read_rows
from aiakit.storage.tables import Table, read_lines, whole_number

TEXTS = (".", "meta", "data", "VGG-Face2/meta", "VGG-Face2", "VGG-Face2/data")  # where they may lie
# Class_ID, Name, Sample_Num, Flag, and what follows. Names hold commas, quoted or not, so numbers tell where they end.
ROW = re.compile(r"(?P<person>[^\s,]+)\s*,.*,\s*\d+\s*,\s*[01]\s*,(?P<rest>.*)")
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


def read_boxes(root: Path, parts: Sequence[str], files: Sequence[str]) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Float64 (N, 4), a square about the face in each image, NaN where it has none; None without any table. Remarks.

    files : N names ``nXXXXXX/IMAGE.jpg``. Raises InputError for a malformed table, or tables of other images.
    """
    found = [_table(root, part) for part in parts]
    tables = [path for path in found if path is not None]
    if not tables:
        return None, ["there is no bb_landmark/loose_bb_*.csv: the middle of each picture was taken"]
    row_of = {name_id(name): row for row, name in enumerate(files)}
    boxes = np.full((len(files), 4), np.nan)
    for path in tables:
        head, rows = read_rows(path)
        places = [head.position((name,), "the face boxes") for name in ("name_id", "x", "y", "w", "h")]
        for line, cells in rows:
            row = row_of.get(cells[places[0]])
            if row is not None:
                boxes[row] = _square(path, line, [cells[place] for place in places[1:]])
    if np.isnan(boxes).all():
        raise InputError(f"{tables[0]} has none of the {len(files)} images, {files[0]} for one: it is of other images")
    return boxes, []


def _table(root: Path, part: str) -> Path | None:
    places = (root / name / "bb_landmark" / f"loose_bb_{part}.csv" for name in TEXTS)
    return next((path for path in places if path.is_file()), None)


def _square(path: Path, line: int, cells: list[str]) -> tuple[float, float, float, float]:
    """The square about the middle of X, Y, W, H; boxes may begin left of and above the picture."""
    numbers = [whole_number(cell.removeprefix("-")) for cell in cells]
    if None in numbers or 0 in numbers[2:]:
        raise InputError(f"{path}:{line} must be NAME_ID,X,Y,W,H in pixels, not {','.join(cells)!r}")
    left, top, width, height = map(int, cells)
    half = EXTENDED * min(width, height) / 2
    x, y = left + width / 2, top + height / 2
    return x - half, y - half, x + half, y + half
