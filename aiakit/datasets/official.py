"""Verification pairs from a file: LFW's own format, or CSV with left, right, same and perhaps fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, OfficialPairs
from aiakit.datasets.lfw import read_pairs
from aiakit.errors import InputError
from aiakit.storage.tables import read_csv, read_lines

FOLDS = 10
SAME = {"1": True, "true": True, "yes": True, "same": True, "0": False, "false": False, "no": False, "different": False}


def read_official_pairs(path: Path, keys: Sequence[str] | None, rows: int) -> OfficialPairs:
    """The pairs as row numbers of a source of N rows.

    keys : N names of the rows, such as files; None where rows have no names. LFW's format needs them.
    CSV names rows by these keys, or by row numbers from 0. Without a column ``fold`` pair i is in fold i mod 10.

    Raises
    ------
    InputError : malformed, a row that is not there, or pairs of one kind only.
    """
    lines = read_lines(path)
    if lines and len(lines[0].split()) == 2 and lines[0].replace("\t", "").replace(" ", "").isdecimal():
        if keys is None:
            raise InputError(f"{path} names pictures: say which column of the data does with --join-on COL")
        pairs = read_pairs(path, {Path(key).name: row for row, key in enumerate(keys)})
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
    named = {str(row): row for row in range(rows)}
    named.update({key: row for row, key in enumerate(keys or ())})
    sides: tuple[list[int], list[int]] = ([], [])
    truth, folds = [], []
    for number, (line, cells) in enumerate(table.rows):
        for side, place in zip(sides, (left, right), strict=True):
            if cells[place] not in named:
                raise InputError(f"{path}:{line} names {cells[place]!r}, which is neither a row number nor a key here")
            side.append(named[cells[place]])
        if cells[same].casefold() not in SAME:
            raise InputError(f"{path}:{line}: same must be 1 or 0, not {cells[same]!r}")
        truth.append(SAME[cells[same].casefold()])
        folds.append(str(number % FOLDS) if fold is None else cells[fold])
    codes = {fold: code for code, fold in enumerate(sorted(set(folds)))}
    return OfficialPairs(
        np.array(sides[0], np.int64),
        np.array(sides[1], np.int64),
        np.array(truth),
        np.array([codes[fold] for fold in folds]),
    )
