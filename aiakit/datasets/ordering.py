"""Whether two sources have their rows in one order, as far as the columns of both can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray
from aiakit.datasets.absence import Told, told_by_absence
from aiakit.datasets.labels import categorical
from aiakit.errors import InputError
from aiakit.storage.embeddings import Columns, Source
from aiakit.storage.keys import Keys, agree, without_ending
from aiakit.storage.text import NUMBER, cleaned, loose, plain_number

MANY = 10  # different cells of a column; fewer may be the values of two attributes
IN_COMMON = 0.9  # share of the names that two columns have in common when they name the same rows


@dataclass(frozen=True)
class InOrder:
    """A reference in the order of a release.

    values : a row for each of the release's. absence : attribute → what is told by which rows the release lacks.
    """

    values: NDArray[Any]
    notes: list[str]
    absence: dict[str, Told]


def shared_columns(left: Columns, right: Columns) -> list[tuple[str, str]]:
    """The columns of one name in both, capitals aside."""
    folded = {name.casefold(): name for name in right}
    return [(name, folded[name.casefold()]) for name in left if name.casefold() in folded]


def keys_of_rows(mine: Columns, theirs: Columns) -> list[tuple[str, str]]:
    """The columns that name every row in both: of one name, or the same names in columns of whatever name.

    Numbers that count the rows of both name none.
    """
    named = [*shared_columns(mine, theirs), *same_cells(mine, theirs)]
    keys = [
        (left, right)
        for left, right in named
        if _tells_apart(mine[left])
        and _tells_apart(theirs[right])
        and not (_counts_rows(mine[left]) and _counts_rows(theirs[right]))
    ]
    return list(dict.fromkeys([*keys, *_same_names(mine, theirs)]))


def same_cells(mine: Columns, theirs: Columns) -> list[tuple[str, str]]:
    """The columns of different names that hold the same cells, many of them different ones, in whatever order.

    They name the same rows, or the same people. A column that counts the rows is none of them.
    """
    found = [
        {name: _counts(cells) for name, cells in each.items() if not _counts_rows(cells)} for each in (mine, theirs)
    ]
    return [
        (left, right)
        for left, counts in found[0].items()
        for right, others in found[1].items()
        if left.casefold() != right.casefold() and len(counts) >= MANY and counts == others
    ]


def _counts(cells: Sequence[str]) -> Counter[str]:
    """How often each cell occurs, numbers and texts in one form."""
    counts: Counter[str] = Counter()
    for cell, count in Counter(cells).items():
        counts[plain_number(cleaned(cell))] += count
    return counts


def _counts_rows(cells: Sequence[str]) -> bool:
    """Whether a column numbers the rows in their order, as pandas' index does: 0, 1, 2 … or 1, 2, 3 …"""
    first = cells[0] if len(cells) else ""
    return first in ("0", "1") and all(cell == str(row) for row, cell in enumerate(cells, start=int(first)))


def _same_names(left: Columns, right: Columns) -> list[tuple[str, str]]:
    """The columns, whatever they are called, that name every row by a text of its own, and the same rows in both."""
    named = [{name: forms for name, cells in each.items() if (forms := _names_rows(cells))} for each in (left, right)]
    return [
        (one, other)
        for one, mine in named[0].items()
        for other, theirs in named[1].items()
        if len(mine & theirs) >= IN_COMMON * min(len(mine), len(theirs))
    ]


def _names_rows(cells: Sequence[str]) -> set[str]:
    """The names that a column gives its rows, in one form; empty where it does not tell them apart."""
    distinct = {cell for cell in cells if cell}
    if len(distinct) < len(cells) or len(cells) < 2 or all(NUMBER.fullmatch(cell) for cell in distinct):
        return set()
    names = {loose(without_ending(cell)).rpartition("/")[2] for cell in distinct}
    return names if len(names) == len(cells) else {loose(without_ending(cell)) for cell in distinct}


