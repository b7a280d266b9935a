"""Intervals over people that hold near the ceiling too: Wilson's for shares, the logit for curves, MOVER for sums.

A person's images are one observation. Everything here rests on each person's *influence* on a figure: how far the
figure would move with the person's weight, (P,) values that sum to 0 and whose squares sum to the variance. The tables
in ``docs/coverage.md`` say how often these intervals hold a known truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm, t

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CONFIDENCE = 0.95
NOTHING = 1e-15  # a variance below it is that of people who do not differ
MOST_DEPENDENT = 5.0  # a share's variance is at most so many times that of its effective people, each right or wrong


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval over people.

    influence : (P,) of each person on the figure. people : how many people it effectively rests on.
    """

    point: float
    low: float
    high: float
    influence: FloatArray
    people: float

    @property
    def standard_error(self) -> float:
        """The root of the influences' squares."""
        return float(np.sqrt((self.influence**2).sum()))

    def mapped(self, slope: float, intercept: float) -> Estimate:
        """The same of ``slope`` · figure + ``intercept``."""
        ends = sorted(slope * end + intercept for end in (self.low, self.high))
        return replace(
            self, point=slope * self.point + intercept, low=ends[0], high=ends[1], influence=slope * self.influence
        )

    def widened(self, factor: float) -> Estimate:
        """The same with an interval, and influences, so many times as wide."""
        low, high = (self.point + factor * (end - self.point) for end in (self.low, self.high))
        return replace(self, low=low, high=high, influence=factor * self.influence)

    def p_value(self, null: float) -> float:
        """Two-sided p-value of "the figure is ``null``", below 5 % exactly where the interval leaves ``null`` out."""
        return p_value(self.point, self.low, self.high, null)


def p_value(point: float, low: float, high: float, null: float) -> float:
    """The two-sided p-value that belongs to a 95 % interval: NaN where the figure is not defined.

    The side of the interval that faces ``null`` is taken for as many standard errors as 95 % has in a normal law.
    """
    if np.isnan([point, low, high]).any():
        return float("nan")
    distance = abs(point - null)
    side = point - low if point > null else high - point
    if distance < 1e-12:
        return 1.0
    return 0.0 if side <= 0 else float(2 * norm.sf(norm.ppf((1 + CONFIDENCE) / 2) * distance / side))


