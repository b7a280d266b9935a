"""Forecasts of learning curves: laws with known answers, what they may never say, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from aiakit.measures.forecast import MULTIPLES, Forecast, forecast

Law = Callable[[NDArray[Any]], NDArray[Any]]
BUDGETS = (50, 100, 200, 400)


def points(
    law: Law, people: Sequence[int] = BUDGETS, deviation: float = 0.015, seed: int | None = None
) -> tuple[Sequence[int], NDArray[Any], NDArray[Any]]:
    """A curve as one test set shows it: points whose errors have correlation 0.6. Without a seed, on the law itself."""
    rng = np.random.default_rng(seed)
    root = deviation * np.linalg.cholesky(0.6 + 0.4 * np.eye(len(people)))
    leak = law(np.array(people, float)) + (root @ rng.standard_normal(len(people)) if seed is not None else 0)
    leak = np.clip(leak, 0, 1)
    return people, leak, leak[:, None] + root @ np.random.default_rng(0).standard_normal((len(people), 400))


def power(ceiling: float, factor: float, exponent: float) -> Law:
    return lambda people: np.maximum(0.5, ceiling - factor * people**-exponent)


def nearest_mean(distance: float, dims: int) -> Law:
    """The finite-sample law of the nearest mean, Φ(½D²/√(D²+2p/N)) with N people in each class."""
    return lambda people: norm.cdf(0.5 * distance**2 / np.sqrt(distance**2 + 4 * dims / people))


def discriminant(distance: float, dims: int) -> Law:
    """The finite-sample law of linear discriminant analysis, which needs more people than dimensions."""

    def law(people: NDArray[Any]) -> NDArray[Any]:
        kept = np.sqrt(1 - dims / (people - 2))
        return np.asarray(norm.cdf(0.5 * distance**2 / np.sqrt(distance**2 + 4 * dims / people) * kept))

    return law


LAWS = {
    "power, fast": power(0.8, 1.5, 0.5),
    "power, slow": power(0.9, 0.9, 0.25),
    "power, at its end": power(0.7, 20.0, 1.5),
    "nearest mean, near": nearest_mean(1, 24),
    "nearest mean, far": nearest_mean(2, 64),
    "discriminant, near": discriminant(1, 24),
    "discriminant, far": discriminant(2, 24),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_known_law_is_continued(name: str) -> None:
    law = LAWS[name]
    for deviation in (0.001, 0.015):
        found = forecast(*points(law, deviation=deviation), 0.5)
        for multiple in (1, *MULTIPLES):
            prediction = found.at(multiple)
            truth = float(law(np.array([float(prediction.people)]))[0])
            assert prediction.people == multiple * BUDGETS[-1]
            assert prediction.low < truth < prediction.high
            assert prediction.value == pytest.approx(truth, abs=0.015 * (1 + np.log2(multiple)))


def test_more_points_that_are_better_known_give_a_narrower_forecast() -> None:
    law = power(0.8, 1.5, 0.5)
    many = forecast(*points(law, [40, 80, 160, 320, 640, 1280], 0.003), 0.5).at(2)
    few = forecast(*points(law, [160, 320, 640, 1280], 0.02), 0.5).at(2)
    assert many.high - many.low < 0.6 * (few.high - few.low)
    assert many.value == pytest.approx(law(np.array([2560.0]))[0], abs=0.006)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_flat_at_chance_is_not_rising_and_stays_near_chance(seed: int) -> None:
    found = forecast(*points(lambda people: np.full(len(people), 0.5), seed=seed), 0.5)
    assert not found.still_rising
    assert found.gain < 0.01
    assert 0.5 <= found.at(2).value < 0.53
    assert found.at(2).low < 0.5


def test_what_is_flat_may_take_off_later_and_the_interval_says_so() -> None:
    """A sigmoid (identity-transport's release of LFW) seen before it rises, and where it rises."""
    early = forecast(*points(lambda people: np.array([0.5, 0.505, 0.513, 0.558]), (45, 90, 180, 360)), 0.5)
    assert early.at(2).low < 0.576 < early.at(2).high
    assert early.at(5).low < 0.66 < early.at(5).high
    assert early.at(10).high > 0.75
    later = forecast(*points(lambda people: np.array([0.513, 0.558, 0.576, 0.634]), (180, 360, 720, 1440)), 0.5)
    assert later.still_rising
    assert later.at(2).low < 0.712 < later.at(2).high


def test_rising_is_said_of_a_leak_that_rises_and_not_of_one_at_its_end() -> None:
    rising, flat = forecast(*points(LAWS["power, slow"]), 0.5), forecast(*points(LAWS["power, at its end"]), 0.5)
    assert rising.still_rising
    assert rising.gain == pytest.approx(0.9 * (200**-0.25 - 400**-0.25), abs=0.01)
    assert rising.gain_ci95[0] < rising.gain < rising.gain_ci95[1]
    assert not flat.still_rising


def test_other_numbers_of_classes_start_at_their_own_chance() -> None:
    found = forecast(*points(lambda people: 0.5 - 2 * people**-0.5), 0.25)
    assert found.at(2).low < 0.5 - 2 * 800**-0.5 < found.at(2).high
    assert found.at(10).value < 0.6


def test_points_that_no_curve_follows_widen_the_forecast() -> None:
    smooth = forecast(*points(power(0.7, 1.5, 0.5), deviation=0.004), 0.5).at(2)
    rough = forecast(*points(lambda people: np.array([0.66, 0.55, 0.68, 0.56]), deviation=0.004), 0.5).at(2)
    assert rough.high - rough.low > 2 * (smooth.high - smooth.low)


def test_draws_of_people_that_differ_widen_the_forecast() -> None:
    people, law = [50] * 4 + [100] * 4 + [200] * 4 + [400], power(0.7, 1.5, 0.5)
    apart = np.array([-1.0, 1.0, -1.0, 1.0] * 3 + [0.0])

    def width(luck: float) -> float:
        shown = points(lambda n: law(n) + luck * apart, people, 0.004)
        prediction = forecast(*shown, 0.5).at(2)
        return prediction.high - prediction.low

    assert width(0.06) > 1.3 * width(0.002)


def test_many_points_and_repeated_draws_of_people_settle_a_slow_law() -> None:
    law = power(0.9, 0.9, 0.25)
    for people in ([50 * 2**k for k in range(8)], [50 * 2 ** (k // 3) for k in range(24)]):
        prediction = forecast(*points(law, people, 0.002, seed=0), 0.5).at(10)
        truth = law(np.array([10.0 * people[-1]]))[0]
        assert prediction.low < truth < prediction.high
        assert prediction.high - prediction.low < 0.06


def test_what_has_ended_is_not_given_out_for_a_ceiling() -> None:
    law = LAWS["power, at its end"]
    found = forecast(*points(law, deviation=0.001), 0.5)
    assert found.at(10).high > law(np.array([1e9]))[0] + 0.02


def test_a_leak_near_the_ceiling_stays_within_it() -> None:
    found = forecast(*points(lambda people: np.array([0.97, 0.98, 0.99, 1.0]), deviation=0.002), 0.5)
    assert all(0.97 < found.at(multiple).value <= 1 and found.at(multiple).high <= 1 for multiple in MULTIPLES)
    silent = forecast(BUDGETS, np.ones(4), np.ones((4, 200)), 0.5)
    assert silent.at(2).value == pytest.approx(1, abs=0.01)
    assert silent.at(2).low < silent.at(2).value


leaks = st.lists(st.floats(0, 1), min_size=4, max_size=6)


@settings(max_examples=25, deadline=None)
@given(leaks, st.sampled_from([0.0, 0.25, 0.5]), st.floats(0, 0.1), st.integers(0, 2**16))
def test_any_curve_has_a_forecast_within_bounds_that_never_falls(
    leak: list[float], chance: float, deviation: float, seed: int
) -> None:
    people = [25 * 2**k for k in range(len(leak))]
    found = forecast(*points(lambda _: np.array(leak), people, deviation), chance)
    predictions = [found.at(multiple) for multiple in (1, 1.5, 2, 5, 10)]
    for prediction in predictions:
        assert 0 <= prediction.low <= prediction.value <= prediction.high <= 1
        assert prediction.value >= chance
    values = [prediction.value for prediction in predictions]
    assert values == sorted(values)
    assert 0 <= found.gain_ci95[0] <= found.gain <= found.gain_ci95[1]


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(6)), st.permutations(range(150)))
def test_the_order_of_points_and_of_draws_does_not_matter(rows: list[int], columns: list[int]) -> None:
    people, leak, draws = points(power(0.7, 1.5, 0.5), (50, 100, 100, 200, 200, 400), seed=3)
    draws = draws[:, :150]
    shuffled = np.array(people)[rows], leak[rows], draws[rows][:, columns]
    one, other = forecast(people, leak, draws, 0.5), forecast(*shuffled, 0.5)
    assert one.gain == pytest.approx(other.gain, abs=1e-6)
    for multiple in MULTIPLES:
        a, b = one.at(multiple), other.at(multiple)
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-4)


def test_the_same_points_give_the_same_forecast_and_undefined_draws_are_left_out() -> None:
    people, leak, draws = points(power(0.7, 1.5, 0.5), seed=1)
    assert forecast(people, leak, draws, 0.5) == forecast(people, leak, draws, 0.5)
    undefined = np.concatenate([draws, draws[:, :9]], axis=1)
    undefined[1, 400:] = np.nan
    assert forecast(people, leak, undefined, 0.5).at(5) == forecast(people, leak, draws, 0.5).at(5)


def test_nothing_is_predicted_beyond_ten_times_the_people_or_below_what_was_seen() -> None:
    found: Forecast = forecast(*points(power(0.7, 1.5, 0.5)), 0.5)
    for multiple in (0.5, 10.01, 100, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="a forecast reaches from 1 to 10 times the people seen"):
            found.at(multiple)


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ((50, 100, 400), "4 different numbers of known people, and there are 3"),
        ((50, 100, 100, 400), "4 different numbers of known people, and there are 3"),
        ((19, 40, 80, 160), "20 people in the smallest budget, and there are 19"),
        ((100, 150, 200, 399), "span 4-fold, and 100 to 399 do not"),
        ((100, 200, 400, float("inf")), "finite numbers of people"),
    ],
)
def test_too_little_to_see_a_curve_is_refused(people: Any, reason: str) -> None:
    _, leak, draws = points(lambda n: np.linspace(0.5, 0.6, len(n)), people)
    with pytest.raises(ValueError, match=reason):
        forecast(people, leak, draws, 0.5)


def test_arrays_that_do_not_fit_are_refused() -> None:
    people, leak, draws = points(power(0.7, 1.5, 0.5))
    with pytest.raises(ValueError, match=r"got \(4,\), \(3,\) and \(4, 400\)"):
        forecast(people, leak[:3], draws, 0.5)
    with pytest.raises(ValueError, match=r"draws \(n, B\)"):
        forecast(people, leak, draws[0], 0.5)
    with pytest.raises(ValueError, match="100 bootstrap draws that are defined, got 99"):
        forecast(people, leak, draws[:, :99], 0.5)
    with pytest.raises(ValueError, match="leaks between 0 and 1"):
        forecast(people, leak + 0.5, draws, 0.5)
    with pytest.raises(ValueError, match="leaks between 0 and 1"):
        forecast(people, np.full(4, np.nan), draws, 0.5)
    with pytest.raises(ValueError, match="chance must be at least 0 and less than 1, got 1"):
        forecast(people, leak, draws, 1.0)
