"""Three splits without a common person, dealt here or given; and the auditor that looks for what they share."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aiakit.contracts import IntArray
from aiakit.datasets.folds import cross_fitted, usually_cross_fitted
from aiakit.datasets.samples import Samples
from aiakit.datasets.splits import SPLITS, Split, SplitName, apportion, majority
from aiakit.errors import InputError
from aiakit.storage.text import cleaned, counted

SHARES: Mapping[SplitName, float] = {"attacker-train": 0.60, "attacker-val": 0.15, "test": 0.25}
NAMES: Mapping[str, SplitName] = {
    "defender-train": "defender-train", "defender-val": "defender-val",
    "attacker-train": "attacker-train", "train": "attacker-train", "training": "attacker-train",
    "attacker-val": "attacker-val", "val": "attacker-val", "valid": "attacker-val", "validation": "attacker-val",
    "dev": "attacker-val", "test": "test",
}  # fmt: skip
LARGEST_LINK = 0.25  # share of the people; a larger group of lookalikes cannot be kept to one split


def audited_split(
    samples: Samples, attribute: str, clusters: IntArray, seed: int, allow_overlap: bool, folds: int | None = 1
) -> Split:
    """Deal people to the splits, or take the split that was given, and audit it.

    People are stratified by their most frequent value of the attribute. People who share a (nearly) equal row are
    dealt together, so that no attack meets a test row in training. Only a split that was given puts anybody on the
    defender's side.

    clusters : (N,) from ``clusters_of_duplicates``. allow_overlap : note what splits share instead of refusing it.
    folds : that people are cross-fitted in, whom no given split keeps apart; None for the usual number, where there are
        people enough for it.

    Raises
    ------
    InputError : too few people of a class, for the folds too; a split that is empty or lacks a class, splits that share
        people or rows.
    """
    usable = samples.usable(attribute)
    _require_people(samples, attribute, usable)
    notes: list[str] = []
    unit = np.zeros(len(samples), np.int64)
    if samples.split is None:
        units = _people(samples, usable) if allow_overlap else _linked(samples, usable, clusters, notes)
        place = _dealt(samples, attribute, usable, units, seed, SHARES)
        unit[usable] = units
    else:
        place = _given(samples, attribute, usable, clusters, seed, notes)
    rows = {name: usable[place == name] for name in SPLITS}
    for finding in _shared(samples, rows, clusters):
        if not allow_overlap:
            raise InputError(f"{finding}; correct the split, or measure all the same with --allow-overlap")
        notes.append(f"OVERLAP, figures may be far too high: {finding}")
    _require_classes(samples, attribute, rows)
    people = {name: len(np.unique(samples.identity[chosen])) for name, chosen in rows.items()}
    split = Split(attribute, rows, people, tuple(notes))
    if samples.split is not None:
        return split
    values, classes = samples.attributes[attribute].values, samples.attributes[attribute].classes
    if folds is None:
        return usually_cross_fitted(split, unit, values, classes, seed)
    return cross_fitted(split, unit, values, classes, folds, seed)


def _people(samples: Samples, usable: IntArray) -> IntArray:
    """(usable rows,) position of each row's person among those that occur."""
    return np.asarray(np.unique(samples.identity[usable], return_inverse=True)[1], np.int64)


def _linked(samples: Samples, usable: IntArray, clusters: IntArray, notes: list[str]) -> IntArray:
    """(usable rows,) unit of each row: one person, or several who share rows."""
    people = _people(samples, usable)
    cluster = np.unique(clusters[usable], return_inverse=True)[1]
    count, total = people.max() + 1, int(people.max() + cluster.max() + 2)
    edges = coo_array((np.ones(len(usable)), (people, count + cluster)), shape=(total, total))
    unit = np.unique(connected_components(edges, directed=False)[1][people], return_inverse=True)[1]
    members = np.bincount(unit[np.unique(people, return_index=True)[1]])
    if members.max() > max(2, LARGEST_LINK * count):
        raise InputError(
            f"{members.max()} of {count} people are linked by rows that are equal or nearly so, and cannot be kept to "
            "one split: check the identity column, or, if the release really gives people the same row, --allow-overlap"
        )
    linked = int(members[members > 1].sum())
    if linked:
        notes.append(
            f"{linked} of {count} people share a row with another person, equal or with a cosine above 1 − 10⁻⁶ (one "
            "person under two names?): they were dealt to the same split"
        )
    return np.asarray(unit, np.int64)


