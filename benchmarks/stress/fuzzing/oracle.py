"""One small world in which every value tells whose it is, and what nobody may make of it.

Row r of the world belongs to person r // EACH and shows itself: the first number of its embedding is r + 0.25, its
picture is called after r and is of one grey, 6 r + 3. So a reader that puts another row, person or value beside it is
found out, and so is one that loses some of them and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Attribute
from aiakit.datasets.samples import Samples
from aiakit.storage.text import cleaned, plain_number

ROWS, EACH, DIMENSIONS = 40, 4, 4
PEOPLE = ROWS // EACH
FILES = tuple(f"p{row:02d}/é{row}.jpg" for row in range(ROWS))
LOSSES = ("left out", "not known", "no row", "missing", "no label", "taken for one value", "may be one value")
IN_ORDER = "taken to be in the order"


class Misread(Exception):
    """A reader accepted a row and gave it what is another's, or lost it and said nothing."""


def person_of(row: int) -> str:
    return str(10 + row // EACH)


def gender_of(row: int) -> str:
    return "mf"[row // EACH % 2]


def embedding() -> NDArray[np.float64]:
    """(ROWS, DIMENSIONS), rounded to what a text holds."""
    values = np.random.default_rng(0).normal(size=(ROWS, DIMENSIONS)).round(3)
    values[:, 0] = np.arange(ROWS) + 0.25
    return values


def rows_of(values: NDArray[Any]) -> list[int]:
    """The rows of the world that N embeddings are of, in whatever unit they are: all of them, or else as they are."""
    first = np.asarray(values[:, 0], np.float64)
    places = np.argsort(np.argsort(first)) if len(first) == ROWS else np.round(first - 0.25).astype(int)
    return [int(place) for place in places]


def require_width(values: NDArray[Any]) -> None:
    if values.shape[1:] != (DIMENSIONS,):
        raise Misread(f"{values.shape[1:]} of {DIMENSIONS} dimensions")


def require_samples(samples: Samples, tied: bool = True) -> None:
    """What an audit would measure. tied : whether names in both files say which rows belong together."""
    require_width(samples.values)
    names = [samples.people[code] if code != MISSING else None for code in samples.identity]
    require_rows(rows_of(samples.values), names, samples.attributes["gender"], samples.notes, tied)


def require_rows(
    rows: Sequence[int],
    people: Sequence[str | None] | None,
    gender: Attribute | None,
    notes: Iterable[str],
    tied: bool = True,
) -> None:
    """That N samples, which are these rows of the world, have the people and genders of these rows.

    people : N names, None where nobody is known; None where people are not looked at. gender : of N values.
    """
    said = " ".join(notes)
    if not tied and IN_ORDER in said:
        return
    lost = len(rows) < ROWS
    for at, row in enumerate(rows):
        if people is not None:
            name = people[at]
            lost |= name is None
            if name is not None and plain_number(cleaned(name)) != person_of(row):
                raise Misread(f"row {row} is called {name!r}")
        if gender is not None:
            value = gender.values[at]
            lost |= value == MISSING
            if value != MISSING and cleaned(gender.classes[value]).casefold() != gender_of(row):
                raise Misread(f"row {row} is {gender.classes[value]!r}")
    if gender is not None and len(gender.classes) != 2:
        raise Misread(f"the classes {gender.classes}")
    if people is not None and len(set(people) - {None}) > PEOPLE:
        raise Misread(f"{len(set(people) - {None})} people for {PEOPLE}")
    if lost and not any(word in said for word in LOSSES):
        raise Misread("rows, people or values were lost without a word")
