"""Laplace noise, calibrated to ε-local differential privacy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from aiakit.defenses._noise import NoiseMechanism, dp_accuracy_bound


class LaplaceNoise(NoiseMechanism):
    """The Laplace mechanism (Dwork, McSherry, Nissim, Smith, TCC 2006, proposition 1) on embeddings clipped in L1.

    Independent noise of density exp(−|t|/b)/2b with b = Δ₁/ε in every coordinate, where Δ₁ is the largest L1 distance
    of two clipped embeddings: ε-local differential privacy without a δ, hence accuracy ≤ e^ε/(1 + e^ε) for a
    two-valued attribute. In high dimension it needs more noise than the Gaussian mechanism.

    Parameters
    ----------
    epsilon : the privacy of one release. quantile : share of the defender's faces that is not clipped.
    """

    summary = "clipping and Laplace noise: epsilon-local differential privacy"
    order = 1
    standard = "laplace"

    def __init__(
        self, epsilon: Annotated[float, Field(gt=0, le=1e6)] = 8.0, quantile: Annotated[float, Field(gt=0, le=1)] = 0.5
    ) -> None:
        self.epsilon = epsilon
        self.quantile = quantile

    def scale(self) -> float:
        return 1 / self.epsilon

    def accuracy_bound(self, draws: int = 1) -> float | None:
        if not hasattr(self, "classes_"):
            return None
        return float(dp_accuracy_bound(draws * self.epsilon, 0.0, int(self.classes_)))
