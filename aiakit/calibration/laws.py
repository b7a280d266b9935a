"""Closed forms: how well the best possible attacker does on a leak whose distribution is known.

Every function returns a balanced accuracy in [½, 1] for two equally likely classes, in plain floats. Φ is the standard
normal distribution function. The tests check each against a simulation of the optimal rule.
"""

from __future__ import annotations

from math import acosh, exp, log, sqrt

from scipy.stats import binom, chi2, norm


def phi(x: float) -> float:
    """Φ(x)."""
    return float(norm.cdf(x))


def gaussian_shift(distance: float) -> float:
    """Two Gaussians of equal covariance whose means are ``distance`` standard deviations apart (Mahalanobis).

    It is also the ceiling of every attack on every release of faces rendered from parameters u|s ~ N(±δ/2, I),
    with ``distance`` = ‖δ‖, because a release is computed from u and noise only.
    """
    return phi(distance / 2)


def radial(dims: int, ratio: float) -> float:
    """Isotropic Gaussians in ``dims`` dimensions with equal means and standard deviations 1 and ``ratio`` > 1."""
    threshold = 2 * dims * log(ratio) / (1 - ratio**-2)
    return float(0.5 * (chi2.cdf(threshold, dims) + 1 - chi2.cdf(threshold / ratio**2, dims)))


def parity(shift: float, bits: int) -> float:
    """The product of ``bits`` signs, each seen as ±``shift`` in unit Gaussian noise; XOR is ``bits`` = 2."""
    return 0.5 * (1 + (2 * phi(shift) - 1) ** bits)


def four_modes(radius: float) -> float:
    """Modes at (±a, 0) against (0, ±a) in unit Gaussian noise: equal class means, so linear attackers see nothing."""
    wrong = phi(-radius / sqrt(2))
    return 1 - 2 * wrong * (1 - wrong)


def randomised_response(flip: float) -> float:
    """The class itself, replaced by the other one with probability ``flip`` ≤ ½."""
    return 1 - flip


def key_pattern(amplitude: float, pixels: int, noise: float) -> float:
    """A secret pattern of mean square 1 over ``pixels``, added with the sign of the class at ``amplitude``."""
    return phi(amplitude * sqrt(pixels) / noise)


def bit_plane(pixels: int, flip: float) -> float:
    """The class in the lowest bit of each of ``pixels`` values, each bit flipped with probability ``flip`` < ½."""
    return float(binom.sf(pixels / 2, pixels, 1 - flip) + 0.5 * binom.pmf(pixels / 2, pixels, 1 - flip))


def texture_threshold(strength: float) -> float:
    """|t| above which a texture of random sign is likelier present than absent (t ~ N(0, 1) where it is absent)."""
    return acosh(exp(strength**2 / 2)) / strength


def texture(strength: float) -> float:
    """A pattern added with a random sign in one class and absent in the other, ``strength`` = amplitude·√pixels/σ."""
    t = texture_threshold(strength)
    return 0.5 * (phi(t) - phi(-t)) + 0.5 * (phi(strength - t) + phi(-t - strength))


def nearest_mean(distance: float, dims: int, per_class: int) -> float:
    """Expected accuracy of the nearest-mean rule learned from ``per_class`` samples a class (known covariance).

    Φ(½D²/√(D²+2p/N)), the large-dimension law of Raudys: the exact target of a label-budget curve.
    """
    return phi(0.5 * distance**2 / sqrt(distance**2 + 2 * dims / per_class))
