"""What the erasers share that map an embedding linearly around its mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import EmbeddingDefense, FloatArray, Release
from aiakit.plugins.bases._learned import Learned
from aiakit.plugins.bases._serving import Served

if TYPE_CHECKING:
    from torch import nn


class AffineEraser(Learned, Served, EmbeddingDefense):
    """x ↦ μ + A(x − μ), with the mean μ (D,) and the matrix A (D, D) learned on the defender's people.

    Embeddings that lose their first coordinate::

        class WithoutFirst(AffineEraser):
            summary = "takes the first coordinate away"

            def fit(self, train, val, ctx):
                dims = train.embedding.shape[1]
                self.keep(train.embedding.mean(0), np.diag(np.arange(dims) > 0))
                return self
    """

    learned = ("mean", "matrix")

    def keep(self, mean: NDArray[np.floating], matrix: NDArray[np.floating]) -> None:
        """Remember what was learned, in the precision of releases."""
        self.mean_, self.matrix_ = mean.astype(np.float32), matrix.astype(np.float32)

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        return Release(embedding=self.mean_ + (embedding - self.mean_) @ self.matrix_.T)

    def module(self) -> nn.Module:
        from aiakit.networks.serving import Affine  # torch is loaded by who exports

        mean, matrix = self.mean_.astype(np.float64), self.matrix_.astype(np.float64)
        return Affine(matrix, mean - matrix @ mean)
