"""INLP: train a linear classifier, project its directions away, repeat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._numbers import standardised_numbers
from aiakit.plugins.bases import AffineEraser


class Inlp(AffineEraser):
    """Iterative nullspace projection (Ravfogel et al., ACL 2020, arXiv 2004.07667, algorithm 1).

    Each round trains a linear classifier W on what is left of the embedding and removes the row space of W; the
    release is P x with P the projection onto the intersection of the nullspaces, N(W₁) ∩ … ∩ N(Wₙ) (computed from
    the sum of the row spaces, as the paper advises, so that rounding errors do not add up). Linear classifiers of
    the kind that was trained lose their directions; non-linear ones do not, and every round costs the embedding one
    dimension (up to K for K > 2 classes). Of each number that is protected a round also removes the direction of a
    ridge regression, fitted where the number is known: the paper's linear model with another loss.

    Parameters
    ----------
    iterations : rounds; fewer where only one dimension would be left. The paper takes 35 for 300 dimensions.
    strength : C of the logistic regression on an embedding scaled to unit variance, and of a ridge 1/α.
    """

    summary = "iterative nullspace projection: removes the directions of linear classifiers, round by round"
    erases_numbers = True

    def __init__(
        self, iterations: Annotated[int, Field(ge=1, le=10_000)] = 35, strength: Annotated[float, Field(gt=0)] = 1.0
    ) -> None:
        self.iterations = iterations
        self.strength = strength

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        mean = train.embedding.mean(0, dtype=np.float64)
        centred = train.embedding - mean
        centred /= max(float(centred.std()), 1e-12)
        features = centred.shape[1]
        removed = np.zeros((features, 0))  # an orthonormal basis of the row spaces so far
        with threadpool_limits(ctx.threads):
            for _ in ctx.track(range(self.iterations), "nullspace projection"):
                left = centred - (centred @ removed) @ removed.T
                model = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=1000)
                directions = np.vstack([model.fit(left, train.labels).coef_, *self._slopes(left, train)])
                basis, sizes, _ = np.linalg.svd(np.hstack([removed, (directions / _norms(directions)).T]))
                rank = int((sizes > 1e-8).sum())
                if rank >= features:
                    break
                removed = basis[:, :rank]
            self.keep(mean, np.eye(features) - removed @ removed.T)
        return self

    def _slopes(self, left: NDArray[np.float64], train: Embeddings) -> Iterator[NDArray[np.float64]]:
        """(D,) of a ridge regression of each number."""
        numbers = standardised_numbers(train)
        for column, values in zip(() if train.numbers is None else train.numbers.T, numbers.T, strict=True):
            known = np.isfinite(column)
            if values.any():
                yield Ridge(alpha=1 / self.strength).fit(left[known], values[known]).coef_


def _norms(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, D) → (F, 1)."""
    return np.asarray(np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-300))
