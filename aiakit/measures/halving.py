"""Successive halving: which attacks need not be tried further, since they are not the strongest.

The rule of Jamieson and Talwalkar (AISTATS 2016, arXiv 1502.07943), with a test in place of a fixed share: whoever is
behind, by chance alone, goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def outdone(
    attack: str,
    proba: Mapping[str, NDArray[Any]],
    labels: NDArray[Any],
    identity: NDArray[Any],
    fold: NDArray[Any],
    classes: int,
    unit: Unit = "person",
) -> str:
    """The strongest of some attacks, where another is certainly weaker and not the runner-up; else "".

    Certain is what holds in 99 % of bootstrap draws of people, of paired differences in balanced accuracy.

    attack : the other. proba : attack → (N, K) probabilities on attacker-val. labels, identity, fold : int (N,), where
    each sample is decided by those of other folds if there are any. classes : K. unit : what counts once.
    """
    if len(proba) <= LEAST or len(np.unique(labels)) < 2:
        return ""
    folds = (fold, fold) if len(np.unique(fold)) > 1 else None

    def judged(name: str, draws: int) -> AttackStatistics:
        own, bootstrap = [proba[name]], IdentityBootstrap(identity, draws)
        return attack_statistics(own, labels, own, labels, bootstrap, classes, True, identity, unit, folds)

    order = sorted(proba, key=lambda name: judged(name, 1).point[METRIC], reverse=True)
    if attack in order[:LEAST]:
        return ""
    behind, ahead = (judged(name, DRAWS).draws[METRIC] for name in (attack, order[0]))
    return order[0] if np.mean(behind < ahead) >= CERTAINTY else ""
