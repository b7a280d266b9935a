"""Privacy against utility: which releases are not dominated, and how much ground they cover together.

Privacy is 1 − advantage, utility any verification metric; both are better when larger. R releases.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

REFERENCE = (0.0, 0.5)  # everything leaks; verification (accuracy or AUC) at chance


def pareto_front(privacy: NDArray[Any], utility: NDArray[Any]) -> NDArray[np.bool_]:
    """(R,) whether no other release is at least as good in both and better in one. Equal releases stand together."""
    privacy, utility = np.asarray(privacy), np.asarray(utility)
    no_worse = (privacy >= privacy[:, None]) & (utility >= utility[:, None])
    better = (privacy > privacy[:, None]) | (utility > utility[:, None])
    return ~np.asarray((no_worse & better).any(axis=1))


def hypervolume(privacy: NDArray[Any], utility: NDArray[Any], reference: tuple[float, float] = REFERENCE) -> float:
    """Area that the releases dominate above ``reference``; privacy counts up to 1 (an advantage below 0 is noise)."""
    return float(hypervolume_draws(np.asarray(privacy)[:, None], np.asarray(utility)[:, None], reference)[0])


def hypervolume_draws(
    privacy: NDArray[Any], utility: NDArray[Any], reference: tuple[float, float] = REFERENCE
) -> FloatArray:
    """(B,) the hypervolume under each of B shared bootstrap draws of privacy (R, B) and utility (R, B)."""
    width = np.clip(np.asarray(privacy, np.float64), reference[0], 1.0) - reference[0]
    height = np.maximum(np.asarray(utility, np.float64) - reference[1], 0)
    order = np.argsort(-width, axis=0, kind="stable")
    width, height = np.take_along_axis(width, order, 0), np.take_along_axis(height, order, 0)
    steps = width - np.concatenate([width[1:], np.zeros((1, width.shape[1]))])
    return np.asarray((steps * np.maximum.accumulate(height, axis=0)).sum(axis=0))
