"""Releases of two runs or audits side by side: paired differences, and what was configured differently."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import unknown
from aiakit.experiment.config import label_of
from aiakit.experiment.plan import Plan, make_plan
from aiakit.experiment.run import RUN, Run
from aiakit.measures.bootstrap import Statistics, number
from aiakit.measures.comparison import holm, paired_difference
from aiakit.results.evaluate import Evaluation, evaluate
from aiakit.results.row import Row

SCHEMA = 2
ABSENT = "(not there)"


@dataclass(frozen=True)
class Side:
    """A run or audit, and the release of it that is compared; None: each of them."""

    run: Run
    release: str | None = None

    @classmethod
    def read(cls, text: str) -> Side:
        """``RUN`` or ``RUN:RELEASE``. Raises InputError where there is no such run, or no such release in it."""
        folder, colon, release = text.rpartition(":")
        if not colon or (Path(text) / RUN).is_file():
            return cls(Run.open(Path(text)))
        run = Run.open(Path(folder))
        labels = [label_of(chain) for chain in run.config.defenses]
        if release not in labels:
            raise unknown("release", release, labels, f" of {folder}")
        return cls(run, release)


def compare(first: Side, second: Side) -> dict[str, Any]:
    """The comparison as a JSON document; differences are second − first, with intervals over people.

    Every release of the first is paired with every one of the second, where none is named; what is the same in both is
    listed under "same". Of a single pair each attack is compared, of several the headline. Where the two judge by other
    people the reason stands under "not_paired", and there are no differences.
    """
    before, after = (evaluate(side.run.store, side.run.config) for side in (first, second))
    reason = _not_paired(before, after)
    pairs, same = _pairs(first, second)
    rows = [
        {"releases": [a, b], "what": what, "metric": metric, **_difference(left, right, metric, reason is None)}
        for a, b in pairs
        for what, metric, left, right in _measured(before.rows[a], after.rows[b], every_attack=len(pairs) == 1)
    ]
    corrected = holm([float("nan") if row["p"] is None else row["p"] for row in rows])
    old_config, new_config = (side.run.config.model_dump(mode="json") for side in (first, second))
    return {
        "schema": SCHEMA,
        "runs": [str(side.run.folder) for side in (first, second)],
        "not_paired": reason,
        "rows": [{**row, "p_holm": number(p_value)} for row, p_value in zip(rows, corrected, strict=True)],
        "same": same,
        "changed": [
            {"option": name, "first": old, "second": new} for name, old, new in _changes(old_config, new_config)
        ],
    }


def _pairs(first: Side, second: Side) -> tuple[list[tuple[str, str]], list[str]]:
    """The releases that are compared; and those that stand in both, to the cell, and so cannot differ."""
    before, after = (_cells_of(side) for side in (first, second))
    same = [name for name in before if before[name] == after.get(name)]
    if first.release is not None and second.release is not None:
        return [(first.release, second.release)], []
    pairs = [(a, b) for a, b in itertools.product(before, after) if a != b or a not in same]
    if before == after:  # a run with itself: each pair once
        names = list(before)
        pairs = [(a, b) for a, b in pairs if names.index(a) < names.index(b)]
    return pairs, same


def _cells_of(side: Side) -> dict[str, frozenset[str]]:
    """Release → the digests of its cells, of the releases that are asked for."""
    plan: Plan = make_plan(side.run.config)
    found: dict[str, set[str]] = {}
    for table in (plan.releases, plan.utilities):
        for (name, _), cell in table.items():
            found.setdefault(name, set()).add(cell.digest)
    for key, cell in plan.attacks.items():
        found[key.release].add(cell.digest)
    return {name: frozenset(digests) for name, digests in found.items() if side.release in (None, name)}


def _not_paired(before: Evaluation, after: Evaluation) -> str | None:
    """Why differences cannot be paired over people; None where they can."""
    compared: list[tuple[str, Callable[[Evaluation], Any]]] = [
        ("data sets", lambda e: None if e.config.audits else e.config.dataset.data),
        ("attributes", lambda e: e.config.attribute),
        ("test people", lambda e: e.protocol.facts["test_people"]),
        ("test people", lambda e: np.unique(e.protocol.identity(e.protocol.judged("test")))),
        ("classes", lambda e: list(e.protocol.classes)),
        ("labels of test people", _labels),
        ("units (an image, a person)", lambda e: e.unit),
        ("seeds of the split", lambda e: e.config.split.seed),
        ("numbers of bootstrap draws", lambda e: e.config.bootstrap_draws),
    ]
    for name, of in compared:
        if not np.array_equal(of(before), of(after)):
            return f"the two have different {name}, so nothing can be paired over people"
    return None


def _labels(of: Evaluation) -> NDArray[Any]:
    """Which label anybody of test has on some image: (2, …) of person and class."""
    rows = of.protocol.judged("test")
    return np.unique(np.stack([of.protocol.identity(rows), of.protocol.labels(rows)]), axis=1)


def _measured(a: Row, b: Row, every_attack: bool) -> Iterator[tuple[str, str, Statistics, Statistics]]:
    """What both rows hold, the headline first."""
    if a.strongest is not None and b.strongest is not None:
        yield "strongest attack", "balanced_accuracy", a.attacks[a.strongest], b.attacks[b.strongest]
    if a.claimed is not None and b.claimed is not None:
        yield "claimed", "balanced_accuracy", a.claimed, b.claimed
    for name in a.attacks if every_attack else ():
        if name in b.attacks:
            yield name, "balanced_accuracy", a.attacks[name], b.attacks[name]
    verified = [("utility", a.utility, b.utility)]
    if a.matched is not None and b.matched is not None and a.matched.encoder == b.matched.encoder:
        verified.append((f"matcher {a.matched.encoder}", a.matched.utility, b.matched.utility))
    for name, one, other in verified:
        for kind in one:
            if kind in other:
                yield f"{name}, {kind.replace('_', ' ')} impostors", "accuracy", one[kind], other[kind]


def _difference(a: Statistics, b: Statistics, metric: str, paired: bool) -> dict[str, Any]:
    values = {"first": number(a.point[metric]), "second": number(b.point[metric])}
    if not paired:
        return {**values, "difference": None, "ci95": None, "p": None}
    return values | paired_difference(b, a, metric).as_json()


def _changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted name, old, new) of every value that differs; plugins are told apart by their names, not their places."""
    if isinstance(old, list) and isinstance(new, list):
        old, new = _by_name(old), _by_name(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _changes(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif old != new:
        yield path, old, new


def _by_name(items: list[Any]) -> Any:
    """A list of plugins, or of chains of plugins, as a table; any other list as it is."""
    chains = [item if isinstance(item, list) else [item] for item in items]
    if items and all(chain and all(isinstance(stage, dict) and "name" in stage for stage in chain) for chain in chains):
        return {
            "+".join(stage["name"] for stage in chain): {stage["name"]: stage for stage in chain} for chain in chains
        }
    return items
