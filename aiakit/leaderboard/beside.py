"""What an entry holds beside its headline: other levels' strongest attacks, a learning curve, and a release's values.

Tensors, beside those of ``aiakit.leaderboard.scores``: ``beside.B.R.val``, ``beside.B.R.test`` as of an attack, of
number B in the entry's ``beside``; ``values.R`` (N,) which of its distinct values the release of the R-th seed takes of
each sample of test, where these are few.
"""

from __future__ import annotations

import itertools

import numpy as np

from aiakit.leaderboard.schema import Entry
from aiakit.leaderboard.tensors import Tensors, checked_tables, seeds_of, table, tensor
from aiakit.measures.several_images import Certified, certified_of, worst_of
from aiakit.results.growth import Growth
from aiakit.results.judge import Judge
from aiakit.results.row import Row

ROUNDED = (
    1e-3  # of balanced accuracy: scores are stored rounded, by which another attack of two that are alike may lead
)


class AnotherLevelReadsMore(ValueError):
    """On attacker-val, than the level of the headline."""


def add_beside(row: Row, entry: Entry, tensors: Tensors, judge: Judge) -> None:
    """Fill in what other levels read, how the leak grows, and what no attack exceeds.

    Raises ValueError where scores are missing or do not fit, and AnotherLevelReadsMore.
    """
    row.certificate = _certificate(tensors, judge)
    curves: dict[str, dict[int, int]] = {}
    for number, attack in enumerate(entry.beside):
        if attack.people is not None:
            curves.setdefault(attack.name, {})[attack.people] = number
            continue
        if attack.level in (entry.level, *row.knowledge):
            raise ValueError(f"the level {attack.level} is there twice")
        tables = checked_tables(tensors, f"beside.{number}", attack, judge.truth)
        found = judge.attack(tables, seeds_of(attack))
        if row.headline is not None and found.val_balanced_accuracy > row.headline.val_balanced_accuracy + ROUNDED:
            raise AnotherLevelReadsMore(
                f"{attack.level} attackers read more on attacker-val than those of the headline's level"
            )
        row.knowledge[attack.level] = {attack.name: found}
    for name, points in curves.items():
        row.growth[name] = _growth(name, points, entry, tensors, judge)


def _growth(name: str, points: dict[int, int], entry: Entry, tensors: Tensors, judge: Judge) -> Growth:
    """The curve of an attack: with fewer people, and with all of them by the headline's first repeat."""
    whole = next((n for n, of in enumerate(entry.attacks) if of.name == name and of.left_after is None), None)
    if whole is None or entry.people_known is None or max(points) >= entry.people_known:
        raise ValueError(f"the learning curve of {name} has no last point: from all people that its attackers know")
    tables = {
        people: checked_tables(tensors, f"beside.{number}", entry.beside[number], judge.truth)
        for people, number in points.items()
    }
    tables[entry.people_known] = [table(tensors, f"attack.{whole}.0")]
    found = {people: judge.attack(repeats) for people, repeats in tables.items()}
    return Growth.of(found, 1 / judge.truth.classes)


def _certificate(tensors: Tensors, judge: Judge) -> Certified | None:
    """The worst of the seeds'; by the people of test, of whom nobody took part in fitting the release."""
    found = []
    labels, identity = judge.truth.labels["test"], judge.truth.identity["test"]
    for name in itertools.takewhile(tensors.__contains__, (f"values.{repeat}" for repeat in itertools.count())):
        values = np.asarray(tensor(tensors, name))
        if values.shape != labels.shape or values.dtype.kind != "i" or (len(values) and values.min() < 0):
            raise ValueError(f"{name} must say of each sample of test which value it is released as")
        found.append(certified_of(values, labels, identity, judge.truth.classes))
    return worst_of(found)
