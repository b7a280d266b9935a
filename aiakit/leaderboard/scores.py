"""The per-sample scores of an entry: how they are named in its file, and the statistics that they give.

Tensors, for the samples of attacker-val ("val", V) and test ("test", N) in one fixed order:
``val.labels``, ``val.identity``, ``test.labels``, ``test.identity`` int64; ``attack.A.R.val`` (V, K) and
``attack.A.R.test`` (N, K) probabilities of repeat R of the entry's attack number A; ``pairs.SPLIT.KIND.left``,
``.right`` (positions among the split's samples) and ``.same``; ``verifier.R.SPLIT.KIND`` similarities of those pairs.
KIND is "random" or "same_attribute". Where people are cross-fitted both splits are everybody, in one order, and
``test.folds`` int64 (N,) says who is in which fold. Of an attack that was left out after the first folds there is
``attack.A.R.val`` alone, for the samples that were attacker-val in those.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.datasets.fingerprint import array_digest
from aiakit.datasets.pairs import IMPOSTOR_KINDS
from aiakit.leaderboard.beside import add_beside
from aiakit.leaderboard.risks import add_risks, risk_figures
from aiakit.leaderboard.schema import Entry
from aiakit.leaderboard.tensors import FOLDS, SIDES, Tensors, checked_tables, seeds_of, table, tensor
from aiakit.measures.verification import Pairs
from aiakit.results.document import measured
from aiakit.results.judge import SPLITS, Judge, Scores, Truth
from aiakit.results.remembered import StatisticsCache
from aiakit.results.row import Row

MOST_COUNTS = 2**30  # draws × people: how often each person is drawn, two bytes each


def truth_digest(tensors: Tensors) -> str:
    """A digest of everything that scores are judged by. Raises ValueError where a part of it is missing."""
    names = [f"{split}.{what}" for split in SPLITS for what in ("labels", "identity")]
    names += [FOLDS] if FOLDS in tensors else []
    names += [
        f"pairs.{split}.{kind}.{side}"
        for split in SPLITS
        for kind in IMPOSTOR_KINDS
        if f"pairs.{split}.{kind}.left" in tensors
        for side in SIDES
    ]
    parts: list[Any] = []
    for name in names:
        parts += [name, np.asarray(tensor(tensors, name))]
    return array_digest(*parts)


def statistics_row(entry: Entry, tensors: Tensors, memory: StatisticsCache | None = None) -> Row:
    """The statistics of an entry from its scores. Raises ValueError where scores are missing or do not fit.

    memory : where statistics of the same scores may be remembered; None computes all of them.
    """
    protocol = entry.protocol
    if len(np.unique(tensor(tensors, "test.identity"))) * protocol.bootstrap_draws > MOST_COUNTS:
        raise ValueError(f"{protocol.bootstrap_draws} bootstrap draws of so many people are more than can be computed")
    truth = _truth(tensors, len(protocol.classes), protocol.split.folds)
    attacks = [(number, attack) for number, attack in enumerate(entry.attacks) if attack.left_after is None]
    tables = [(attack, checked_tables(tensors, f"attack.{number}", attack, truth)) for number, attack in attacks]
    own = {attack.name: (attack, of) for attack, of in tables if not attack.shows_claim}
    claim, claimed = next((found for found in tables if found[0].shows_claim), (None, ()))
    judge = Judge.of(truth, protocol.bootstrap_draws, protocol.split.seed, memory, protocol.unit)
    row = judge.row(
        entry.release,
        Scores(
            attacks={name: of for name, (_, of) in own.items()},
            claim=claimed,
            similarities=_similarities(tensors, truth),
            seeds={name: seeds_of(attack) for name, (attack, _) in own.items()},
            claim_seeds=() if claim is None else seeds_of(claim),
        ),
    )
    row.level, row.accuracy_bound = entry.level, entry.accuracy_bound
    add_beside(row, entry, tensors, judge)
    add_risks(row, entry, tensors, judge)
    return row


def figures_of(row: Row) -> dict[str, Any]:
    """The figures of an entry, of statistics that its scores gave."""
    risks = risk_figures(row)
    return {**measured(row), **({"risks": risks} if risks else {})}


def _truth(tensors: Tensors, classes: int, number_of_folds: int) -> Truth:
    labels, identity = (
        {s: np.asarray(tensor(tensors, f"{s}.{what}")) for s in SPLITS} for what in ("labels", "identity")
    )
    pairs = {}
    for kind in IMPOSTOR_KINDS:
        if f"pairs.test.{kind}.left" not in tensors:
            continue
        pairs[kind] = {
            split: Pairs(*(np.asarray(tensor(tensors, f"pairs.{split}.{kind}.{side}")) for side in SIDES))
            for split in SPLITS
        }
        for split, of_split in pairs[kind].items():
            places = np.concatenate([of_split.left, of_split.right])
            if len(places) and (places.min() < 0 or places.max() >= len(identity[split])):
                raise ValueError(f"the {kind} pairs name samples that are not there")
    folds = None if number_of_folds == 1 else np.asarray(tensor(tensors, FOLDS))
    if folds is not None:
        _check_folds(folds, labels, identity, number_of_folds)
    return Truth(labels, identity, classes, pairs, folds=folds)


def _check_folds(
    folds: NDArray[Any],
    labels: Mapping[str, NDArray[Any]],
    identity: Mapping[str, NDArray[Any]],
    number: int,
) -> None:
    """Raise ValueError unless everybody is in one of so many folds, and both splits are the same people."""
    if any(not np.array_equal(of["val"], of["test"]) for of in (labels, identity)):
        raise ValueError("people are cross-fitted, but val and test are not the same samples")
    if folds.shape != identity["test"].shape or not np.array_equal(np.unique(folds), np.arange(number)):
        raise ValueError(f"{FOLDS} must put every sample into one of {number} folds, none of them empty")
    if len(np.unique(np.stack([identity["test"], folds]), axis=1).T) > len(np.unique(identity["test"])):
        raise ValueError("somebody is in several folds")


def _similarities(tensors: Tensors, truth: Truth) -> dict[str, list[dict[str, NDArray[Any]]]]:
    repeats = 0
    while f"verifier.{repeats}.test.random" in tensors:
        repeats += 1
    return {
        kind: [table(tensors, f"verifier.{repeat}", f".{kind}") for repeat in range(repeats)]
        for kind in truth.pairs
        if repeats
    }


def similarities(tensors: Tensors, kind: str) -> tuple[NDArray[np.bool_], NDArray[np.int64], list[NDArray[Any]]] | None:
    """Whether the test pairs of a kind show one person, whom their first image shows, and their similarities by each
    repeat; None without any.
    """
    names = itertools.takewhile(tensors.__contains__, (f"verifier.{r}.test.{kind}" for r in itertools.count()))
    repeats = [np.asarray(tensors[name]) for name in names]
    if not repeats:
        return None
    people = np.asarray(tensors["test.identity"])[tensors[f"pairs.test.{kind}.left"]]
    return np.asarray(tensors[f"pairs.test.{kind}.same"], bool), people, repeats
