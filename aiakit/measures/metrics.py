"""Point metrics of an attack: pure functions on class probabilities and labels.

Shapes: N samples, K ≥ 2 classes. ``proba`` is float (N, K), rows sum to 1; ``labels`` is int (N,) in [0, K).
Wrong shapes, non-finite values and labels out of range raise ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from aiakit.measures.ranking import placements

FloatArray = NDArray[np.float64]
Labels = NDArray[np.int64]

SMALLEST_PROBABILITY = 1e-12  # what a probability says of how likely a class is: no attack means less
SMALLEST_RANK = 1e-300  # an overconfident attack still ranks by what is far smaller
FAR = 300.0  # log-probabilities that are further apart than this are pressed together, to at most twice as much
STANDARD_ERRORS = 2.0  # thresholds that lose less than this many standard errors on val count as equally good
SWEEPS = 10  # passes of the coordinate search, which settles after two or three


def log_proba(proba: NDArray[Any], smallest: float = SMALLEST_PROBABILITY) -> FloatArray:
    """(N, K) natural logarithms of probabilities; what is smaller is raised to ``smallest`` here and nowhere else."""
    proba = np.asarray(proba, np.float64)
    if proba.ndim != 2 or proba.shape[1] < 2:
        raise ValueError(f"class probabilities must have shape (N, K) with K ≥ 2, got {proba.shape}")
    if not np.isfinite(proba).all():
        raise ValueError("class probabilities have non-finite values")
    return np.asarray(np.log(np.maximum(proba, smallest)))


def from_log_proba(logs: NDArray[Any]) -> FloatArray:
    """(N, K) probabilities that rank as these log-probabilities do, which may miss a constant in each row.

    The smallest is e⁻⁶⁰⁰, however far apart they are, so that no order is lost to the smallest number that there is.
    """
    behind = logs.max(axis=1, keepdims=True) - np.asarray(logs, np.float64)
    further = np.maximum(behind - FAR, 0.0)
    return np.asarray(softmax(-np.minimum(behind, FAR) - FAR * further / (FAR + further), axis=1))


def class_scores(proba: NDArray[Any]) -> FloatArray:
    """(N, K) log-odds of each class against all others: ranks as the probabilities do, and finer close to 1.

    Rounded to 9 decimals, so that equal probabilities stay ties whatever order the others were summed in.
    """
    inside = log_proba(proba, SMALLEST_RANK)
    proba = np.asarray(proba, np.float64)
    outside = np.stack([np.delete(proba, k, axis=1).sum(axis=1) for k in range(proba.shape[1])], axis=1)
    return np.asarray(np.round(inside - log_proba(outside, SMALLEST_RANK), 9))


def best_threshold(margin: FloatArray, gain: FloatArray) -> float:
    """The threshold t that maximises the sum of ``gain`` over samples with ``margin`` < t, steadied against noise.

    Searches every threshold exactly. The plain maximum is a noisy choice: on 100 samples of two classes one standard
    deviation apart it costs a point of balanced accuracy on new data. So every threshold whose loss against the
    maximum is within ``STANDARD_ERRORS`` of that difference's own standard error (which only the samples between the
    two thresholds cause) counts as equally good, and the middle one of those is taken: a third of the cost.

    Parameters
    ----------
    margin : (N,) ; samples of equal margin fall on the same side.
    gain : (N,), what passing the sample adds to the metric, such as ±1/(K·class size) for balanced accuracy.
    """
    margin = np.round(margin, 9)  # so that the midpoint of two distinct margins lies between them in floating point
    order = np.argsort(margin, kind="stable")
    values, first = np.unique(margin[order], return_index=True)
    ends = np.append(first, len(margin))
    total = np.concatenate([[0.0], np.cumsum(gain[order])])[ends]
    variance = np.concatenate([[0.0], np.cumsum(gain[order] ** 2)])[ends]
    candidates = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    plateau = np.flatnonzero(total >= total.max() - 1e-12)
    best = plateau[len(plateau) // 2]
    tolerance = STANDARD_ERRORS * np.sqrt(np.abs(variance - variance[best]))
    good = np.flatnonzero(total >= total[best] - tolerance - 1e-12)
    return float(candidates[good[len(good) // 2]])


def fit_decision(val_proba: NDArray[Any], val_labels: NDArray[Any], weights: FloatArray | None = None) -> FloatArray:
    """(K,) offsets for ``decide`` that maximise balanced accuracy on the attacker's validation people.

    Offsets of the classes 1 … K−1 are chosen in turn by ``best_threshold`` (for K = 2 one exact search), that of class
    0 stays 0. weights : (N,), of the samples; None: all alike. Raises ValueError where ``val_labels`` has one class
    only.
    """
    scores = log_proba(val_proba, SMALLEST_RANK)
    classes = scores.shape[1]
    labels = checked_labels(val_labels, len(scores), classes)
    weights = np.ones(len(labels)) if weights is None else weights
    counts = np.bincount(labels, weights, minlength=classes)
    if np.count_nonzero(counts) < 2:
        raise ValueError("a decision needs validation samples of at least two classes")
    share = weights / (np.count_nonzero(counts) * counts[labels])  # what one sample adds to balanced accuracy
    offsets = np.zeros(classes)
    for _ in range(1 if classes == 2 else SWEEPS):
        before = offsets.copy()
        for k in range(1, classes):
            others = scores + offsets
            others[:, k] = -np.inf
            rival = others.argmax(axis=1)
            gain = np.where(labels == k, share, np.where(labels == rival, -share, 0.0))
            offsets[k] = best_threshold(others.max(axis=1) - scores[:, k], gain)
        if np.array_equal(before, offsets):
            break
    return offsets


def decide(proba: NDArray[Any], offsets: FloatArray) -> Labels:
    """int64 (N,) predicted classes: argmax of log-probability + offset."""
    return np.asarray((log_proba(proba, SMALLEST_RANK) + offsets).argmax(axis=1), np.int64)


@dataclass(frozen=True)
class Calibration:
    """A linear map of log-probabilities, followed by softmax. coefficients : (K, K). intercepts : (K,)."""

    coefficients: FloatArray
    intercepts: FloatArray


def fit_calibration(
    val_proba: NDArray[Any], val_labels: NDArray[Any], weights: FloatArray | None = None
) -> Calibration:
    """Platt scaling (for K > 2 its matrix form, Guo et al., ICML 2017) fitted on the attacker's validation people.

    Log-probabilities are centred per sample and brought to unit spread, so that the L2 penalty of 1 means the same to
    a timid and to an overconfident attack. Raises ValueError where ``val_labels`` has one class only.
    """
    features = _centred(val_proba)
    classes = features.shape[1]
    labels = checked_labels(val_labels, len(features), classes)
    if len(np.unique(labels)) < 2:
        raise ValueError("a calibration needs validation samples of at least two classes")
    spread = float(features.std()) or 1.0
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit(features / spread, labels, None if weights is None else weights / weights.mean())
    coefficients = np.zeros((classes, classes))
    intercepts = np.full(classes, np.log(SMALLEST_PROBABILITY))  # a class never seen on val is never expected
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes: the logit of the second
        coefficients[model.classes_[1]] = model.coef_[0] / spread
        intercepts[model.classes_] = 0.0, model.intercept_[0]
    else:
        coefficients[model.classes_] = model.coef_ / spread
        intercepts[model.classes_] = model.intercept_
    return Calibration(coefficients, intercepts)


def calibrate(calibration: Calibration, proba: NDArray[Any]) -> FloatArray:
    """(N, K) calibrated class probabilities."""
    return np.asarray(np.exp(_log_calibrated(calibration, proba)))


def cross_entropy(calibration: Calibration, proba: NDArray[Any], labels: Labels) -> FloatArray:
    """(N,) bits that the calibrated probabilities spend on each sample's true class."""
    chosen = _log_calibrated(calibration, proba)[np.arange(len(labels)), labels]
    return np.asarray(-np.maximum(chosen, np.log(SMALLEST_PROBABILITY)) / np.log(2))


