"""The per-sample scores of an entry: how they are named in its file, and the statistics that they give.

Tensors, for the samples of attacker-val ("val", V) and test ("test", N) in one fixed order:
``val.labels``, ``val.identity``, ``test.labels``, ``test.identity`` int64; ``attack.A.R.val`` (V, K) and
``attack.A.R.test`` (N, K) probabilities of repeat R of the entry's attack number A; ``pairs.SPLIT.KIND.left``,
``.right`` (positions among the split's samples) and ``.same``; ``verifier.R.SPLIT.KIND`` similarities of those pairs.
KIND is "random" or "same_attribute".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.datasets.fingerprint import digest_of
from aiakit.experiment.protocol import PROTOCOLS
from aiakit.leaderboard.schema import AttackInfo, ProtocolInfo
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.statistics import AttackStatistics
from aiakit.results.judge import Row
from aiakit.results.remembered import Memory

Tensors = Mapping[str, NDArray[Any]]
SPLITS = ("val", "test")
MOST_COUNTS = 2**30  # draws × people: how often each person is drawn, two bytes each
SIDES = ("left", "right", "same")


def truth_digest(tensors: Tensors) -> str:
    """A digest of everything that scores are judged by. Raises ValueError where a part of it is missing."""
    names = [f"{split}.{what}" for split in SPLITS for what in ("labels", "identity")]
    names += [
        f"pairs.{split}.{kind}.{side}"
        for split in SPLITS
        for kind in PROTOCOLS
        if f"pairs.{split}.{kind}.left" in tensors
        for side in SIDES
    ]
    parts: list[Any] = []
    for name in names:
        parts += [name, np.asarray(_get(tensors, name))]
    return digest_of(*parts)


def statistics_row(
    protocol: ProtocolInfo, attacks: Sequence[AttackInfo], tensors: Tensors, memory: Memory | None = None
) -> Row:
    """The statistics of a release from its scores. Raises ValueError where scores are missing or do not fit.

    memory : where statistics of the same scores may be remembered; None computes all of them.
    """
    memory = Memory() if memory is None else memory
    identity = _get(tensors, "test.identity")
    if len(np.unique(identity)) * protocol.bootstrap_draws > MOST_COUNTS:
        raise ValueError(f"{protocol.bootstrap_draws} bootstrap draws of so many people are more than can be computed")
    bootstrap = IdentityBootstrap(identity, protocol.bootstrap_draws, protocol.split.seed)
    row = Row("")
    for number, attack in enumerate(attacks):
        statistics = _attack(protocol, number, attack, tensors, bootstrap, memory)
        if attack.claim:
            row.claimed = statistics
        else:
            row.attacks[attack.name] = statistics
    _add_utility(row, tensors, bootstrap, memory)
    return row


def _attack(
    protocol: ProtocolInfo,
    number: int,
    attack: AttackInfo,
    tensors: Tensors,
    bootstrap: IdentityBootstrap,
    memory: Memory,
) -> AttackStatistics:
    tables: dict[str, list[NDArray[Any]]] = {
        split: [_get(tensors, f"attack.{number}.{repeat}.{split}") for repeat in range(len(attack.repeats))]
        for split in SPLITS
    }
    for split, repeats in tables.items():
        for proba in repeats:
            check_probabilities(proba, len(_get(tensors, f"{split}.labels")), len(protocol.classes), attack.name, split)
    return memory.attack_statistics(
        tables["val"],
        np.asarray(_get(tensors, "val.labels")),
        tables["test"],
        np.asarray(_get(tensors, "test.labels")),
        bootstrap,
        len(protocol.classes),
        decide_on_val=not attack.claim,
    )


def check_probabilities(proba: NDArray[Any], count: int, classes: int, attack: str, split: str) -> None:
    """Raise ValueError unless the scores are (count, classes) probabilities."""
    if proba.shape != (count, classes):
        raise ValueError(f"the scores of {attack} on {split} have shape {proba.shape}, not {(count, classes)}")
    if proba.dtype.kind != "f" or not np.isfinite(proba).all() or (proba < -1e-6).any():
        raise ValueError(f"the scores of {attack} on {split} are no finite, non-negative probabilities")
    if np.abs(proba.sum(axis=1) - 1).max(initial=0) > 1e-3:
        raise ValueError(f"the scores of {attack} on {split} do not sum to 1 in every row")


def _add_utility(row: Row, tensors: Tensors, bootstrap: IdentityBootstrap, memory: Memory) -> None:
    repeats = 0
    while f"verifier.{repeats}.test.random" in tensors:
        repeats += 1
    identity = np.asarray(tensors["test.identity"])
    for kind in PROTOCOLS:
        if repeats == 0 or f"pairs.test.{kind}.left" not in tensors:
            continue
        truth = {(split, side): np.asarray(_get(tensors, f"pairs.{split}.{kind}.{side}"))
                 for split in SPLITS for side in SIDES}  # fmt: skip
        left, right = truth["test", "left"], truth["test", "right"]
        if len(left) and (min(left.min(), right.min()) < 0 or max(left.max(), right.max()) >= len(identity)):
            raise ValueError(f"the {kind} pairs name samples that are not there")
        row.utility[kind] = memory.verification_statistics(
            [(_get(tensors, f"verifier.{r}.val.{kind}"), truth["val", "same"]) for r in range(repeats)],
            [
                (_get(tensors, f"verifier.{r}.test.{kind}"), truth["test", "same"], identity[left], identity[right])
                for r in range(repeats)
            ],
            bootstrap,
        )


def similarities(tensors: Tensors, kind: str) -> tuple[NDArray[np.bool_], list[NDArray[Any]]] | None:
    """Whether the test pairs of a kind show one person, and their similarities by each repeat; None without any."""
    names = itertools.takewhile(tensors.__contains__, (f"verifier.{r}.test.{kind}" for r in itertools.count()))
    repeats = [np.asarray(tensors[name]) for name in names]
    return (np.asarray(tensors[f"pairs.test.{kind}.same"], bool), repeats) if repeats else None


def _get(tensors: Tensors, name: str) -> NDArray[Any]:
    if name not in tensors:
        raise ValueError(f"the scores lack {name}")
    return tensors[name]
