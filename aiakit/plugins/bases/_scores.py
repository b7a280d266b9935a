"""Scores of classes: how well they order, how margins become logits, K columns of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from aiakit.contracts import LabelledRelease
from aiakit.measures.ranking import area_under_roc


def mean_auc(scores: NDArray[Any], val: LabelledRelease) -> float:
    """Mean one-against-rest AUC over the classes that occur: how well (N, K) scores order a validation set.

    Samples count by ``val.weights``: ``max(models, key=lambda each: mean_auc(each(val.release), val))``.

    It needs no threshold and no calibration and weighs classes alike. Seen with 150 validation samples on LEACE-erased
    recogniser embeddings: a grid of QDAs judged by it scores .951 on test, by balanced accuracy .948, by log-loss .940
    (the best of the grid .956). Where only one class occurs nothing can be told apart and the answer is ½.
    """
    present, weights = np.unique(val.labels), val.weights
    if len(present) < 2:
        return 0.5
    return float(np.mean([area_under_roc(scores[:, k], val.labels == k, weights) for k in present]))


def temperature(margins: NDArray[Any], val: LabelledRelease) -> float:
    """The factor by which (N, K) margins become logits with the least balanced log-loss on ``val``.

    ``softmax(temperature(margins, val) * margins, axis=1)``
    """
    by_class, weights = np.ascontiguousarray(margins.T), val.weights / len(val)
    truth = float(by_class[val.labels, np.arange(len(val))] @ weights)

    def loss(log_factor: float) -> float:
        factor = np.exp(log_factor)
        return float(np.logaddexp.reduce(factor * by_class, axis=0) @ weights - factor * truth)

    return float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))


def all_classes(proba: NDArray[Any], seen: NDArray[Any], classes: int, least: float = 0.0) -> NDArray[np.float64]:
    """(N, len(seen)) scores as (N, classes): a class that never occurred in training gets ``least``.

    >>> all_classes(np.array([[0.2, 0.8]]), np.array([0, 2]), classes=3)
    array([[0.2, 0. , 0.8]])
    """
    full = np.full((len(proba), classes), least)
    full[:, seen] = proba
    return full
