"""Successive halving: which attacks need not be tried further, since they are not the strongest.

The rule of Jamieson and Talwalkar (AISTATS 2016, arXiv 1502.07943), with a test in place of a fixed share: whoever is
behind, by chance alone, goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.statistics import AttackStatistics, attack_statistics
from aiakit.measures.units import Unit

RUNGS = 2  # folds after which attacks may go; later ones save little
LEAST = 2  # attacks that stay: the strongest and the runner-up
CERTAINTY = 0.99  # share of the draws in which an attack must be behind to go
DRAWS = 1000
METRIC = "balanced_accuracy"


def learned_in(fold: NDArray[Any]) -> NDArray[Any]:
    """The fold in which each sample is attacker-val, of the fold in which it is tested: the one before."""
    return (fold - 1) % (int(fold.max()) + 1)


def in_order(parts: Sequence[NDArray[Any]], learned: NDArray[Any]) -> NDArray[Any]:
    """The scores of the first folds, a part each, as one array in the order of the samples that they are of."""
    scores = np.empty((len(learned), parts[0].shape[1]))
    for number, part in enumerate(parts):
        scores[learned == number] = part
    return scores


def outdone(
    asked: Iterable[str],
    proba: Mapping[str, Sequence[NDArray[Any]]],
    labels: NDArray[Any],
    identity: NDArray[Any],
    fold: NDArray[Any],
    classes: int,
    unit: Unit = "person",
) -> dict[str, str]:
    """Of the attacks that are asked for, those that are certainly weaker than the strongest, with its name.

    Certain is what holds in 99 % of bootstrap draws of people, of paired differences in balanced accuracy. The
    strongest and the runner-up are never among them.

    proba : attack → (N, K) probabilities on attacker-val of each of its repeats. labels, identity, fold : int (N,);
    samples are decided by those of other folds where there are any. classes : K. unit : what counts once.
    """
    if len(proba) <= LEAST or len(np.unique(labels)) < 2:
        return {}
    folds = (fold, fold) if len(np.unique(fold)) > 1 else None

    def judged(name: str, draws: int) -> AttackStatistics:
        own, bootstrap = proba[name], IdentityBootstrap(identity, draws)
        return attack_statistics(own, labels, own, labels, bootstrap, classes, True, identity, unit, folds)

    order = sorted(proba, key=lambda name: judged(name, 1).point[METRIC], reverse=True)
    behind = [name for name in asked if name not in order[:LEAST]]
    if not behind:
        return {}
    ahead = judged(order[0], DRAWS).draws[METRIC]
    certain = [name for name in behind if np.mean(judged(name, DRAWS).draws[METRIC] < ahead) >= CERTAINTY]
    return dict.fromkeys(certain, order[0])