def _centred(proba: NDArray[Any]) -> FloatArray:
    logs = log_proba(proba)
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _log_calibrated(calibration: Calibration, proba: NDArray[Any]) -> FloatArray:
    logits = _centred(proba) @ calibration.coefficients.T + calibration.intercepts
    return np.asarray(log_softmax(logits, axis=1))


def balanced_accuracy(labels: Labels, predicted: Labels, classes: int, weights: FloatArray | None = None) -> float:
    """Mean recall over the classes that occur in ``labels``. weights : (N,), of the samples; None: all alike."""
    weights = np.ones(len(labels)) if weights is None else weights
    counts = np.bincount(labels, weights, minlength=classes)
    correct = np.bincount(labels, weights * (labels == predicted), minlength=classes)
    return float((correct[counts > 0] / counts[counts > 0]).mean())


def auc(proba: NDArray[Any], labels: Labels, weights: FloatArray | None = None) -> float:
    """Area under the ROC curve, ties counted half; for K > 2 the mean of one class against the rest.

    weights : (N,), of the samples; None: all alike. Classes that do not occur are left out; NaN where only one class
    occurs.
    """
    scores = class_scores(proba)
    weights = np.ones(len(scores)) if weights is None else weights
    present = np.unique(checked_labels(labels, *scores.shape))
    if len(present) < 2:
        return float("nan")
    shown = [1] if scores.shape[1] == 2 else present
    areas = []
    for positive, column in ((labels == k, scores[:, k]) for k in shown):
        areas.append(np.average(placements(column, positive, weights)[positive], weights=weights[positive]))
    return float(np.mean(areas))


def advantage(balanced: Any, classes: int) -> Any:
    """(K·b − 1)/(K − 1) of a balanced accuracy b (a number or an array): 0 at chance, 1 when never wrong."""
    return (classes * balanced - 1) / (classes - 1)


def checked_labels(labels: NDArray[Any], samples: int, classes: int) -> Labels:
    """The labels as int64, or ValueError where they are not ``samples`` numbers in [0, classes)."""
    labels = np.asarray(labels)
    if labels.shape != (samples,):
        raise ValueError(f"{samples} rows of probabilities, but labels of shape {labels.shape}")
    if labels.dtype.kind not in "iu" or (samples and not (labels.min() >= 0 and labels.max() < classes)):
        raise ValueError(f"labels must be integers in [0, {classes})")
    return labels.astype(np.int64)


LEAST, FURTHEST = -1e-6, 1e-3  # what rounding may do to a probability, and to the sum of a row


def probability_problem(proba: NDArray[Any], count: int, classes: int) -> str:
    """What is wrong with class probabilities that should be float (count, classes); "" where nothing is."""
    if proba.shape != (count, classes):
        return f"must have shape (N, K) = ({count}, {classes}), not {proba.shape}"
    if proba.dtype.kind != "f" or not np.isfinite(proba).all():
        return "must be finite floats"
    if (proba < LEAST).any():
        return "must not be negative"
    off = float(np.abs(proba.sum(axis=1) - 1).max(initial=0))
    return f"must sum to 1 in every row, one is off by {off:.2g}" if off > FURTHEST else ""
