"""Privacy against utility: which releases are not dominated, and how much ground they cover together.

Privacy is 1 − advantage of the strongest attack, utility the accuracy of verification; both are better when larger.
R releases.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

WORST = (0.0, 0.5)  # everything leaks; verification guesses
BEST = (1.0, 1.0)  # nothing leaks; verification never errs


def privacy_of(advantage: Any) -> FloatArray:
    """1 − advantage, at most 1: an attack worse than a guess leaves no more private than a guess does."""
    return np.asarray(np.minimum(1.0, 1.0 - np.asarray(advantage, np.float64)))


def pareto_front(privacy: NDArray[Any], utility: NDArray[Any]) -> NDArray[np.bool_]:
    """(R,) whether no other release is at least as good in both and better in one. Equal releases stand together."""
    privacy, utility = np.asarray(privacy), np.asarray(utility)
    no_worse = (privacy >= privacy[:, None]) & (utility >= utility[:, None])
    better = (privacy > privacy[:, None]) | (utility > utility[:, None])
    return ~np.asarray((no_worse & better).any(axis=1))


def hypervolume(privacy: NDArray[Any], utility: NDArray[Any]) -> float:
    """The share of the rectangle between ``WORST`` and ``BEST`` that the releases (R,) dominate.

    1 would be a release that leaks nothing and verifies without an error. This is the hypervolume indicator of Zitzler
    and Thiele (1998) with the reference point ``WORST``, divided by that of ``BEST``.
    """
    return float(hypervolume_draws(np.asarray(privacy)[:, None], np.asarray(utility)[:, None])[0])


def hypervolume_draws(privacy: NDArray[Any], utility: NDArray[Any]) -> FloatArray:
    """(B,) the hypervolume under each of B shared bootstrap draws of privacy (R, B) and utility (R, B)."""
    width, height = (
        (np.clip(np.asarray(values, np.float64), worst, best) - worst) / (best - worst)
        for values, worst, best in zip((privacy, utility), WORST, BEST, strict=True)
    )
    order = np.argsort(-width, axis=0, kind="stable")
    width, height = np.take_along_axis(width, order, 0), np.take_along_axis(height, order, 0)
    steps = width - np.concatenate([width[1:], np.zeros((1, width.shape[1]))])
    return np.asarray((steps * np.maximum.accumulate(height, axis=0)).sum(axis=0))
