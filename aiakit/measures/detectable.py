"""What is too small to be seen of a share of people, and of linkage: beside every "nothing was found"."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv
from scipy.stats import binom, norm

from aiakit.measures.intervals import CONFIDENCE

POWER = 0.8


def smallest_share(chance: float, people: int) -> float:
    """The smallest true share that so many people would show to be above chance, by an exact test; 1.0 where none.

    A two-sided test of level 5 % finds it with a probability of 80 %.
    """
    seen = int(binom.isf((1 - CONFIDENCE) / 2, people, chance)) + 1  # so many must be found
    return float(betaincinv(seen, people - seen + 1, POWER)) if seen <= people else 1.0


def smallest_linkage(mean: float, high: float) -> float:
    """About the smallest D_sys that would show, by what is found where nothing is linked: its mean and 95 % quantile.

    Taken for a normal law of one spread.
    """
    spread = max(high - mean, 0.0) / float(norm.ppf(CONFIDENCE))
    return float(np.clip(max(mean, 0.0) + (norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER)) * spread, 0, 1))
