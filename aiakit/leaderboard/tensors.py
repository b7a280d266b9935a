"""What the tensors of an entry have in common: how they are found, and when scores are sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from aiakit.leaderboard.schema import AttackInfo
from aiakit.measures.metrics import probability_problem
from aiakit.results.judge import SPLITS, Truth

Tensors = Mapping[str, NDArray[Any]]
SIDES = ("left", "right", "same")
FOLDS = "test.folds"


def tensor(tensors: Tensors, name: str) -> NDArray[Any]:
    """A tensor by its name. Raises ValueError where it is not there."""
    if name not in tensors:
        raise ValueError(f"the scores lack {name}")
    return tensors[name]


def table(tensors: Tensors, name: str, kind: str = "") -> dict[str, NDArray[Any]]:
    """The scores on both splits that begin with a name."""
    return {split: tensor(tensors, f"{name}.{split}{kind}") for split in SPLITS}


def seeds_of(attack: AttackInfo) -> list[int]:
    """The defense's seed of each of its repeats."""
    return [seed for seed, _ in attack.repeats]


def checked_tables(tensors: Tensors, name: str, attack: AttackInfo, truth: Truth) -> list[dict[str, NDArray[Any]]]:
    """The scores of each repeat of an attack whose tensors begin with a name. ValueError where they do not fit."""
    tables = [table(tensors, f"{name}.{repeat}") for repeat in range(len(attack.repeats))]
    for of in tables:
        for split, proba in of.items():
            check_probabilities(proba, len(truth.labels[split]), truth.classes, attack.name, split)
    return tables


def check_probabilities(proba: NDArray[Any], count: int, classes: int, attack: str, split: str) -> None:
    """Raise ValueError unless the scores are (count, classes) probabilities."""
    problem = probability_problem(proba, count, classes)
    if problem:
        raise ValueError(f"the scores of {attack} on {split} {problem}")
