"""The one judge: scores and truth become the statistics of a release.

Runs, audits and entries of boards differ in where their scores lie, and in nothing that is computed from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.deciding import Known, spread_of_folds
from aiakit.measures.statistics import AttackStatistics, Folds
from aiakit.measures.units import Unit, sample_weights
from aiakit.measures.verification import Pairs, VerificationStatistics, ten_fold_accuracy
from aiakit.results.remembered import StatisticsCache
from aiakit.results.row import OfficialFolds, Row

SPLITS = ("val", "test")  # scores are on attacker-val and on test
Chosen = Mapping[str, NDArray[Any]]  # split → positions, or a mask, of pairs
Tables = Sequence[Mapping[str, NDArray[Any]]]  # a table of scores a repeat, by split or by the name of the pairs


@dataclass(frozen=True)
class OfficialTruth:
    """P official pairs. same : bool (P,). left, right : int64 (P,), whom they show. fold : int64 (P,)."""

    same: NDArray[np.bool_]
    left: IntArray
    right: IntArray
    fold: IntArray


@dataclass(frozen=True)
class Truth:
    """What scores are judged by, by split.

    labels, identity : int64 (V,) of attacker-val and (N,) of test. classes : how many there are, K.
    folds : int64 (N,) where people are cross-fitted, and both splits are everybody; None on a single split.
    pairs : kind of impostors → split → pairs, as positions among the split's samples.
    official : the data set's own pairs; None without any.
    """

    labels: Mapping[str, IntArray]
    identity: Mapping[str, IntArray]
    classes: int
    pairs: Mapping[str, Mapping[str, Pairs]] = field(default_factory=dict)
    official: OfficialTruth | None = None
    folds: IntArray | None = None

    @property
    def fold_of_both(self) -> Folds | None:
        """The fold of each sample of attacker-val and of test."""
        return None if self.folds is None else (self.folds, self.folds)

    @property
    def spread(self) -> float:
        """How many times as wide intervals are as on a single split."""
        return 1.0 if self.folds is None else spread_of_folds(int(self.folds.max()) + 1)


@dataclass(frozen=True)
class Scores:
    """The scores of one release, a table a repeat.

    attacks : name → tables with (V, K) and (N, K) probabilities under "val" and "test". claim : the same of the
    in-loop attacker; empty where there is none. similarities : kind of impostors → tables with a similarity a pair
    under "val" and "test". official : a similarity for each official pair, a repeat each.
    seeds, claim_seeds : the defense's seed of each repeat of an attack, of the claim.
    """

    attacks: Mapping[str, Tables]
    claim: Tables = ()
    similarities: Mapping[str, Tables] = field(default_factory=dict)
    official: Sequence[NDArray[Any]] = ()
    seeds: Mapping[str, Sequence[int]] = field(default_factory=dict)
    claim_seeds: Sequence[int] = ()


@dataclass(frozen=True)
class Judge:
    """Judges the scores of releases by one truth and under one bootstrap over people, so that they can be compared.

    unit : what counts once, a person or an image. memory : where statistics of the same scores may be remembered.
    """

    truth: Truth
    bootstrap: IdentityBootstrap
    unit: Unit = "person"
    memory: StatisticsCache = field(default_factory=StatisticsCache)

    @classmethod
    def of(
        cls, truth: Truth, draws: int, seed: int, memory: StatisticsCache | None = None, unit: Unit = "person"
    ) -> Judge:
        """A judge with so many bootstrap draws of the people of test."""
        return cls(truth, IdentityBootstrap(truth.identity["test"], draws, seed), unit, memory or StatisticsCache())

    def row(self, release: str, scores: Scores) -> Row:
        """All that the scores of a release say."""
        row = Row(release)
        row.attacks = {name: self.attack(tables, scores.seeds.get(name, ())) for name, tables in scores.attacks.items()}
        if scores.claim:
            row.claimed, row.claimed_tuned = self.claim(scores.claim, scores.claim_seeds)
        self.judge_utility(row, scores)
        return row

    def judge_utility(self, row: Row, scores: Scores) -> None:
        """Fill in what the release is good for."""
        row.utility = {kind: self.verification(kind, tables) for kind, tables in scores.similarities.items()}
        row.official = self.official(scores.official)

    def attack(
        self, tables: Tables, seeds: Sequence[int] = (), decide_on_val: bool = True, learned: bool = True
    ) -> AttackStatistics:
        """The statistics of the repeats of one attack. seeds : the defense's of each; none: each has its own.

        decide_on_val : False leaves the decisions as they are, see ``attack_statistics``. learned : whether it learned
        from people who are tested in other folds.
        """
        val, test = ([table[split] for table in tables] for split in SPLITS)
        labels, identity = self.truth.labels, self.truth.identity["val"]
        found = self.memory.attack_statistics(
            val,
            labels["val"],
            test,
            labels["test"],
            self.bootstrap,
            self.truth.classes,
            decide_on_val,
            identity,
            self.unit,
            self.truth.fold_of_both,
            self.truth.spread if learned else 1.0,
        )
        return replace(found, seeds=tuple(seeds))

    def claim(self, tables: Tables, seeds: Sequence[int] = ()) -> tuple[AttackStatistics, AttackStatistics]:
        """The in-loop attacker as the defense left it, and *tuned*: calibrated on attacker-val, its sign included.

        An in-loop attacker that is worse than a guess knows as much as one that is better by as much.
        """
        labels, folds = self.truth.labels["val"], self.truth.folds
        known = Known(labels, sample_weights(self.truth.identity["val"], labels, self.unit), folds)
        tuned = [{split: known.calibrate(table["val"], table[split], folds) for split in SPLITS} for table in tables]
        return (
            self.attack(tables, seeds, decide_on_val=False, learned=False),
            self.attack(tuned, seeds, learned=False),
        )

    def verification(self, kind: str, tables: Tables, chosen: Chosen | None = None) -> VerificationStatistics:
        """The statistics of the repeats of the verifier on pairs with impostors of a kind.

        chosen : split → which of these pairs; None for all. tables : with a score for each of them.
        """
        scored, pairs = [], {split: self.pairs(kind, split, chosen) for split in SPLITS}
        for split, of in pairs.items():
            identity = self.truth.identity[split]
            people = (of.same, identity[of.left], identity[of.right])
            scored.append([(table[split], *people) for table in tables])
        found = self.memory.verification_statistics(scored[0], scored[1], self.bootstrap)
        return replace(found, counts={"distinct_genuine_pairs": _distinct(pairs["test"]), **found.counts})

    def pairs(self, kind: str, split: str, chosen: Chosen | None = None) -> Pairs:
        """The pairs of a split with impostors of a kind, all or those that are chosen."""
        every = self.truth.pairs[kind][split]
        return every if chosen is None else every[chosen[split]]

    def official(self, repeats: Sequence[NDArray[Any]]) -> OfficialFolds | None:
        """The data set's own protocol, means over the repeats; None without scores."""
        if not repeats or self.truth.official is None:
            return None
        official = self.truth.official
        folds = [ten_fold_accuracy(scores, official.same, official.fold) for scores in repeats]
        accuracy, error, errors = (sum(values) / len(folds) for values in zip(*folds, strict=True))
        people = np.stack([official.left, official.right])
        return OfficialFolds(
            accuracy,
            error,
            people=len(np.unique(people)),
            pairs=len(official.same),
            genuine_pairs=int(np.count_nonzero(official.same)),
            genuine_people=len(np.unique(people[:, official.same])),
            errors=errors,
        )

    def permuted(self, labels: Mapping[str, IntArray]) -> Judge:
        """The judge of a run with permuted labels, of which only the points are looked at."""
        bootstrap = IdentityBootstrap(self.truth.identity["test"], 1)
        return Judge(replace(self.truth, labels=labels), bootstrap, self.unit)


def _distinct(pairs: Pairs) -> float:
    """How many genuine pairs there are that show different images; where people have few, pairs repeat."""
    ends = np.stack([pairs.left[pairs.same], pairs.right[pairs.same]])
    return float(np.unique(np.sort(ends, axis=0), axis=1).shape[1])
