"""The pooled attacker: evidence of several images of one person added up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from aiakit.measures import metrics
from aiakit.measures.bootstrap import IdentityBootstrap, IntArray
from aiakit.measures.deciding import Known
from aiakit.measures.statistics import AttackStatistics, Folds, attack_statistics
from aiakit.measures.units import Unit, sample_weights

Labelled = tuple[NDArray[Any], NDArray[Any]]  # labels (N,), identity (N,)


def groups_of(labels: NDArray[Any], identity: NDArray[Any], images: int) -> IntArray:
    """(G, images) rows: every person's images with one label, dealt in order into disjoint groups of that size.

    A person with fewer images of a label than ``images`` gives no group.
    """
    order = np.lexsort((np.arange(len(labels)), labels, identity))
    keys = np.stack([identity[order], labels[order]])
    starts = np.flatnonzero(np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)]) if len(order) else np.zeros(0, int)
    parts = [
        run[: len(run) // images * images].reshape(-1, images)
        for run in np.split(order, starts[1:])
        if len(run) >= images
    ]
    return np.concatenate(parts) if parts else np.zeros((0, images), np.int64)


def pooled_statistics(
    val_proba: Sequence[NDArray[Any]],
    val: Labelled,
    test_proba: Sequence[NDArray[Any]],
    test: Labelled,
    images: int,
    draws: int,
    classes: int,
    unit: Unit = "person",
    folds: Folds | None = None,
    spread: float = 1.0,
) -> AttackStatistics | None:
    """An attack that sees ``images`` images of a person and adds up their calibrated log-likelihood ratios.

    Scores are calibrated on attacker-val, image by image; with the class prior taken out they are log-likelihoods up
    to a constant, which add up over images of one person (independent given the person's class: an approximation,
    since a person's images resemble each other). None where somebody of each class with so many images is missing.

    val_proba, test_proba : R arrays (N, K). val, test : labels and identity of the samples. folds, spread : as of
    ``attack_statistics``.
    """
    val_groups, test_groups = groups_of(*val, images), groups_of(*test, images)
    if any(
        len(np.unique(labels[groups[:, 0]])) < classes
        for (labels, _), groups in ((val, val_groups), (test, test_groups))
    ):
        return None
    weights = sample_weights(val[1], val[0], unit)
    prior = np.log(np.bincount(val[0], weights, minlength=classes) / weights.sum())
    pooled: tuple[list[NDArray[Any]], list[NDArray[Any]]] = ([], [])
    val_folds, test_folds = folds or (None, None)
    known = Known(val[0], weights, val_folds)
    for on_val, on_test in zip(val_proba, test_proba, strict=True):
        for proba, to, groups, into in (
            (on_val, val_folds, val_groups, pooled[0]),
            (on_test, test_folds, test_groups, pooled[1]),
        ):
            evidence = metrics.log_proba(known.calibrate(on_val, proba, to)) - prior
            into.append(softmax(evidence[groups].sum(axis=1), axis=1))
    val_first, test_first = val_groups[:, 0], test_groups[:, 0]
    return attack_statistics(
        pooled[0],
        val[0][val_first],
        pooled[1],
        test[0][test_first],
        IdentityBootstrap(test[1][test_first], draws),
        classes,
        val_identity=val[1][val_first],
        unit=unit,
        folds=None if folds is None else (folds[0][val_first], folds[1][test_first]),
        spread=spread,
    )