def wilson(share: float, count: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval of a share of ``count`` independent observations, at a ``quantile`` of the normal or t law."""
    square = quantile * quantile
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = quantile / (1 + square / count) * np.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def effective(weights: NDArray[Any]) -> float:
    """(Σw)²/Σw²: how many people of equal weight are as good as these (P,); people of weight 0 are none."""
    squares = float((weights**2).sum())
    return float(weights.sum() ** 2 / squares) if squares > 0 else 0.0


def freedom_of(influence: FloatArray, people: float) -> float:
    """The degrees of freedom of a variance that is the sum of squared influences, by the spread of these squares.

    2k where k people decide alike and the others hardly; the effective people less one where all decide alike.
    """
    variance = float((influence**2).sum())
    fourth = float((influence**4).sum()) - variance**2 / len(influence)
    return max(1.0, 2 * variance**2 / max(fourth, 2 * variance**2 / max(people - 1, 1)))


def share_estimate(
    value: float, influence: FloatArray, people: float, samples: float, few_decide: bool = False
) -> Estimate:
    """A mean of numbers in [0, 1], by Wilson's interval with as many observations as its variance speaks for.

    ``value · (1 − value) / variance`` observations: at least a fifth of the effective people, at most the samples, and
    as many as the effective people where these do not differ, such as where nobody was ever read wrongly. The quantile
    is Student's with the effective people less one, since a variance from few people is known poorly.

    people : effective. samples : how many numbers the mean is of. few_decide : whether the numbers of most people may
    be all but 1, so that the few others decide how well the variance is known.
    """
    if people <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"), influence, 0.0)
    variance = float((influence**2).sum())
    count, freedom = people, max(people - 1, 1)
    if variance > NOTHING and 0 < value < 1:
        count = min(max(value * (1 - value) / variance, people / MOST_DEPENDENT), max(samples, people))
        freedom = freedom_of(influence, people) if few_decide else freedom
    low, high = wilson(value, count, float(t.ppf((1 + CONFIDENCE) / 2, freedom)))
    return Estimate(value, low, high, influence, people)


def logit_estimate(value: float, influence: FloatArray, people: float, unseen: float = 0.0) -> Estimate:
    """A figure in (0, 1) that is no plain mean, such as the area under a curve: symmetric in its log-odds.

    Near the ceiling few people decide both the figure and its variance, so that the quantile is Student's with the
    degrees of freedom that the spread of the squared influences leaves. A figure of exactly 0 or 1 has Wilson's
    interval on the effective people.

    unseen : so many people more, each as unlike the others as ``value`` allows: what few cannot have shown yet.
    """
    if people <= 0 or np.isnan(value):
        return Estimate(float("nan"), float("nan"), float("nan"), influence, 0.0)
    variance = float((influence**2).sum())
    if variance <= NOTHING or not 0 < value < 1:
        low, high = wilson(value, people, float(norm.ppf((1 + CONFIDENCE) / 2)))
        return Estimate(value, low, high, influence, people)
    freedom = freedom_of(influence, people)
    spread = variance + unseen * value * (1 - value) / people**2
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * np.sqrt(spread) / (value * (1 - value))
    low, high = expit(logit(value) + np.array([-half, half]))
    return Estimate(value, float(low), float(high), influence, people)


def mean_estimate(parts: list[Estimate]) -> Estimate:
    """The mean of figures of the same people, by MOVER: the ends of their intervals are combined, not their errors.

    Zou and Donner (2008), with the correlation of the parts taken from the influences.
    """
    count = len(parts)
    point = float(np.mean([part.point for part in parts]))
    correlation = _correlation(np.stack([part.influence for part in parts]))
    ends = []
    for side in (-1, 1):
        half = np.array([part.point - part.low if side < 0 else part.high - part.point for part in parts])
        ends.append(point + side * float(np.sqrt(max(0.0, half @ correlation @ half))) / count)
    influence = np.mean([part.influence for part in parts], axis=0)
    return Estimate(point, ends[0], ends[1], influence, float(min(part.people for part in parts)))


def difference_interval(a: Estimate, b: Estimate) -> tuple[float, float]:
    """The interval of ``a`` − ``b`` on the same people, by MOVER (Zou and Donner, 2008): what they share cancels.

    Figures that everybody moves alike are one figure. Two that nobody moves are not: of people who were all read
    rightly by both it is not known how often the two would err together.
    """
    point = a.point - b.point
    if a.standard_error > 0 and point == 0 and np.array_equal(a.influence, b.influence):
        return 0.0, 0.0
    shared = float(_correlation(np.stack([a.influence, b.influence]))[0, 1])
    below, above = a.point - a.low, b.high - b.point
    low = point - np.sqrt(max(0.0, below**2 + above**2 - 2 * shared * below * above))
    above, below = a.high - a.point, b.point - b.low
    high = point + np.sqrt(max(0.0, above**2 + below**2 - 2 * shared * above * below))
    return float(low), float(high)


def _correlation(influence: FloatArray) -> FloatArray:
    """(M, M) correlations of influences (M, P); a figure on which nobody has any is correlated with itself only."""
    products = influence @ influence.T
    scale = np.sqrt(np.diag(products))
    scale = np.outer(scale, scale)
    found = np.divide(products, scale, out=np.zeros_like(products), where=scale > NOTHING)
    np.fill_diagonal(found, 1.0)
    return np.asarray(np.clip(found, -1, 1))


def with_seeds(low: float, point: float, high: float, values: NDArray[Any]) -> tuple[float, float]:
    """An interval over people widened to one over people × seeds.

    values : (S,) what S seeds gave, each a mean over what was repeated under it; ``point`` is their mean. By MOVER with
    Student's interval of the seeds, S − 1 degrees of freedom. With one seed its variance is not known: as it was.
    """
    seeds = len(values)
    if seeds < 2:
        return low, high
    half = float(t.ppf((1 + CONFIDENCE) / 2, seeds - 1)) * float(np.std(values, ddof=1)) / np.sqrt(seeds)
    return float(point - np.hypot(point - low, half)), float(point + np.hypot(high - point, half))
