"""Cross-fitting: people dealt to folds, of which each is tested once by attacks that learned from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from aiakit.contracts import IntArray
from aiakit.datasets.splits import ATTACKED, OUTSIDE, Split, majority
from aiakit.errors import InputError

FEWEST = 3  # one to test, one to choose on, and one to learn from
USUAL = 5
SINGLE = "--folds 1 for a single split"


def cross_fitted(
    split: Split, unit: IntArray, values: IntArray, classes: Sequence[str], folds: int, seed: int
) -> Split:
    """The split with the people who are not the defender's dealt to so many folds; as it is with one.

    Units are dealt class by class, so that folds differ by one unit of each class at most.

    unit : int64 (N,), whose images stay together: a person, or several who share images. values : int64 (N,) classes
    of the images; a unit is of its most frequent one.

    Raises
    ------
    InputError : two folds, or a class with fewer people than folds.
    """
    if folds == 1:
        return split
    if folds < FEWEST:
        raise InputError(f"--folds {folds} cannot be done: one fold is tested, one chosen on, others learned from, so "
                         f"that it takes {FEWEST} or more ({SINGLE})")  # fmt: skip
    owner, label = _of_class(split, unit, values, classes)
    rng, place, start = np.random.default_rng([seed, folds]), np.empty(len(label), np.int64), 0
    for code, name in enumerate(classes):
        members = rng.permutation(np.flatnonzero(label == code))
        if len(members) < folds:
            raise InputError(
                f"--folds {folds} cannot be done: {len(members)} people with {split.attribute} = {name} on most of "
                f"their images can be dealt, and each fold needs one at least; ask for fewer folds, or {SINGLE}"
            )
        place[members] = (start + np.arange(len(members))) % folds
        start += len(members)  # the next class goes on where this one ended
    dealt = np.full(len(unit), OUTSIDE, np.int64)
    dealt[split.attacked()] = place[owner]
    return replace(split, folds=dealt)


def usually_cross_fitted(split: Split, unit: IntArray, values: IntArray, classes: Sequence[str], seed: int) -> Split:
    """The split in five folds where every class has people enough for them, else as it is, with a note."""
    people = np.bincount(_of_class(split, unit, values, classes)[1], minlength=len(classes))
    fewest = USUAL * len(ATTACKED)
    if people.min() >= fewest:
        return cross_fitted(split, unit, values, classes, USUAL, seed)
    note = (
        f"people were dealt to one split, and not to {USUAL} folds: {people.min()} of them have {split.attribute} = "
        f"{classes[int(people.argmin())]} on most of their images, where folds need {fewest}"
    )
    return replace(split, notes=(*split.notes, note))


def _of_class(split: Split, unit: IntArray, values: IntArray, classes: Sequence[str]) -> tuple[IntArray, IntArray]:
    """The unit of each attacked image, by its number, and the most frequent class of each unit."""
    rows = split.attacked()
    owner = np.asarray(np.unique(unit[rows], return_inverse=True)[1], np.int64)
    return owner, majority(owner, values[rows], int(owner.max()) + 1, len(classes))
