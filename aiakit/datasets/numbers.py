"""Numeric attributes (an age, a score) from columns of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.storage.text import NUMBER, cleaned, says_nothing

FEWEST_VALUES = 3  # of a column that is taken for numbers without being named: two are classes
LARGEST = 1e15  # beyond it sums of squares lose what they are of


def numbers_of(name: str, cells: Sequence[str]) -> NDArray[np.float64]:
    """The cells as numbers, NaN where they say nothing. Raises InputError for a cell that says something else."""
    found = {cell: _number(cell) for cell in dict.fromkeys(cells)}
    for row, cell in enumerate(cells):
        value = found[cell]
        if value is None:
            raise InputError(
                f"--numeric {name} holds {cell!r} in row {row}, which is no number: leave it empty where it is not "
                "known, or infer its classes by --attribute"
            )
        if abs(value) > LARGEST:
            raise InputError(f"--numeric {name} reaches {value:.3g} in row {row}, beyond {LARGEST:g}: scale it down")
    return np.array([found[cell] for cell in cells], np.float64)


def numeric_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, NDArray[np.float64]]:
    """The columns that hold numbers and nothing else, and more than two different ones."""
    found = {}
    for name, cells in columns.items():
        try:
            values = numbers_of(name, cells)
        except InputError:
            continue
        if len(np.unique(values[np.isfinite(values)])) >= FEWEST_VALUES:
            found[name] = values
    return found


def _number(cell: str) -> float | None:
    """NaN where nothing is said, None where no number is."""
    text = cleaned(cell)
    if says_nothing(text):
        return float("nan")
    return float(text) if NUMBER.fullmatch(text) else None
