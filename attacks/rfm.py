"""Recursive feature machines: kernel regression in a metric that it learns (Radhakrishnan et al., Science 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases import GridAttack, Sampled, reduction, sample_rows, sklearn_seed

Matrix = NDArray[np.float32]

RIDGES = {"laplace": (0.1, 0.3), "gauss": (0.3, 1.0)}  # the roughest kernel needs the least
LEARNERS = 4_000  # samples that the metric is learned from: a round is as costly as a regression on them


class FeatureMachine(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Weighted kernel ridge regression on the indicators of the classes, in a Mahalanobis metric.

    A round fits the regression and takes the mean outer product of its gradients as the next metric, so that
    directions which say nothing stop counting. The last regression is on all samples.

    Parameters
    ----------
    kernel : exp(−d/L) ("laplace") or exp(−d²/L²) ("gauss"), where d² is the distance in the metric, whose trace is D,
        and L² is D. ridge : the penalty of a sample of weight 1. rounds : how often the metric is learned.
    """

    def __init__(self, kernel: str = "laplace", ridge: float = 0.1, rounds: int = 1, seed: int = 0) -> None:
        self.kernel = kernel
        self.ridge = ridge
        self.rounds = rounds
        self.seed = seed

    def fit(self, x: Matrix, y: NDArray[np.int64], sample_weight: NDArray[np.float64]) -> Self:
        """Learn from (N, D) samples at about unit variance and their classes, which weigh alike."""
        self.classes_, code, counts = np.unique(y, return_inverse=True, return_counts=True)
        goal = np.eye(len(counts), dtype=np.float32)[code] - np.float32(1 / len(counts))
        weights = sample_weight / counts[code]
        weights = weights / weights.mean()
        self.metric_ = np.eye(x.shape[1], dtype=np.float32)
        some = sample_rows(len(x), LEARNERS, np.random.default_rng(self.seed), weights)
        for _ in range(self.rounds):
            solution = self._solve(x[some], goal[some], weights[some])
            slopes = self._slopes(x[some], x[some], solution)
            energy = np.einsum("knd,kne->de", slopes, slopes)
            if not np.trace(energy) > 0:
                break
            self.metric_ = np.asarray(energy * (x.shape[1] / np.trace(energy)), np.float32)
        self.known_, self.solution_ = x, self._solve(x, goal, weights)
        return self

    def decision_function(self, x: Matrix) -> NDArray[np.float64]:
        """(N, K) regressed indicators; (N,) of the second against the first where K = 2."""
        found = np.asarray(self._kernel(x, self.known_) @ self.solution_, np.float64)
        return found[:, 1] - found[:, 0] if found.shape[1] == 2 else found

    def _solve(self, x: Matrix, goal: Matrix, weights: NDArray[np.float64]) -> Matrix:
        gram = self._kernel(x, x)
        gram[np.diag_indices(len(gram))] += (self.ridge / weights).astype(np.float32)
        # symmetric: its transpose is laid out as LAPACK wants it, so that nothing is copied
        factor = cho_factor(gram.T, lower=True, overwrite_a=True, check_finite=False)
        return np.asarray(cho_solve(factor, goal, check_finite=False))

    def _distances(self, left: Matrix, right: Matrix) -> Matrix:
        """(N, M) squared distances in the metric, in units of L²."""
        seen = left @ self.metric_
        found = seen @ right.T
        found *= -2
        found += (seen * left).sum(axis=1)[:, None]
        found += ((right @ self.metric_) * right).sum(axis=1)
        np.maximum(found, 0, out=found)
        found /= left.shape[1]
        return np.asarray(found, np.float32)

    def _kernel(self, left: Matrix, right: Matrix) -> Matrix:
        values = self._distances(left, right)
        if self.kernel == "laplace":
            np.sqrt(values, out=values)
        np.negative(values, out=values)
        return np.asarray(np.exp(values, out=values))

    def _slopes(self, at: Matrix, known: Matrix, solution: Matrix) -> Matrix:
        """(K, N, D) gradients of the regressions, up to a factor. at : (N, D)."""
        pull = self._kernel(at, known)
        if self.kernel == "laplace":  # the gradient of a distance is shorter than that of its square
            pull /= np.sqrt(np.maximum(self._distances(at, known), 1e-6))
        each = (pull * column for column in solution.T)
        slopes = np.stack([force.sum(axis=1)[:, None] * at - force @ known for force in each])
        return np.asarray(slopes @ self.metric_)


class RecursiveFeatureMachine(Sampled, GridAttack):
    """Kernel ridge regression with a Laplace or Gaussian kernel whose metric is learned (xRFM's building block).

    What is left behind an erasure is smooth, not linear, and lies in some directions more than in others: an SVM's
    round kernel spends people on the rest. Kernel and penalty are chosen on attacker-val, on a sample of the rows.
    Cost is N³, so more than ``rows`` samples are sampled.
    """

    presets = ("fast", "strong")
    summary = "kernel ridge regression in a learned metric (recursive feature machine)"

    def __init__(
        self,
        rounds: Annotated[int, Field(ge=0)] = 1,
        rows: Annotated[int, Field(ge=2)] = 15_000,
    ) -> None:
        self.rounds = rounds
        self.rows = rows

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Learn from at most ``rows`` samples of ``train``, choose on ``val``."""
        return super().fit(train[sample_rows(len(train), self.rows, ctx.rng("rows"), train.weights)], val, ctx)

    def screen(self, rows: int) -> int:
        """As many as a metric is learned from."""
        return min(rows, LEARNERS)

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """Both kernels, two penalties of each."""
        seed = sklearn_seed(ctx, "learners")
        return [
            make_pipeline(reduction(train, dims, ctx), FeatureMachine(kernel, ridge, self.rounds, seed))
            for kernel, ridges in RIDGES.items()
            for ridge in ridges
        ]
