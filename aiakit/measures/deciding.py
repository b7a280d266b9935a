"""Decisions and calibrations fitted on samples that are not the ones they are applied to.

On a single split that is attacker-val, for all of test. Where people are cross-fitted everybody has a score by an
attack that chose on them ("val") and one by an attack that never saw them ("test"): what is applied to the people of a
fold is fitted on the first scores of all other people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aiakit.measures import metrics

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Fitted = TypeVar("Fitted")
FEWEST_FOLDS = 3  # one tested, one chosen on, one learned from: no two people teach each other's attack


def spread_of_folds(folds: int) -> float:
    """How many times wider than on a single split a figure of cross-fitted people is spread, at most.

    On a single split the tested people teach nobody. Here a person's guess rests on others, and theirs on that person:
    of two people in different folds each teaches the other's attack with probability (K − 3)/(K − 2), one fold being
    chosen on. Where a figure is made of pairs of people, as of an attack that learns nothing, what one pair adds is
    then counted twice, and the variance is 1 + (K − 3)/(K − 2) times that of independent guesses. Attacks that read
    much rest on few such pairs, so that their intervals come out wider than they need be (``docs/coverage.md``).
    """
    return 1.0 if folds <= FEWEST_FOLDS else float(np.sqrt(1 + (folds - 3) / (folds - 2)))


@dataclass(frozen=True)
class Known:
    """V samples with known labels. labels : int (V,). weights : (V,). folds : (V,), or None on a single split."""

    labels: IntArray
    weights: FloatArray
    folds: IntArray | None = None

    def fitted(
        self, fit: Callable[[NDArray[Any], IntArray, FloatArray], Fitted], scores: NDArray[Any], to: IntArray | None
    ) -> Iterator[tuple[Fitted, Any]]:
        """(what is fitted, rows to apply it to), over all rows.

        scores : (V, K), of these samples. to : (N,) the fold of each sample that it is applied to, None without folds.
        """
        if self.folds is None or to is None:
            yield fit(scores, self.labels, self.weights), slice(None)
            return
        for fold in np.unique(to):
            others = self.folds != fold
            yield fit(scores[others], self.labels[others], self.weights[others]), to == fold

    def decide(self, val: NDArray[Any], scores: NDArray[Any], to: IntArray | None) -> IntArray:
        """int64 (N,) classes by the decision of ``metrics.fit_decision``. val : (V, K). scores : (N, K)."""
        found = np.empty(len(scores), np.int64)
        for offsets, rows in self.fitted(metrics.fit_decision, val, to):
            found[rows] = metrics.decide(scores[rows], offsets)
        return found

    def calibrate(self, val: NDArray[Any], scores: NDArray[Any], to: IntArray | None) -> FloatArray:
        """(N, K) probabilities by the calibration of ``metrics.fit_calibration``. val : (V, K). scores : (N, K)."""
        found = np.empty(scores.shape)
        for calibration, rows in self.fitted(metrics.fit_calibration, val, to):
            found[rows] = metrics.calibrate(calibration, scores[rows])
        return found

    def cost(self, val: NDArray[Any], scores: NDArray[Any], labels: IntArray, to: IntArray | None) -> FloatArray:
        """(N,) bits that calibrated probabilities spend on the true class. labels : (N,)."""
        found = np.empty(len(scores))
        for calibration, rows in self.fitted(metrics.fit_calibration, val, to):
            found[rows] = metrics.cross_entropy(calibration, scores[rows], labels[rows])
        return found