def first_difference(left: Sequence[str], right: Sequence[str]) -> int | None:
    """The first row in which two columns say different things; None where they never do."""
    if coded_otherwise(left, right):
        return None
    pairs = enumerate(zip(left, right, strict=True))
    return next((row for row, (mine, theirs) in pairs if mine and theirs and not agree(mine, theirs)), None)


def coded_otherwise(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two columns tell the same groups of rows apart by other words: 0 and 1 for female and male."""
    pairs = {(cleaned(mine), cleaned(theirs)) for mine, theirs in zip(left, right, strict=True) if mine and theirs}
    mine, theirs = ({pair[side] for pair in pairs} for side in (0, 1))
    return len(pairs) == len(mine) == len(theirs) <= len(left) // 2 and not mine & theirs


def in_order_of(reference: Source, source: Source, join_on: str | None, private: Collection[str] = ()) -> InOrder:
    """The rows of a reference in the order of the release.

    source : the release, whose columns may be those of its table of labels as well. They are joined by a column of both
    that names every row (that of ``join_on`` before others), and taken in order where there is none.
    private : the names of the attributes.

    Raises
    ------
    InputError : rows that the reference lacks, or columns of both that disagree.
    """
    theirs, mine, notes = reference.columns, source.columns, list[str]()
    absence: dict[str, Told] = {}
    preferred = (join_on or source.key).partition("=")[0]
    keys = sorted(keys_of_rows(mine, theirs), key=lambda key: key[0] != preferred)
    values = reference.values
    if keys:
        left, right = keys[0]
        found = Keys(theirs[right], reference.name).match(mine[left])
        absent = [key for key, place in zip(mine[left], found.places, strict=True) if place < 0]
        if absent:
            raise InputError(
                f"the reference {reference.name} has no row for {len(absent)} of {len(mine[left])} rows ({left} "
                f"{absent[0]!r} for one): give the same rows"
            )
        remarks, absence = _not_released(reference, source.name, found.places, private)
        notes += remarks
        values = values[found.places]
        theirs = {name: [cells[place] for place in found.places] for name, cells in theirs.items()}
        notes += [f"reference: {note}" for note in found.notes]
        if (found.places[1:] < found.places[:-1]).any():
            notes.append(
                f"the rows of the reference {reference.name} were joined by {right}: they are in another order"
            )
    elif len(values) == len(source.values):
        notes.append(f"the rows of the reference {reference.name} were taken to be in the order of {source.name}")
    else:
        return InOrder(values, notes, absence)  # ``make_samples`` says that the numbers of rows differ
    for left, right in [*([] if keys else same_cells(mine, theirs)), *shared_columns(mine, theirs)]:
        row = first_difference(mine[left], theirs[right])
        if row is not None:
            raise InputError(
                f"the reference {reference.name} has the {right} {theirs[right][row]!r} where row {row} of "
                f"{source.name} has {mine[left][row]!r}, so their rows are not the same: give both a column that "
                "names every row"
            )
    return InOrder(values, notes, absence)


def _not_released(
    reference: Source, name: str, places: IntArray, private: Collection[str]
) -> tuple[list[str], dict[str, Told]]:
    """Notes where the reference has rows that the release lacks, and what these being missing tells of attributes.

    What is left is measured, and this is what nothing else would say of the choice.
    """
    absent = np.ones(len(reference.values), bool)
    absent[places] = False
    if not absent.any():
        return [], {}
    told = {
        column: found
        for column in sorted(set(private) & set(reference.columns))
        if (found := told_by_absence(absent, categorical(reference.columns[column])))
    }
    which = "".join(f"; which ones tells {column} ({found.words})" for column, found in told.items())
    return [f"{name} lacks {absent.sum()} of the {len(absent)} rows of the reference {reference.name}{which}"], told


def _tells_apart(cells: Sequence[str]) -> bool:
    return "" not in cells and len(set(cells)) == len(cells)
