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


def front_shares(privacy: NDArray[Any], utility: NDArray[Any]) -> FloatArray:
    """(R,) the share of B bootstrap draws, (R, B) each, in which a release is on the front, without draws with NaN."""
    defined = ~(np.isnan(privacy) | np.isnan(utility)).any(axis=0)
    privacy, utility = np.asarray(privacy)[:, defined], np.asarray(utility)[:, defined]
    if not privacy.size:
        return np.full(len(privacy), np.nan)
    order = np.lexsort((-utility, -privacy), axis=0)
    width, height = np.take_along_axis(privacy, order, 0), np.take_along_axis(utility, order, 0)
    # where releases of the same privacy begin; the first of them is the most useful
    new = np.concatenate([np.ones((1, width.shape[1]), bool), width[1:] != width[:-1]])
    first = np.maximum.accumulate(np.where(new, np.arange(len(width))[:, None], 0), axis=0)
    best = np.concatenate([np.full((1, width.shape[1]), -np.inf), np.maximum.accumulate(height, axis=0)])
    more_private, as_private = np.take_along_axis(best, first, 0), np.take_along_axis(height, first, 0)
    front = np.empty(width.shape, bool)
    np.put_along_axis(front, order, (height > more_private) & (height >= as_private), 0)
    return np.asarray(front.mean(axis=1))


def hypervolume(privacy: NDArray[Any], utility: NDArray[Any]) -> float:
    """The share of the rectangle between ``WORST`` and ``BEST`` that the releases (R,) dominate.

    1 would be a release that leaks nothing and verifies without an error. This is the hypervolume indicator of Zitzler
    and Thiele (1998) with the reference point ``WORST``, divided by that of ``BEST``. It takes the best of noisy
    releases, so that it flatters the more the more there are; no interval over people mends that, so there is none.
    """
    width, height = (
        (np.clip(np.asarray(values, np.float64), worst, best) - worst) / (best - worst)
        for values, worst, best in zip((privacy, utility), WORST, BEST, strict=True)
    )
    order = np.argsort(-width, kind="stable")
    width, height = width[order], height[order]
    return float(((width - np.append(width[1:], 0.0)) * np.maximum.accumulate(height)).sum())
