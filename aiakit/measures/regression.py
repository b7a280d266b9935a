"""How well the value of a numeric attribute is estimated, beside a constant: R², MAE, rank correlation.

R² is out of sample (Campbell and Thompson, 2008): 1 − Σ(y − ŷ)²/Σ(y − ȳ)² with ȳ the mean of attacker-train, so that
who guesses that mean has 0, and who guesses worse less. Of few values in an order (age groups) the MAE is also averaged
over these, as Baccianella, Esuli and Sebastiani propose (*Evaluation measures for ordinal regression*, ISDA 2009): who
always names the commonest has no advantage from it.

Whether anything is read at all is told by Kendall's τ-b (1938, 1945) between numbers and estimates, which sees a leak a
quarter as large: estimates that carry little lie so near to the mean that R² hardly leaves 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, IntArray, Statistics, few_people, number
from aiakit.measures.influence import mean_influence, people_mean
from aiakit.measures.intervals import CONFIDENCE, Estimate, effective, freedom_of, mean_estimate, with_seeds
from aiakit.measures.searching import once_a_person
from aiakit.measures.units import Unit

MOST_LEVELS = 12  # of a number that is an order of classes
RANKED = 4_000  # images whose pairs are ranked, at most
POWER = 0.8
NOTHING = 1e-12


class Estimated(NamedTuple):
    """N images. found : (N,), what was estimated of them. mean, median : (N,), the constants of attacker-train."""

    found: NDArray[Any]
    mean: NDArray[Any]
    median: NDArray[Any]


class Truth(NamedTuple):
    """N images. values : (N,), their numbers. shown : int (N,), who. unit : what counts once.

    levels : (L,), the numbers that occur at all, where they are few; else none.
    """

    values: NDArray[Any]
    shown: NDArray[Any]
    unit: Unit = "person"
    levels: tuple[float, ...] = ()


@dataclass(frozen=True)
class RegressionStatistics(Statistics):
    """``r2``, ``mae``, ``constant_mae`` (of the median of attacker-train) and ``kendall``; of few values also
    ``macro_mae`` and ``constant_macro_mae`` (of the middle one).

    on_val : R² on attacker-val, by which the strongest is chosen.
    """

    on_val: float

    def ci95(self, metric: str) -> tuple[float, float]:
        """The 95 % interval over people and seeds."""
        low, high = with_seeds(*self._around(metric), self.seed_means(metric))
        if metric == "r2":
            return low, min(high, 1.0)
        return (max(low, -1.0), min(high, 1.0)) if metric == "kendall" else (max(low, 0.0), high)

    def _around(self, metric: str) -> tuple[float, float, float]:
        low, high = self.people_ci95(metric)
        return low, self.point[metric], high

    @property
    def caution(self) -> str | None:
        """Why intervals are not to be relied on; None where people are enough."""
        return few_people(self.counts)

    @property
    def p_value(self) -> float:
        """Of estimates that say nothing: that of τ-b, two-sided, and 1 where it is not above 0."""
        return self.estimates["kendall"].p_value(0.0) if self.point["kendall"] > 0 else 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            **{
                name: {"value": number(value), "ci95": [number(end) for end in self.ci95(name)]}
                for name, value in self.point.items()
            },
            "on_val": number(self.on_val),
            "counts": {name: round(value, 1) for name, value in self.counts.items()},
            "caution": self.caution,
        }


def weights_of(shown: NDArray[Any], unit: Unit = "person") -> FloatArray:
    """(N,) what each image counts: those of a person 1 together, or each 1."""
    return np.ones(len(shown)) if unit == "image" else once_a_person(np.asarray(shown, np.int64))


def constants(values: NDArray[Any], weights: FloatArray) -> tuple[float, float]:
    """The weighted mean and median of numbers (N,): the best constants by squared and by absolute error."""
    order = np.argsort(values)
    above = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(np.average(values, weights=weights)), float(values[order][min(above, len(values) - 1)])


def r2_of(estimated: Estimated, truth: Truth) -> float:
    """The R² alone."""
    weights = weights_of(truth.shown, truth.unit)
    around = float(weights @ (truth.values - estimated.mean) ** 2)
    return 1 - float(weights @ (truth.values - estimated.found) ** 2) / around if around > 0 else float("nan")


def regression_statistics(
    repeats: Sequence[Estimated],
    truth: Truth,
    bootstrap: IdentityBootstrap,
    on_val: float,
    spread: float = 1.0,
    seeds: Sequence[int] = (),
) -> RegressionStatistics:
    """Every figure with its uncertainty over people, each the mean over repeats (seeds).

    spread : how many times as wide intervals are, where people are cross-fitted. Raises ValueError for somebody whom
    the bootstrap does not know.
    """
    people, count = bootstrap.positions(truth.shown), len(bootstrap.people)
    weights = weights_of(truth.shown, truth.unit)
    each = [_figures(estimated, truth, weights, people, count) for estimated in repeats]
    estimates = {name: _averaged([found[name] for found in each]).widened(spread) for name in each[0]}
    rows = np.arange(count)
    return RegressionStatistics(
        point={name: estimate.point for name, estimate in estimates.items()},
        draws={name: estimate.point + bootstrap.sums(estimate.influence[:, None], rows)[:, 0]
               for name, estimate in estimates.items()},
        per_repeat={name: [found[name].point for found in each] for name in estimates},
        bootstrap_key=bootstrap.key,
        estimates=estimates,
        counts={"images": float(len(truth.values)), "people": float(len(np.unique(people))),
                "effective_people": effective(np.bincount(people, weights))},
        seeds=tuple(seeds),
        on_val=on_val,
    )  # fmt: skip


def smallest_r2(people: float, alpha: float = 1 - CONFIDENCE) -> float:
    """The smallest true R² of which so many people would show that something is read, two-sided at ``alpha``, with
    80 % power.

    Of normal numbers and estimates τ is 2/π · arcsin(√R²), and of independent ones its standard error 2/(3√n).
    """
    tau = (norm.ppf(1 - alpha / 2) + norm.ppf(POWER)) * 2 / (3 * np.sqrt(people))
    return float(np.sin(np.pi / 2 * min(tau, 1.0)) ** 2)


def _averaged(parts: Sequence[Estimate]) -> Estimate:
    """The mean of one figure over repeats on the same people: their ends are averaged, so it is never too narrow."""
    point, low, high, people = (float(np.mean([getattr(part, what) for part in parts]))
                                for what in ("point", "low", "high", "people"))  # fmt: skip
    return Estimate(point, low, high, np.mean([part.influence for part in parts], axis=0), people)


def _figures(
    estimated: Estimated, truth: Truth, weights: FloatArray, people: IntArray, count: int
) -> dict[str, Estimate]:
    values, found = np.asarray(truth.values, np.float64), np.asarray(estimated.found, np.float64)
    missed, usual = np.abs(values - found), np.abs(values - estimated.median)
    figures = {
        "r2": _r2((values - found) ** 2, (values - estimated.mean) ** 2, weights, people, count),
        "mae": people_mean(missed, weights, people, count),
        "constant_mae": people_mean(usual, weights, people, count),
        "kendall": _kendall(values, found - estimated.mean, weights, people, count),  # so that folds' means are level
    }
    if truth.levels:
        levels = np.asarray(truth.levels)
        named = levels[np.argmin(np.abs(found[:, None] - levels), axis=1)]
        middle = levels[(len(levels) - 1) // 2]
        figures["macro_mae"] = _by_level(np.abs(values - named), values, weights, people, count)
        figures["constant_macro_mae"] = _by_level(np.abs(values - middle), values, weights, people, count)
    return figures


def _r2(errors: FloatArray, around: FloatArray, weights: FloatArray, people: IntArray, count: int) -> Estimate:
    """1 − Σ errors / Σ around, by Student's interval of the logarithm of the ratio (delta method).

    So it is never above 1, and has no lower end. The degrees of freedom are those that the spread of the influences
    leaves, since a few people who are far from the mean decide much.
    """
    total, usual = float(weights @ errors), float(weights @ around)
    members = float(np.count_nonzero(np.bincount(people, weights, count)))
    effectively = effective(np.bincount(people, weights, count))
    if usual <= 0:
        nothing = np.zeros(count)
        return Estimate(float("nan"), float("nan"), float("nan"), nothing, 0.0)
    ratio = total / usual
    if ratio <= NOTHING:
        return Estimate(1.0, 1.0, 1.0, np.zeros(count), effectively)
    log = np.bincount(people, weights * (errors / total - around / usual), count)
    log = log * np.sqrt(members / max(members - 1, 1))
    spread = float(np.sqrt((log**2).sum()))
    if spread <= NOTHING:  # estimates that are the constant
        return Estimate(1 - ratio, 1 - ratio, 1 - ratio, np.zeros(count), effectively)
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom_of(log, effectively))) * spread
    return Estimate(1 - ratio, 1 - ratio * np.exp(half), 1 - ratio * np.exp(-half), -ratio * log, effectively)


def _by_level(errors: FloatArray, values: FloatArray, weights: FloatArray, people: IntArray, count: int) -> Estimate:
    """The mean over levels of the mean error of each that occurs."""
    return mean_estimate([people_mean(errors, weights * (values == level), people, count)
                          for level in np.unique(values)])  # fmt: skip


def _kendall(values: FloatArray, found: FloatArray, weights: FloatArray, people: IntArray, count: int) -> Estimate:
    """Kendall's τ-b, on Fisher's scale; of many images of a sample of them. 0 where all estimates are level.

    Each of its three sums over pairs moves with a person by twice the mean over that person's pairs (Hoeffding, 1948).
    """
    some = np.random.default_rng(len(values)).permutation(len(values))[:RANKED]
    values, found, weights, people = values[some], found[some], weights[some], people[some]
    share = weights / weights.sum()
    sums = np.zeros((3, len(values)))  # each image's part of: concordance, pairs that differ in value, in estimate
    for rows in np.array_split(np.arange(len(values)), 1 + len(values) // 500):
        true, said = (np.sign(part[rows, None] - part) for part in (values, found))
        sums[:, rows] = (true * said) @ share, np.abs(true) @ share, np.abs(said) @ share
    concordant, differ, said = sums @ share
    if differ * said <= NOTHING:
        return Estimate(0.0, 0.0, 0.0, np.zeros(count), effective(np.bincount(people, weights, count)))
    tau = float(concordant / np.sqrt(differ * said))
    moves = 2 * sums[0] / np.sqrt(differ * said) - tau * (sums[1] / differ + sums[2] / said)
    influence, effectively = mean_influence(moves, weights, people, None, count)
    near = float(np.clip(tau, -1 + NOTHING, 1 - NOTHING))
    half = float(t.ppf((1 + CONFIDENCE) / 2, max(effectively - 1, 1)) * np.sqrt((influence**2).sum()))
    ends = np.tanh(np.arctanh(near) + np.array([-1, 1]) * half / (1 - near**2))
    return Estimate(tau, float(ends[0]), float(ends[1]), influence, effectively)
