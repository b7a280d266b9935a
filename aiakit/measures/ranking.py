"""Weighted ROC curves of one ranking under many weightings at once: what the bootstrap needs to be fast.

The samples are sorted once; a weighting then costs cumulative sums only. Ties count half everywhere, as in
``sklearn.metrics.roc_curve`` and ``roc_auc_score`` with ``sample_weight``, which the tests compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Ranking:
    """The order of N samples by score.

    positives, negatives : indices of the samples of either kind, by ascending score.

    Parameters
    ----------
    scores : float (N,), higher means more positive.
    positive : bool (N,).
    """

    def __init__(self, scores: NDArray[Any], positive: NDArray[np.bool_]) -> None:
        self.positives = self._sorted(scores, positive)
        self.negatives = self._sorted(scores, ~positive)
        above, below = scores[self.positives], scores[self.negatives]
        # how many negatives lie strictly below, and below or level with, each positive
        self.lower = np.searchsorted(below, above, "left")
        self.lower_or_tied = np.searchsorted(below, above, "right")
        # the operating points: accept nothing but what lies above the value
        values = np.unique(scores)
        self.positives_upto = np.concatenate([[0], np.searchsorted(above, values, "right")])
        self.negatives_upto = np.concatenate([[0], np.searchsorted(below, values, "right")])

    @staticmethod
    def _sorted(scores: NDArray[Any], rows: NDArray[np.bool_]) -> IntArray:
        chosen = np.flatnonzero(rows)
        return np.asarray(chosen[np.argsort(scores[chosen], kind="stable")], np.int64)

    def curves(self, positive_weights: FloatArray, negative_weights: FloatArray | IntArray) -> WeightedCurves:
        """ROC curves under W weightings: weights (W, positives) and (W, negatives), columns in this ranking's order."""
        return WeightedCurves(self, positive_weights, negative_weights)


def placements(scores: NDArray[Any], positive: NDArray[np.bool_], weights: FloatArray) -> FloatArray:
    """(N,) the weighted share of samples of the other kind that each sample is ranked rightly against, ties half.

    Their weighted mean over either kind is the area under the curve (DeLong et al., 1988). weights : (N,), positive.
    """
    found = np.empty(len(scores))
    found[positive] = _share_below(scores[positive], scores[~positive], weights[~positive])
    found[~positive] = _share_below(-scores[~positive], -scores[positive], weights[positive])
    return found


def _share_below(scores: NDArray[Any], others: NDArray[Any], weights: FloatArray) -> FloatArray:
    """(N,) the weighted share of the others that lie below each score, ties half; NaN where they weigh nothing."""
    order = np.argsort(others, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    if below[-1] <= 0:
        return np.full(len(scores), np.nan)
    ascending = others[order]
    strictly, level = (np.searchsorted(ascending, scores, side) for side in ("left", "right"))
    return np.asarray((below[strictly] + below[level]) / (2 * below[-1]))


def area_under_roc(scores: NDArray[Any], positive: NDArray[np.bool_], weights: FloatArray | None = None) -> float:
    """The area under the curve, ties half: ``roc_auc_score`` without what it checks.

    weights : (N,), positive; None where samples count alike. On hundreds of samples the checks cost more than the area,
    and networks are judged by it after every epoch.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    right = _share_below(scores[positive], scores[~positive], weights[~positive])
    return float(np.average(right, weights=weights[positive]))


class WeightedCurves:
    """W weighted ROC curves of one ranking. A weighting without positives or without negatives gives NaN."""

    def __init__(self, ranking: Ranking, positive_weights: FloatArray, negative_weights: FloatArray | IntArray) -> None:
        self._ranking = ranking
        self._positive_weights = positive_weights
        self._positives = _running(positive_weights)
        self._negatives = _running(negative_weights)

    def auc(self) -> FloatArray:
        """(W,) areas under the curves: the weighted share of (positive, negative) pairs in the right order."""
        lower, tied = self._ranking.lower, self._ranking.lower_or_tied
        beaten = self._negatives.take(lower, axis=1).astype(np.float64, copy=False)
        if not np.array_equal(lower, tied):
            beaten += self._negatives.take(tied, axis=1)
            beaten /= 2
        won = np.einsum("wn,wn->w", self._positive_weights, beaten)
        return _ratio(won, self._positives[:, -1] * self._negatives[:, -1])

    def negatives_split(self, lowest: int) -> tuple[FloatArray, FloatArray]:
        """The shares (W,) of the negatives, by weight, that so many of the lowest are, and that the others are."""
        below, total = self._negatives[:, lowest], self._negatives[:, -1]
        return _ratio(below, total), _ratio(total - below, total)

    def tpr_at_fpr(self, rate: float) -> FloatArray:
        """(W,) the highest true-positive rate of an operating point whose false-positive rate is at most ``rate``."""
        needed = (1 - rate) * self._negatives[:, -1] * (1 - 1e-12)
        point = self._first(lambda rows, at: self._rejected(rows, at) >= needed)
        missed = self._missed(np.arange(len(point)), point)
        return _ratio(self._positives[:, -1] - missed, self._defined())

    def eer(self) -> FloatArray:
        """(W,) equal error rates: where the curve, drawn with straight lines, has FPR = 1 − TPR."""
        positives, negatives = self._positives[:, -1], self._negatives[:, -1]

        def excess(rows: IntArray, at: IntArray) -> FloatArray:  # FNR − FPR, which rises from −1 to 1
            return _ratio(self._missed(rows, at), positives) + _ratio(self._rejected(rows, at), negatives) - 1

        point = self._first(lambda rows, at: excess(rows, at) >= 0)
        rows, before = np.arange(len(point)), np.maximum(point - 1, 0)
        low, high = excess(rows, before), excess(rows, point)
        step = np.divide(-low, high - low, out=np.zeros_like(low), where=high > low)
        miss_low, miss_high = self._missed(rows, before), self._missed(rows, point)
        return _ratio(miss_low + step * (miss_high - miss_low), self._defined())

    def _defined(self) -> FloatArray:
        """(W,) total weight of the positives, or 0 where there is no curve for want of negatives."""
        return np.where(self._negatives[:, -1] > 0, self._positives[:, -1], 0.0)

    def _missed(self, rows: IntArray, at: IntArray) -> FloatArray:
        """(W,) weight of the positives that operating point ``at`` (W,) rejects."""
        return np.asarray(self._positives[rows, self._ranking.positives_upto[at]])

    def _rejected(self, rows: IntArray, at: IntArray) -> FloatArray:
        return np.asarray(self._negatives[rows, self._ranking.negatives_upto[at]])

    def _first(self, reached: Callable[[IntArray, IntArray], NDArray[np.bool_]]) -> IntArray:
        """(W,) the first operating point for which a condition that stays true once true holds, by bisection."""
        rows = np.arange(len(self._positives))
        low = np.zeros(len(rows), np.int64)
        high = np.full(len(rows), len(self._ranking.positives_upto) - 1)
        while (low < high).any():
            middle = (low + high) // 2
            hit = reached(rows, middle)
            high = np.where(hit, middle, high)
            low = np.where(hit, low, np.minimum(middle + 1, high))
        return low


def _running(weights: FloatArray | IntArray) -> NDArray[Any]:
    total = np.zeros((weights.shape[0], weights.shape[1] + 1), weights.dtype)
    np.cumsum(weights, axis=1, out=total[:, 1:])
    return total


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))
