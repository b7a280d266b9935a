"""R-LACE: a game between a projection of a given rank and a linear classifier of what it leaves."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import brentq
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from aiakit.contracts import Context, Embeddings, IntArray
from aiakit.errors import InputError
from aiakit.plugins.bases import AffineEraser

Array = NDArray[np.float64]
Rank = Annotated[int, Field(ge=1, le=4096)]

BATCH = 256
DECAY = 1e-4  # of the classifier's weights
LOOKS = 10  # at the projection so far


class RLace(AffineEraser):
    """Relaxed linear adversarial concept erasure (Ravfogel, Twiton, Goldberg, Cotterell, "Linear Adversarial Concept
    Erasure", ICML 2022, arXiv 2201.12091, algorithm 1).

    max over P, min over θ of the cross-entropy of softmax(θᵀ(I − P)x), P an orthogonal projection onto ``rank``
    dimensions: those are removed that a linear classifier misses most. The projections are relaxed to their convex
    hull, the Fantope of symmetric matrices with eigenvalues in [0, 1] that sum to the rank. Both players take turns in
    stochastic gradient steps; after each of its own, P is projected back onto the Fantope. At the end its leading
    eigenvectors are removed. Of ten looks at the game that P is kept which leaves a newly fitted logistic regression
    the greatest cross-entropy on the people of ``val``.

    The game is not concave in P, and of where it ends nothing is guaranteed. Where that is at the differences of the
    class means, no linear classifier beats a constant on the defender's people. Classifiers that are not linear are not
    touched.

    Parameters
    ----------
    rank : dimensions to remove; without it K − 1, of which no linear eraser needs more.
    steps : turns. rate : step length of both players on an embedding scaled to unit variance; that of P falls to 0.
    """

    summary = "minimax game for the projection that a linear classifier misses most"

    def __init__(
        self,
        rank: Rank | None = None,
        steps: Annotated[int, Field(ge=1, le=1_000_000)] = 1000,
        rate: Annotated[float, Field(gt=0)] = 0.1,
    ) -> None:
        self.rank = rank
        self.steps = steps
        self.rate = rate

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Raises InputError where ``rank`` leaves no dimension."""
        features = train.embedding.shape[1]
        rank = len(train.classes) - 1 if self.rank is None else self.rank
        if rank >= features:
            raise InputError(f"r-lace.rank must be below the embedding's {features} dimensions, got {rank}")
        mean = train.embedding.mean(0, dtype=np.float64)
        scale = max(float((train.embedding - mean).std()), 1e-12)
        with threadpool_limits(ctx.threads):
            removed = self._play(
                (train.embedding - mean) / scale, (val.embedding - mean) / scale, train, val, rank, ctx
            )
        self.keep(mean, np.eye(features) - removed @ removed.T)
        return self

    def _play(self, x: Array, other: Array, train: Embeddings, val: Embeddings, rank: int, ctx: Context) -> Array:
        """(D, rank) an orthonormal basis of what is removed."""
        rng = ctx.rng("batches")
        one_hot = np.eye(len(train.classes))[train.labels]
        projection = np.eye(x.shape[1]) * rank / x.shape[1]
        weights, intercepts = np.zeros((x.shape[1], one_hot.shape[1])), np.zeros(one_hot.shape[1])
        worst, removed = -np.inf, np.zeros((x.shape[1], rank))
        for step in ctx.track(range(1, self.steps + 1), "minimax game"):
            rows = rng.integers(0, len(x), BATCH)
            left = x[rows] - x[rows] @ projection
            missed = (softmax(left @ weights + intercepts, axis=1) - one_hot[rows]) / BATCH
            weights -= self.rate * (left.T @ missed + DECAY * weights)
            intercepts -= self.rate * missed.sum(0)

            rows = rng.integers(0, len(x), BATCH)
            left = x[rows] - x[rows] @ projection
            missed = (softmax(left @ weights + intercepts, axis=1) - one_hot[rows]) / BATCH
            uphill = -x[rows].T @ missed @ weights.T
            remaining = 1 - (step - 1) / self.steps
            projection = fantope(projection + self.rate * remaining * (uphill + uphill.T) / 2, rank)

            if step == self.steps or step % max(1, self.steps // LOOKS) == 0:
                basis = np.linalg.eigh(projection)[1][:, -rank:]
                loss = _refitted(x, train.labels, other, val.labels, basis)
                if loss > worst:
                    worst, removed = loss, basis
        return removed


def _refitted(x: Array, labels: IntArray, other: Array, known: IntArray, removed: Array) -> float:
    """Cross-entropy on other people of a logistic regression that is fitted to what is left."""
    model = LogisticRegression(max_iter=1000).fit(x - x @ removed @ removed.T, labels)
    seen = np.isin(known, model.classes_)
    guesses = model.predict_proba(other[seen] - other[seen] @ removed @ removed.T)
    return float(log_loss(known[seen], guesses, labels=model.classes_))


def fantope(matrix: Array, rank: int) -> Array:
    """The nearest symmetric matrix with eigenvalues in [0, 1] that sum to ``rank`` (Vu et al. 2013, lemma 4.1).

    matrix : symmetric (D, D), D ≥ rank.
    """
    values, vectors = np.linalg.eigh(matrix)
    shift = brentq(lambda by: np.clip(values - by, 0, 1).sum() - rank, values[0] - 1, values[-1])
    return np.asarray((vectors * np.clip(values - shift, 0, 1)) @ vectors.T)