def _dealt(
    samples: Samples, attribute: str, usable: IntArray, units: IntArray, seed: int, shares: Mapping[SplitName, float]
) -> NDArray[np.str_]:
    """(usable rows,) split names: units dealt by class in proportion to the shares."""
    values, classes = samples.attributes[attribute].values[usable], samples.attributes[attribute].classes
    label = majority(units, values, int(units.max()) + 1, len(classes))
    rng = np.random.default_rng(seed)
    place = np.empty(len(label), dtype="U14")
    for code in np.unique(label):
        stratum = rng.permutation(np.flatnonzero(label == code))
        place[stratum] = np.repeat(list(shares), apportion(len(stratum), np.array(list(shares.values()))))
    return np.asarray(place[units])


def _given(
    samples: Samples, attribute: str, usable: IntArray, clusters: IntArray, seed: int, notes: list[str]
) -> NDArray[np.str_]:
    """(usable rows,) split names as given, "" outside; without attacker-val, a fifth of attacker-train becomes it."""
    assert samples.split is not None
    cells = [samples.split[row] for row in usable]
    place = np.array([NAMES.get(cleaned(cell).casefold(), "") for cell in cells], dtype="U14")
    outside = sorted({cell for cell, name in zip(cells, place.tolist(), strict=True) if not name})
    if outside:
        notes.append(
            counted(int((place == "").sum()), len(place), "rows are in no split that is used", map(repr, outside))
        )
    missing = [name for name in SHARES if not (place == name).any()]
    if missing == ["attacker-val"]:
        train = np.flatnonzero(place == "attacker-train")
        shares: dict[SplitName, float] = {"attacker-train": 0.8, "attacker-val": 0.2}
        units = _linked(samples, usable[train], clusters, [])
        place[train] = _dealt(samples, attribute, usable[train], units, seed, shares)
        notes.append("the split names no validation people: a fifth of the training people were taken")
    elif missing:
        held = ", ".join(map(repr, sorted(set(cells))[:8]))
        raise InputError(
            f"the split column puts nobody into {' and '.join(missing)}: it must say train, val or test, not {held}"
        )
    return place


def _shared(samples: Samples, rows: Mapping[SplitName, IntArray], clusters: IntArray) -> list[str]:
    """What two splits have in common: people, and rows that are equal or nearly so."""
    findings = []
    for left, right in combinations(rows, 2):
        people = np.intersect1d(samples.identity[rows[left]], samples.identity[rows[right]])
        if len(people):
            findings.append(
                f"the splits {left} and {right} share {len(people)} people ({samples.people[people[0]]} for one), "
                "so that an attack could recognise them instead of inferring"
            )
        common = np.intersect1d(clusters[rows[left]], clusters[rows[right]])
        if len(common):
            pair = [int(rows[side][clusters[rows[side]] == common[0]][0]) for side in (left, right)]
            findings.append(
                f"the splits {left} and {right} share {len(common)} rows that are equal or have a cosine above "
                f"1 − 10⁻⁶ (rows {pair[0]} and {pair[1]} for one)"
            )
    return findings


def _require_people(samples: Samples, attribute: str, usable: IntArray) -> None:
    found = samples.attributes[attribute]
    for code, name in enumerate(found.classes):
        people = len(np.unique(samples.identity[usable][found.values[usable] == code]))
        if people < len(SHARES):
            raise InputError(
                f"too few people to split: {people} with {attribute} = {name}, and each of the {len(SHARES)} "
                "identity-disjoint splits needs one at the very least, better 30; add people or merge classes"
            )


def _require_classes(samples: Samples, attribute: str, rows: Mapping[SplitName, IntArray]) -> None:
    found = samples.attributes[attribute]
    for split in SHARES:
        chosen = rows[split]
        absent = np.setdiff1d(np.arange(len(found.classes)), found.values[chosen])
        if len(absent):
            raise InputError(
                f"the split {split} has {len(chosen)} rows and none with {attribute} = {found.classes[absent[0]]}: add "
                "people, merge classes, or give another split"
            )
