"""The strongest attack on parts of test: each class, and each value of the columns that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.experiment.protocol import Protocol
from aiakit.measures.bootstrap import IdentityBootstrap, number, numbers
from aiakit.measures.statistics import attack_statistics
from aiakit.results.judge import SPLITS, Judge, Tables
from aiakit.results.row import Part, Slices


def slices_of(attack: str, tables: Tables, protocol: Protocol, judge: Judge) -> Slices:
    """The parts of test by class and by the groups of the protocol. tables : the attack's scores, a repeat each."""
    val, test = ([table[split] for table in tables] for split in SPLITS)
    labels, identity = judge.truth.labels, judge.truth.identity["test"]
    rows, bootstrap, folds = protocol.judged("test"), judge.bootstrap, judge.truth.folds

    def part(chosen: NDArray[np.bool_]) -> Part:
        of_part = IdentityBootstrap(identity[chosen], bootstrap.draws, bootstrap.seed)
        found = attack_statistics(
            val,
            labels["val"],
            [proba[chosen] for proba in test],
            labels["test"][chosen],
            of_part,
            judge.truth.classes,
            val_identity=judge.truth.identity["val"],
            unit=judge.unit,
            folds=None if folds is None else (folds, folds[chosen]),
            spread=judge.truth.spread,
        )
        return Part(
            people=len(of_part.people),
            images=int(chosen.sum()),
            balanced_accuracy=number(found.point["balanced_accuracy"]),
            ci95=numbers(found.ci95("balanced_accuracy")),
        )

    def each(codes: NDArray[Any], names: Sequence[str]) -> dict[str, Part]:
        return {name: part(codes == code) for code, name in enumerate(names) if (codes == code).any()}

    return Slices(
        attack,
        each(labels["test"], protocol.classes),
        {
            group["name"]: each(protocol.tensors[f"group.{place}"][rows], group["classes"])
            for place, group in enumerate(protocol.facts["groups"])
        },
    )
