"""Gaussian noise, calibrated to (ε, δ)-local differential privacy."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from aiakit.defenses._noise import NoiseMechanism, dp_accuracy_bound


class GaussianNoise(NoiseMechanism):
    """The analytic Gaussian mechanism (Balle and Wang, ICML 2018, arXiv 1805.06530, theorem 8) on clipped embeddings.

    σ is the smallest with Φ(Δ/2σ − εσ/Δ) − e^ε Φ(−Δ/2σ − εσ/Δ) ≤ δ, exact for every ε (the classical
    σ = Δ√(2 ln(1.25/δ))/ε holds for ε < 1 only). Two faces are Δ/σ standard deviations apart at most, so no attacker
    on a two-valued attribute exceeds Φ(Δ/2σ), which is tighter than the bound from (ε, δ).

    Parameters
    ----------
    epsilon, delta : the privacy of one release. quantile : share of the defender's faces that is not clipped.
    """

    summary = "clipping and Gaussian noise: (epsilon, delta)-local differential privacy"
    order = 2
    standard = "normal"

    def __init__(
        self,
        epsilon: Annotated[float, Field(gt=0, le=1e6)] = 8.0,
        delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5,
        quantile: Annotated[float, Field(gt=0, le=1)] = 0.5,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.quantile = quantile

    def scale(self) -> float:
        return noise_multiplier(self.epsilon, self.delta)

    def accuracy_bound(self, draws: int = 1) -> float | None:
        if not hasattr(self, "classes_"):
            return None
        # The mechanism is (ε', δ(ε'))-private for every ε', and each pair bounds the accuracy: the least bound holds.
        # The mean of several draws says all that they say together, and has noise that is smaller by their root.
        others = np.append(np.linspace(0, 2 * draws * self.epsilon, 1001), self.epsilon)
        deltas = _delta(others, noise_multiplier(self.epsilon, self.delta) / np.sqrt(draws))
        return float(dp_accuracy_bound(others, deltas, int(self.classes_)).min())


def noise_multiplier(epsilon: float, delta: float) -> float:
    """σ/Δ: the smallest standard deviation of (ε, δ)-private noise at sensitivity 1."""
    return float(np.exp(brentq(lambda log: _delta(epsilon, np.exp(log)) - delta, -20, 20, xtol=1e-12)))


def _delta(epsilon: float | NDArray[np.float64], multiplier: float) -> NDArray[np.float64]:
    """The δ with which noise of this multiplier is ε-private (equation 6 of Balle and Wang)."""
    half, shift = 1 / (2 * multiplier), epsilon * multiplier
    return np.asarray(ndtr(half - shift) - np.exp(epsilon + log_ndtr(-half - shift)))
