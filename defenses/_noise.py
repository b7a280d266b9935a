"""What the noise mechanisms share: clipping to a ball, and the bound on every attacker's accuracy."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release
from aiakit.plugins.bases import Learned, Served

if TYPE_CHECKING:
    from aiakit.networks.serving import NoisedBall


class NoiseMechanism(Learned, Served, EmbeddingDefense):
    """Embeddings clipped to a ball around the defender's mean, plus noise in proportion to the ball's radius.

    The radius is the given quantile of the defender's distances to the mean. Two clipped embeddings differ by at most
    twice the radius, the sensitivity Δ that the noise is calibrated to: local differential privacy of a single release
    with respect to everything about the face. m releases of one person have m times the ε.

    order : of the norm that distances are measured in. standard : what noise of scale 1 is, a key of
    ``aiakit.networks.serving.STANDARD``. epsilon, quantile : set by the subclass's ``__init__``.
    """

    stochastic = True
    learned = ("centre", "radius", "classes")
    order: ClassVar[int]
    standard: ClassVar[str]
    epsilon: float
    quantile: float

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        centre = train.embedding.mean(0, dtype=np.float64)
        distances = np.linalg.norm(train.embedding - centre, self.order, axis=1)
        self.centre_ = centre.astype(np.float32)
        self.radius_ = np.array(np.quantile(distances, self.quantile))
        self.classes_ = np.array(len(train.classes))
        return self

    def clip(self, embedding: FloatArray) -> FloatArray:
        """The embeddings (N, D), moved onto the ball where they lie outside."""
        offsets = embedding - self.centre_
        distances = np.linalg.norm(offsets, self.order, axis=1, keepdims=True)
        return np.asarray(self.centre_ + offsets * np.minimum(1, self.radius_ / np.maximum(distances, 1e-30)))

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        from aiakit.networks.serving import STANDARD

        noise = self.scale() * STANDARD[self.standard](rng, embedding.shape)
        return Release(embedding=self.clip(embedding) + 2 * float(self.radius_) * noise)

    def module(self) -> NoisedBall:
        from aiakit.networks.serving import NoisedBall

        radius = float(self.radius_)
        return NoisedBall(self.centre_, radius, self.order, 2 * radius * self.scale(), self.standard)

    @abstractmethod
    def scale(self) -> float:
        """The scale of the noise for a sensitivity of 1."""

    @abstractmethod
    def accuracy_bound(self, draws: int = 1) -> float | None:
        """No attacker, however strong, has a higher balanced accuracy on so many releases; None before ``fit``."""


def dp_accuracy_bound(epsilon: ArrayLike, delta: ArrayLike, classes: int) -> NDArray[np.float64]:
    """The highest balanced accuracy on an (ε, δ)-locally private release: (e^ε + (K−1)δ) / (e^ε + K − 1).

    It follows from P_k(answer k) ≤ e^ε P_j(answer k) + δ, summed over all pairs of classes; e^ε/(1 + e^ε) for K = 2
    and δ = 0.
    """
    share = expit(np.asarray(epsilon) - np.log(classes - 1))
    return np.asarray(np.minimum(share + (1 - share) * np.asarray(delta), 1.0))
