"""Inferences from several results at once, on the same people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from aiakit.measures.bootstrap import FloatArray, Statistics, interval, number, numbers
from aiakit.measures.intervals import CONFIDENCE, difference_interval, p_value, with_seeds


@dataclass(frozen=True)
class Difference:
    """A metric's difference between two results. p_value : two-sided, below 5 % where ``ci95`` leaves 0 out."""

    point: float
    ci95: tuple[float, float]
    p_value: float

    @classmethod
    def of(cls, point: float, ci95: tuple[float, float]) -> Difference:
        """The difference with the p-value that belongs to its interval."""
        return cls(point, ci95, p_value(point, *ci95, 0.0))

    def as_json(self) -> dict[str, Any]:
        """The difference as JSON values."""
        return {"difference": number(self.point), "ci95": numbers(self.ci95), "p": number(self.p_value)}

    def equivalent(self, margin: float) -> bool:
        """Whether the whole interval lies within ± ``margin``: shown to be alike, not merely not shown to differ."""
        return -margin < self.ci95[0] and self.ci95[1] < margin


def paired_difference(a: Statistics, b: Statistics, metric: str = "balanced_accuracy") -> Difference:
    """``a`` − ``b`` on the same people, so that what they share cancels, over people and, where there are, seeds.

    Seeds are paired where both have the same ones. Raises ValueError where the two do not share people and draws.
    """
    if a.bootstrap_key != b.bootstrap_key:
        raise ValueError("a paired difference needs two results on the same people with the same bootstrap draws")
    point = a.point[metric] - b.point[metric]
    if metric in a.estimates and metric in b.estimates:
        low, high = difference_interval(a.estimates[metric], b.estimates[metric])
    else:
        low, high = interval(a.draws[metric] - b.draws[metric])
    first, second = a.seed_means(metric), b.seed_means(metric)
    alike = len(first) == len(second) and a.seeds == b.seeds
    for values in [first - second] if alike else [first, second]:
        low, high = with_seeds(low, point, high, values)
    return Difference.of(point, (low, high))


def illusion_gap(
    strongest: Statistics, claimed: Statistics, chance: float, metric: str = "balanced_accuracy"
) -> Difference:
    """How much more leaks than a defense's own in-loop attacker claims: strongest − max(chance, claimed), paired.

    claimed : the claim *tuned* on attacker-val, since a claim below chance is read by turning it round.
    """
    if claimed.point[metric] >= chance:
        return paired_difference(strongest, claimed, metric)
    low, high = strongest.ci95(metric)
    return Difference.of(strongest.point[metric] - chance, (low - chance, high - chance))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for being looked at together (Holm, 1979); NaN stays NaN, and counts as no test."""
    values = np.asarray(p_values, np.float64)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    corrected = values.copy()
    left = len(order) - np.arange(len(order))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * left)) if len(order) else corrected[order]
    return [float(value) for value in corrected]


@dataclass(frozen=True)
class MaxTBound:
    """critical : the studentised quantile. bounds : (A,) one bound an attack. upper : the largest of them."""

    critical: float
    bounds: FloatArray
    upper: float


def max_t_bound(
    points: Sequence[float], highs: Sequence[float], draws: Sequence[NDArray[Any]], confidence: float = 0.95
) -> MaxTBound:
    """Simultaneous upper bounds on what A attacks truly reach, whichever of them is looked at afterwards.

    Studentised max-T over the bootstrap (Romano and Wolf, 2005): c is the ``confidence`` quantile of the largest
    studentised shortfall over attacks, and the bound of an attack lies c/1.96 times as far above its value as the end
    of its 95 % interval. So ``upper`` bounds the strongest of them, which the interval of the attack that happened to
    score best does not.

    points, highs : A values of a metric, and the upper ends of their 95 % intervals. draws : A arrays (B,) of the same
    shared draws.
    """
    if len(points) == 0 or not len(points) == len(highs) == len(draws) or len({len(each) for each in draws}) != 1:
        raise ValueError("a simultaneous bound needs one value, one interval and equally many draws for each attack")
    value, table = np.asarray(points, np.float64), np.stack(draws, axis=1)
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) == 0:
        raise ValueError("a simultaneous bound needs a draw in which every attack's metric is defined")
    error = table.std(axis=0)
    # an attack that scores the same under every draw has no error to studentise by: it has its own interval's reach
    shortfall = np.divide(value - table, error, out=np.zeros_like(table), where=error > 1e-12)
    single = float(norm.ppf(confidence))
    critical = max(single, float(np.quantile(shortfall.max(axis=1), confidence)))
    bounds = value + critical / norm.ppf((1 + CONFIDENCE) / 2) * (np.asarray(highs) - value)
    bounds = np.minimum(bounds, np.maximum(1.0, value))  # all of these metrics end at 1
    return MaxTBound(critical, bounds, float(bounds.max()))


def variance_components(values: NDArray[Any]) -> tuple[float, float]:
    """(between defense seeds, between attack seeds) variances of a metric.

    values : (D, A), A attack seeds on each of D defense seeds. One-way random-effects analysis of variance; a negative
    estimate counts as 0, and a component that needs a second seed is NaN without it (the other then holds both).
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"variance components need a (defense seeds, attack seeds) table, got shape {values.shape}")
    defenses, attacks = values.shape
    within = float(values.var(axis=1, ddof=1).mean()) if attacks > 1 else float("nan")
    if defenses == 1:
        return float("nan"), within
    between = float(values.mean(axis=1).var(ddof=1))
    return (between if attacks == 1 else max(0.0, between - within / attacks)), within
