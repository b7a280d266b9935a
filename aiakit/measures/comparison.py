"""Inferences from several results at once; all rest on shared bootstrap draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import FloatArray, Statistics, interval, number, numbers


@dataclass(frozen=True)
class Difference:
    """A metric's difference between two results. p_value : two-sided. draws : (B,)."""

    point: float
    ci95: tuple[float, float]
    p_value: float
    draws: FloatArray

    def as_json(self) -> dict[str, Any]:
        """The difference as JSON values."""
        return {"difference": number(self.point), "ci95": numbers(self.ci95), "p": number(self.p_value)}


def paired_difference(a: Statistics, b: Statistics, metric: str = "balanced_accuracy") -> Difference:
    """``a`` − ``b`` on the same people, drawn together, so that what they share cancels.

    Raises ValueError where the two do not share their bootstrap draws.
    """
    if a.bootstrap_key != b.bootstrap_key:
        raise ValueError("a paired difference needs two results on the same people with the same bootstrap draws")
    draws = a.draws[metric] - b.draws[metric]
    defined = draws[~np.isnan(draws)]
    tail = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    p_value = min(1.0, 2 * (1 + tail) / (1 + len(defined)))
    return Difference(a.point[metric] - b.point[metric], interval(draws), float(p_value), draws)


def illusion_gap(strongest: Statistics, claimed: Statistics, metric: str = "balanced_accuracy") -> Difference:
    """How much more leaks than the defense's own in-loop attacker claims: strongest − claimed, paired."""
    return paired_difference(strongest, claimed, metric)


@dataclass(frozen=True)
class MaxTBound:
    """critical : the studentised quantile. bounds : (A,) one bound an attack. upper : the largest of them."""

    critical: float
    bounds: FloatArray
    upper: float


def max_t_bound(points: Sequence[float], draws: Sequence[NDArray[Any]], confidence: float = 0.95) -> MaxTBound:
    """Simultaneous upper bounds on what A attacks truly reach, whichever of them is looked at afterwards.

    Studentised max-T over the bootstrap (Romano and Wolf, 2005): the bound of attack a is its value plus c standard
    errors, with c the ``confidence`` quantile of the largest studentised shortfall over attacks. So ``upper`` bounds
    the strongest of them, which the interval of the attack that happened to score best does not.

    points : A values of a metric. draws : A arrays (B,) of the same shared draws.
    """
    if len(points) == 0 or len(points) != len(draws) or len({len(column) for column in draws}) != 1:
        raise ValueError("a simultaneous bound needs one value and equally many draws for each attack")
    value, table = np.asarray(points, np.float64), np.stack(draws, axis=1)
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) == 0:
        raise ValueError("a simultaneous bound needs a draw in which every attack's metric is defined")
    error = table.std(axis=0)
    # an attack that scores the same under every draw has no error to studentise by: its bound is its value
    shortfall = np.divide(value - table, error, out=np.zeros_like(table), where=error > 1e-12)
    critical = float(np.quantile(shortfall.max(axis=1), confidence))
    bounds = value + critical * error
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
