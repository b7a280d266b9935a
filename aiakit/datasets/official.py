"""Verification pairs from a file: LFW's own format, or CSV with left, right, same and perhaps fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, OfficialPairs
from aiakit.datasets.lfw_pairs import read_pairs
from aiakit.errors import InputError
from aiakit.storage.keys import Keys
from aiakit.storage.tables import Table, read_csv, read_lines, whole_number
from aiakit.storage.text import cleaned, plain_number

FOLDS = 10
WHICH_COLUMN = "say which column of the data does with --join-on COL"
SAME = {
    **dict.fromkeys(("1", "true", "yes", "same", "match", "genuine", "t", "y"), True),
    **dict.fromkeys(("0", "-1", "false", "no", "different", "mismatch", "impostor", "f", "n"), False),
}


def read_official_pairs(path: Path, keys: Sequence[str] | None, rows: int) -> OfficialPairs:
    """The pairs as row numbers of a source of N rows.

    keys : N names of the rows, such as files; None where rows have no names. LFW's format needs them.
    CSV names rows by these keys, in any form, or by row numbers from 0: all of them in one of the two ways. Without a
    column ``fold`` pair i is in fold i mod 10.

    Raises
    ------
    InputError : malformed, a row that is not there, a row with itself, or pairs of one kind only.
    """
    lines = read_lines(path)
    if lines and len(lines[0].split()) == 2 and lines[0].replace("\t", "").replace(" ", "").isdecimal():
        if keys is None:
            raise InputError(f"{path} names pictures: {WHICH_COLUMN}")
        pairs = read_pairs(path, keys)
    else:
        pairs = _from_csv(path, keys, rows)
    problem = why_unjudgeable(pairs.same, pairs.fold)
    if problem:
        raise InputError(f"{path}: {problem}")
    return pairs


def why_unjudgeable(same: NDArray[np.bool_], fold: IntArray) -> str:
    """Why pairs cannot be judged fold by fold, each at the threshold of all others; "" where they can."""
    folds = np.unique(fold)
    if len(folds) < 2:
        return "verification by folds needs pairs in two folds at least"
    for each in folds:
        others = same[fold != each]
        if others.all() or not others.any():
            return "both kinds of pairs, same and different, are needed outside every fold: mix them"
    return ""


def _from_csv(path: Path, keys: Sequence[str] | None, rows: int) -> OfficialPairs:
    table = read_csv(path)
    left, right, same = (table.position((name,), "verification pairs") for name in ("left", "right", "same"))
    fold = table.find(("fold",))
    sides = _sides(table, (left, right), keys, rows)
    truth, folds = [], []
    for number, (line, cells) in enumerate(table.rows):
        if sides[0][number] == sides[1][number]:
            raise InputError(f"{path}:{line} pairs {cells[left]} with itself, which tells nothing: remove such pairs")
        said = plain_number(cleaned(cells[same]), zeros=True).casefold()
        if said not in SAME:
            raise InputError(f"{path}:{line}: same must be 1 or 0, not {cells[same]!r}")
        truth.append(SAME[said])
        folds.append(str(number % FOLDS) if fold is None else plain_number(cleaned(cells[fold]), zeros=True))
    codes = {fold: code for code, fold in enumerate(sorted(set(folds)))}
    return OfficialPairs(sides[0], sides[1], np.array(truth), np.array([codes[fold] for fold in folds]))


def _sides(table: Table, places: Sequence[int], keys: Sequence[str] | None, rows: int) -> list[IntArray]:
    """The rows that two columns name: all of them by keys, or else all by numbers."""
    cells = [(line, cells[place]) for place in places for line, cells in table.rows]
    numbers = [whole_number(plain_number(cell)) for _, cell in cells]
    if None in numbers:
        found = Keys(keys or (), "the data").match([cell for _, cell in cells]).places.tolist()
    else:  # a number is no picture of a similar name
        exact = {key: row for row, key in enumerate(keys or ())}
        found = [exact.get(cell, -1) for _, cell in cells]
        if max(found) < 0:
            found = [number if number is not None and number < rows else -1 for number in numbers]
    if -1 in found:
        line, cell = cells[found.index(-1)]
        if keys is None and None in numbers:
            raise InputError(f"{table.path}:{line} names {cell!r}: {WHICH_COLUMN}")
        raise InputError(f"{table.path}:{line} names {cell!r}, which is neither a row number nor a key here")
    return list(np.array(found, np.int64).reshape(len(places), len(table.rows)))
