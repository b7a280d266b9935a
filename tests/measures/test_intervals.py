"""Intervals over people: against closed forms, under the symmetries they must have, and by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import binomtest, norm, t
from sklearn.metrics import roc_auc_score

from aiakit.measures.intervals import (
    Estimate,
    difference_interval,
    effective,
    logit_estimate,
    mean_estimate,
    p_value,
    share_estimate,
    wilson,
    with_seeds,
)
from aiakit.measures.ranking import area_under_roc, placements
from aiakit.measures.units import sample_weights

Z = float(norm.ppf(0.975))


def of_people(values: Any) -> Any:
    """The estimate of a mean over people, one number in [0, 1] each."""
    people = len(values)
    influence = (values - values.mean()) / people * np.sqrt(people / (people - 1))
    return share_estimate(float(values.mean()), influence, people, people)


@given(st.integers(1, 200), st.data())
def test_wilson_is_scipys(count: Any, data: Any) -> None:
    right = data.draw(st.integers(0, count))
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right / count, count, Z) == pytest.approx((expected.low, expected.high))


def test_a_share_of_people_who_are_right_or_wrong_is_binomial() -> None:
    values = np.repeat([1.0, 0.0], [450, 550])
    found = of_people(values)
    count = found.point * (1 - found.point) / found.standard_error**2
    assert count == pytest.approx(999)
    assert (found.low, found.high) == pytest.approx(wilson(0.45, count, float(t.ppf(0.975, 999))))


def test_perfect_separation_has_an_interval() -> None:
    found = of_people(np.ones(20))
    assert found.high == 1
    assert found.low == pytest.approx(wilson(1.0, 20, float(t.ppf(0.975, 19)))[0])
    curve = logit_estimate(1.0, np.zeros(30), 15)
    assert (curve.low, curve.high) == pytest.approx(wilson(1.0, 15, Z))


def test_the_logit_interval_is_the_normal_one_of_the_log_odds_where_people_are_many() -> None:
    rng = np.random.default_rng(0)
    influence = rng.normal(scale=0.01 / np.sqrt(20_000), size=20_000)
    influence -= influence.mean()
    found = logit_estimate(0.8, influence, 20_000)
    error = found.standard_error / (0.8 * 0.2)
    assert [logit(found.low), logit(found.high)] == pytest.approx(logit(0.8) + np.array([-Z, Z]) * error, rel=1e-2)


def test_few_people_who_decide_alone_make_the_interval_wider() -> None:
    alike, alone = np.zeros(100), np.zeros(100)
    alike[:50], alike[50:] = 0.001, -0.001
    alone[0] = np.sqrt(100) * 0.001  # one person with the variance of all
    wide, narrow = logit_estimate(0.95, alone, 50), logit_estimate(0.95, alike, 50)
    assert wide.standard_error == pytest.approx(narrow.standard_error)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@given(
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=40),
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=40),
)
@settings(deadline=None)
def test_estimates_stay_in_bounds_and_turn_with_the_figure(first: Any, second: Any) -> None:
    for values in (np.array(first, float), np.array(second, float)):
        found, turned = of_people(values), of_people(1 - values)
        assert 0 <= found.low <= found.point + 1e-9
        assert found.point - 1e-9 <= found.high <= 1
        assert (turned.low, turned.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-6)
    count = min(len(first), len(second))
    a, b = (of_people(np.array(values[:count], float)) for values in (first, second))
    low, high = difference_interval(a, b)
    assert low - 1e-9 <= a.point - b.point <= high + 1e-9
    assert difference_interval(b, a) == pytest.approx((-high, -low), abs=1e-9)
    if a.standard_error > 1e-6:  # people who do not differ tell nothing of what two figures share
        assert difference_interval(a, a) == (0, 0)
        alone = mean_estimate([a, a])
        assert (alone.low, alone.high) == pytest.approx((a.low, a.high), abs=1e-6)
    both = mean_estimate([a, b])
    assert both.low - 1e-9 <= (a.point + b.point) / 2 <= both.high + 1e-9


def test_independent_parts_combine_by_squares_and_a_map_keeps_the_interval() -> None:
    a = Estimate(0.8, 0.7, 0.85, np.array([0.1, -0.1, 0.0, 0.0]), 20)
    b = Estimate(0.6, 0.4, 0.7, np.array([0.0, 0.0, 0.1, -0.1]), 10)
    both = mean_estimate([a, b])
    assert both.low == pytest.approx(0.7 - np.hypot(0.1, 0.2) / 2)
    assert both.high == pytest.approx(0.7 + np.hypot(0.05, 0.1) / 2)
    assert both.people == 10
    assert difference_interval(a, b) == pytest.approx((0.2 - np.hypot(0.1, 0.1), 0.2 + np.hypot(0.05, 0.2)))
    turned = a.mapped(-2, 1)
    assert (turned.point, turned.low, turned.high) == pytest.approx((-0.6, -0.7, -0.4))
    assert turned.standard_error == pytest.approx(2 * a.standard_error)


@given(st.floats(0.01, 0.99), st.floats(0.001, 0.3), st.floats(0, 1))
def test_a_p_value_is_below_five_per_cent_exactly_where_the_interval_leaves_the_null_out(
    point: Any, half: Any, null: Any
) -> None:
    low, high = point - half, point + 0.5 * half
    p = p_value(point, low, high, null)
    assert 0 <= p <= 1
    if abs(null - low) > 1e-9 and abs(null - high) > 1e-9:
        assert (p < 0.05) == (not low <= null <= high)


def test_p_values_of_what_is_not_defined() -> None:
    assert np.isnan(p_value(float("nan"), 0, 1, 0.5))
    assert p_value(0.5, 0.4, 0.6, 0.5) == 1
    assert p_value(0.5, 0.5, 0.5, 0.4) == 0


def test_seeds_widen_an_interval_by_what_they_vary() -> None:
    assert with_seeds(0.7, 0.75, 0.79, np.array([0.75])) == (0.7, 0.79)
    assert with_seeds(0.7, 0.75, 0.79, np.array([0.75, 0.75, 0.75])) == (0.7, 0.79)
    values = np.array([0.73, 0.75, 0.77])
    half = t.ppf(0.975, 2) * 0.02 / np.sqrt(3)
    expected = (0.75 - np.hypot(0.05, half), 0.75 + np.hypot(0.04, half))
    assert with_seeds(0.7, 0.75, 0.79, values) == pytest.approx(expected)


def test_an_interval_over_people_and_seeds_holds_the_mean_of_both_and_one_over_people_does_not() -> None:
    rng = np.random.default_rng(1)
    people, seeds, trials = 2000, 3, 300
    held = {"both": 0, "people": 0}
    for _ in range(trials):
        rates = 0.7 + 0.05 * rng.normal(size=seeds)
        ability = 0.1 * rng.normal(size=(people, 1))
        right = rng.random((people, seeds)) < rates + ability
        found = of_people(right.mean(axis=1))
        low, high = with_seeds(found.low, found.point, found.high, right.mean(axis=0))
        held["both"] += low <= 0.7 <= high
        held["people"] += found.low <= 0.7 <= found.high
    assert held["both"] / trials > 0.92
    assert held["people"] / trials < 0.75


def test_effective_people() -> None:
    assert effective(np.ones(7)) == pytest.approx(7)
    assert effective(np.array([1, 0, 1])) == pytest.approx(2)
    assert effective(np.array([99.0, 1.0])) == pytest.approx(1.02, abs=0.01)
    assert effective(np.zeros(3)) == 0


def test_a_persons_images_of_a_class_weigh_one_together() -> None:
    identity, labels = np.array([5, 5, 9, 5, 9, 9]), np.array([0, 0, 0, 1, 1, 1])
    assert sample_weights(identity, labels).tolist() == [0.5, 0.5, 1, 1, 0.5, 0.5]
    assert sample_weights(identity, labels, "image").tolist() == [1] * 6


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=50)
def test_placements_have_the_area_under_the_curve_for_their_mean(seed: Any) -> None:
    rng = np.random.default_rng(seed)
    positive = np.arange(40) < rng.integers(1, 39)
    scores, weights = rng.normal(positive).round(1), rng.uniform(0.1, 2, 40)
    found = placements(scores, positive, weights)
    expected = roc_auc_score(positive, scores, sample_weight=weights)
    for kind in (positive, ~positive):
        assert np.average(found[kind], weights=weights[kind]) == pytest.approx(expected)
    assert area_under_roc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))


@pytest.mark.parametrize("truth", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("people", [20, 100])
def test_an_interval_of_a_share_holds_the_truth(truth: float, people: int) -> None:
    rng = np.random.default_rng(people)
    held = 0
    for _ in range(400):
        ability = rng.beta(4 * truth, 4 * (1 - truth), people)
        images = rng.integers(1, 6, people)
        found = of_people(rng.binomial(images, ability) / images)
        held += found.low <= truth <= found.high
    assert held / 400 >= 0.93
