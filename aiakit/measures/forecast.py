"""What an attack would read if it knew more people: learning curves, continued a little way and with their uncertainty.

The leak grows with the people that the attacker knows, mostly as an inverse power law, y(n) = c − a·n^(−b) (Mukherjee
et al., J. Comput. Biol. 2003; Hestness et al., arXiv 1712.00409). From four or five points no one law can be told
from its neighbours, and laws that fit alike part company beyond the points (reviewed by Viering & Loog, arXiv
2103.10948). So nothing here rests on one best fit. Four laws that saturate, each over the whole range of its
parameters, are weighted by how well they agree with the points, given how uncertain these are together (as Domhan et
al., IJCAI 2015, combine curves of training); a prediction is what the weighted laws say, spread by what measuring
there would add.

A prediction is of a measurement at so many people. It is never a ceiling: an attacker may know more people than that,
and may have a better attack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import ndtr
from scipy.stats import norm, qmc

FloatArray = NDArray[np.float64]

MULTIPLES = (2, 5, 10)  # of the most people seen: what is predicted, and beyond the last nothing is
FEWEST_PEOPLE = 20  # in the smallest budget: below, an attack has hardly more people than classes to learn from
SHARES = (8, 4, 2)  # of the people known: an attack is also trained with an eighth, a quarter and half of them
FEWEST_POINTS = 4  # different numbers of people: three parameters and one point to contradict them
LEAST_SPAN = 4.0  # most people over fewest: a curve is not seen in less than two doublings
FEWEST_DRAWS = 100  # of the bootstrap: fewer do not tell how the points vary together
CONFIDENCE = 0.95

CURVES_TRIED = 2**16  # of each law
CURVES_KEPT = 4096
SCALES = (1e-3, 1e2)  # at how many times the most people seen a curve may turn
EXPONENTS = (0.25, 2.0)

# Of a figure y, in units of √(4y(1−y)), which is 1 at ½ and shrinks towards the ends as a share's deviation does.
# Tuned on releases and seeds that the validation does not report (benchmarks/statistics/forecasts.py).
LUCK = 0.15  # standard deviation over draws of n training people is LUCK/√n, until repeated draws say otherwise
LUCK_FREEDOM = 4.0  # how many repeated draws that assumption weighs
ROUGHNESS = 0.005  # how far a real curve strays from every smooth law, at each point
LEAST_GAIN = 0.0025  # a doubling of people that brings no more is not called rising


@dataclass(frozen=True)
class Prediction:
    """What an attack that knew ``people`` people would be measured to read, on as many fresh test people as before.

    value : median. low, high : 95 % prediction interval. It is no ceiling: more people, or a better attack, read more.
    """

    people: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curves:
    """M learning curves, each y(n) = chance + (1 − chance)·rise(n), rise from 0 to ``height``.

    law : (M,) which of ``_LAWS``. height : (M,) in [0, 1]. scale : (M,) people, where the curve turns. exponent : (M,).
    """

    chance: float
    law: NDArray[np.int64]
    height: FloatArray
    scale: FloatArray
    exponent: FloatArray

    def at(self, people: FloatArray) -> FloatArray:
        """(M, n) what each curve reads at each of these (n,) numbers of people; never falls with people."""
        rise = np.empty((len(self.law), len(people)))
        for code, law in enumerate(_LAWS):
            own = self.law == code
            ratio = people[None, :] / self.scale[own, None]
            rise[own] = law(ratio, self.height[own, None], self.exponent[own, None])
        return self.chance + (1 - self.chance) * rise

    def chosen(self, rows: NDArray[np.int64]) -> Curves:
        """The curves at these positions."""
        return Curves(self.chance, self.law[rows], self.height[rows], self.scale[rows], self.exponent[rows])


def _power(ratio: FloatArray, height: FloatArray, exponent: FloatArray) -> FloatArray:
    """c − a·n^(−b), and chance as long as that is below chance (Mukherjee et al. 2003)."""
    return np.asarray(height * np.maximum(0.0, 1 - ratio**-exponent))


def _shifted_power(ratio: FloatArray, height: FloatArray, exponent: FloatArray) -> FloatArray:
    """The power law in n + s: from chance at nobody (Viering & Loog's POW4)."""
    return np.asarray(height * (1 - (1 + ratio) ** -exponent))


def _morgan_mercer_flodin(ratio: FloatArray, height: FloatArray, exponent: FloatArray) -> FloatArray:
    """Sigmoid in log n: flat at chance, then taking off (Viering & Loog's MMF4)."""
    return np.asarray(height / (1 + ratio**-exponent))


def _discriminant(ratio: FloatArray, height: FloatArray, exponent: FloatArray) -> FloatArray:
    """2Φ(q·(1 + s/n)^(−b)) − 1: with b = ½ and s = 4p/D² the nearest mean's law, p dimensions, classes D apart."""
    return np.asarray(2 * ndtr(norm.ppf((1 + height) / 2) * (1 + 1 / ratio) ** -exponent) - 1)


_LAWS = (_power, _shifted_power, _morgan_mercer_flodin, _discriminant)


@dataclass(frozen=True)
class Forecast:
    """How a leak grows with the people that the attacker knows, and what it would be with more of them.

    people : the most seen. gain : what the last doubling of people brought, by the curves that agree with the points,
    with its 95 % interval ``gain_ci95``. still_rising : that this is more than next to nothing, with confidence. Where
    it is False, the leak may be rising all the same: the points did not show it.
    """

    people: int
    gain: float
    gain_ci95: tuple[float, float]
    still_rising: bool
    _curves: Curves = field(repr=False, compare=False)
    _luck: float = field(repr=False, compare=False)  # of n training people: √(4y(1−y))·_luck/√n
    _reading: float = field(repr=False, compare=False)  # of as many test people: √(4y(1−y))·_reading

    def at(self, multiple: float) -> Prediction:
        """What would be measured with ``multiple`` times the most people seen, 1 to 10. Raises ValueError beyond."""
        if not 1 <= multiple <= MULTIPLES[-1]:
            raise ValueError(
                f"a forecast reaches from 1 to {MULTIPLES[-1]} times the people seen, not {multiple:g} times: "
                "measure with more people"
            )
        people = round(multiple * self.people)
        leak = self._curves.at(np.array([float(people)]))[:, 0]
        deviation = _unit(leak) * np.sqrt(self._luck**2 / people + ROUGHNESS**2 + self._reading**2)
        measured = np.clip(leak + deviation * _normal_quantiles(), 0.0, 1.0)
        low, high = np.quantile(measured, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return Prediction(people, float(np.median(leak)), float(low), float(high))


def too_few_to_share(people: int) -> str:
    """Why no curve can be drawn for an attacker who knows so few people; "" where they are enough."""
    needed = SHARES[0] * FEWEST_PEOPLE
    return "" if people >= needed else f"a forecast needs attackers who know {needed} people, and these know {people}"


def forecast(people: Sequence[int], leak: FloatArray, draws: FloatArray, chance: float) -> Forecast:
    """Continue a learning curve. The order of the points, and that of the bootstrap draws, does not matter.

    Parameters
    ----------
    people : (n,) how many people the attacker knew at each point. A number may stand several times: several draws of
        training people, which tell how much of a point is luck.
    leak : (n,) balanced accuracy or AUC, in [0, 1].
    draws : (n, B) the same under bootstrap draws of test people, paired over points: the points share their test
        people, so their errors go together. Draws that are not defined (NaN) at some point are left out.
    chance : what guessing reads, in [0, 1): 1/K. No curve starts below.

    Raises ValueError, with the one reason, for points that cannot carry a forecast.
    """
    numbers, leak, draws = _checked(people, leak, draws, chance)
    order = np.lexsort((leak, numbers))
    numbers, leak, draws = numbers[order], leak[order], draws[order]
    people_covariance = np.atleast_2d(np.cov(draws))
    unit = _unit(leak)
    luck = _luck(numbers, leak / unit)
    rough = ROUGHNESS**2 * np.outer(unit, unit) * (numbers[:, None] == numbers)  # draws of as many people stray alike
    covariance = people_covariance + rough + np.diag(unit**2 * luck**2 / numbers)
    tried = _curves(chance, float(numbers[-1]))
    curves = tried.chosen(_sampled(_misfit(tried.at(numbers), leak, covariance), len(np.unique(numbers))))
    last = curves.at(numbers[-1] * np.array([0.5, 1.0]))
    gains = last[:, 1] - last[:, 0]
    low, high = (float(q) for q in np.quantile(gains, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    reading = float(np.sqrt(people_covariance[-1, -1]) / unit[-1])
    rising = low > LEAST_GAIN * float(unit[-1])
    return Forecast(int(numbers[-1]), float(np.median(gains)), (low, high), rising, curves, luck, reading)


def _checked(
    people: Sequence[int], leak: FloatArray, draws: FloatArray, chance: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    numbers, leak, draws = (np.asarray(values, np.float64) for values in (people, leak, draws))
    if numbers.ndim != 1 or leak.shape != numbers.shape or draws.ndim != 2 or len(draws) != len(leak):
        shapes = f"{numbers.shape}, {leak.shape} and {draws.shape}"
        raise ValueError(f"a forecast needs people (n,), leak (n,) and draws (n, B), got {shapes}")
    if not 0 <= chance < 1:
        raise ValueError(f"chance must be at least 0 and less than 1, got {chance:g}")
    if not (np.isfinite(numbers).all() and ((leak >= 0) & (leak <= 1)).all()):
        raise ValueError("a forecast needs finite numbers of people, and leaks between 0 and 1")
    different = np.unique(numbers)
    if len(different) < FEWEST_POINTS:
        raise ValueError(
            f"a forecast needs {FEWEST_POINTS} different numbers of known people, and there are {len(different)}"
        )
    if different[0] < FEWEST_PEOPLE:
        raise ValueError(
            f"a forecast needs {FEWEST_PEOPLE} people in the smallest budget, and there are {different[0]:g}"
        )
    if different[-1] < LEAST_SPAN * different[0]:
        raise ValueError(
            f"a forecast needs budgets that span {LEAST_SPAN:g}-fold, and {different[0]:g} to {different[-1]:g} do not"
        )
    draws = draws[:, np.isfinite(draws).all(axis=0)]
    if draws.shape[1] < FEWEST_DRAWS:
        raise ValueError(f"a forecast needs {FEWEST_DRAWS} bootstrap draws that are defined, got {draws.shape[1]}")
    return numbers, leak, draws


def _unit(leak: FloatArray) -> FloatArray:
    """√(4y(1−y)), of a y that is not quite at an end, where everything else would vanish."""
    inside = np.clip(leak, 0.005, 0.995)
    return np.asarray(2 * np.sqrt(inside * (1 - inside)))


def _luck(numbers: FloatArray, scaled: FloatArray) -> float:
    """The standard deviation over draws of training people, times √n, from draws that repeat a number of people."""
    squares, freedom = 0.0, 0
    for number in np.unique(numbers):
        own = scaled[numbers == number]
        squares += number * float(((own - own.mean()) ** 2).sum())
        freedom += len(own) - 1
    return float(np.sqrt((LUCK_FREEDOM * LUCK**2 + squares) / (LUCK_FREEDOM + freedom)))


@cache
def _prior() -> tuple[NDArray[np.int64], FloatArray]:
    """Laws (M,) and three evenly spread numbers in (0, 1) for each, (M, 3)."""
    points = qmc.Sobol(3, seed=0).random(CURVES_TRIED)
    laws = np.repeat(np.arange(len(_LAWS)), CURVES_TRIED)
    return laws, np.clip(np.tile(points, (len(_LAWS), 1)), 1e-6, 1 - 1e-6)


def _curves(chance: float, most: float) -> Curves:
    """Curves of every law: heights are alike likely, scales and exponents in their logarithms."""
    laws, spread = _prior()
    scale, exponent = (
        np.exp(np.log(low) + spread[:, column] * np.log(high / low))
        for column, (low, high) in ((1, SCALES), (2, EXPONENTS))
    )
    return Curves(chance, laws, spread[:, 0], most * scale, exponent)


def _misfit(curves: FloatArray, leak: FloatArray, covariance: FloatArray) -> FloatArray:
    """(M,) χ² of each curve (M, n): squared distance from the points in units of their covariance."""
    apart = (curves - leak).T
    return np.asarray((apart * cho_solve(cho_factor(covariance), apart)).sum(axis=0))


def _sampled(misfit: FloatArray, points: int) -> NDArray[np.int64]:
    """(CURVES_KEPT,) positions, drawn in proportion to exp(−χ²/2).

    Where even the best curve is further from the points than their covariance explains, that covariance is too small:
    it is scaled up until the best fits as well as a good one would (Birge's ratio).
    """
    scale = max(1.0, float(misfit.min()) / max(1, points - 3))
    cumulative = np.cumsum(np.exp(-(misfit - misfit.min()) / (2 * scale)))
    steps = (np.arange(CURVES_KEPT) + 0.5) / CURVES_KEPT * cumulative[-1]
    return np.asarray(np.searchsorted(cumulative, steps), np.int64)


@cache
def _normal_quantiles() -> FloatArray:
    """(CURVES_KEPT,) evenly spread quantiles of the normal law, in an order that has nothing to do with the curves."""
    quantiles = norm.ppf((np.arange(CURVES_KEPT) + 0.5) / CURVES_KEPT)
    return np.asarray(np.random.default_rng(0).permutation(quantiles))
