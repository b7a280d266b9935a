"""Pairs as LFW writes them, ``NAME I J`` and ``NAME I NAME J``: its own ten-fold file, and the lists of RFW."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, OfficialPairs
from aiakit.errors import InputError
from aiakit.storage.keys import Keys
from aiakit.storage.tables import read_lines, whole_number

PAIRS = "pairs.txt"


def lfw_file(name: str, number: str) -> str:
    """What LFW calls an image: ``Aaron_Eckhart_0001.jpg`` of ``Aaron Eckhart`` and ``1``."""
    digits = whole_number(number)
    person = "_".join(name.split())
    return f"{person}_{number}" if digits is None else f"{person}_{digits:04d}.jpg"


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
    left, right, same = paired_rows(path, lines[1:], keys, first=2)
    if len(same) != 2 * folds * each:
        raise InputError(f"{path} announces {2 * folds * each} pairs and holds {len(same)}: get a whole copy")
    return OfficialPairs(left, right, same, np.repeat(np.arange(folds), 2 * each))


def paired_rows(
    path: Path, lines: Sequence[str], keys: Sequence[str], first: int = 1
) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
    """Of each pair its left and right row among the keys, and whether they show one person.

    first : the number of the first line. Raises InputError as ``read_pairs`` does.
    """
    body = [(number, line.split("\t")) for number, line in enumerate(lines, start=first) if line]
    named: list[str] = []
    for number, words in body:
        if len(words) not in (3, 4):
            raise InputError(f"{path}:{number} must be NAME I J or NAME I NAME J, separated by tabs")
        left = lfw_file(words[0], words[1])
        right = lfw_file(words[-2], words[-1]) if len(words) == 4 else lfw_file(words[0], words[2])
        if left == right:
            raise InputError(f"{path}:{number} pairs {left} with itself, which tells nothing: get a whole copy")
        named += [left, right]
    rows = Keys(keys, "the data").match(named).places
    absent = np.flatnonzero(rows < 0)
    if len(absent):
        where, file = f"{path}:{body[absent[0] // 2][0]}", named[absent[0]]
        raise InputError(
            f"{where} names {file}, which is not among the images: get a whole copy, or remove {path.name}"
        )
    return rows[::2], rows[1::2], np.array([len(words) == 3 for _, words in body])
