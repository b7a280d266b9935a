"""How well numbers are estimated: figures that are known by hand, by scipy, or by what they must not depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.comparison import paired_difference
from aiakit.measures.regression import (
    Estimated,
    RegressionStatistics,
    Truth,
    constants,
    regression_statistics,
    smallest_r2,
    weights_of,
)


def judged(
    values: Any, found: Any, shown: Any = None, mean: float = 0.0, median: float = 0.0, **more: Any
) -> RegressionStatistics:
    values = np.asarray(values, float)
    shown = np.arange(len(values)) if shown is None else np.asarray(shown)
    constant = np.ones(len(values))
    estimated = Estimated(np.asarray(found, float), mean * constant, median * constant)
    return regression_statistics([estimated], Truth(values, shown, **more), IdentityBootstrap(shown, 50), 0.0)


def test_figures_by_hand() -> None:
    found = judged([0, 2, 4, 6], [1, 2, 4, 5], mean=3, median=2)
    assert found.point["r2"] == pytest.approx(1 - 2 / 20)
    assert found.point["mae"] == pytest.approx(0.5)
    assert found.point["constant_mae"] == pytest.approx(2)
    assert found.point["kendall"] == pytest.approx(1)


def test_a_constant_reads_nothing_and_the_truth_everything() -> None:
    values = np.arange(20.0)
    constant, truth = judged(values, np.full(20, 9.5), mean=9.5), judged(values, values, mean=9.5)
    assert (constant.point["r2"], constant.point["kendall"], constant.p_value) == (0, 0, 1)
    assert truth.point["r2"] == truth.ci95("r2")[1] == 1
    assert truth.point["mae"] == 0


def test_the_images_of_a_person_count_once_together() -> None:
    values, found, shown = [0, 0, 0, 4], [1, 1, 1, 4], [0, 0, 0, 1]
    assert judged(values, found, shown).point["mae"] == pytest.approx(0.5)
    assert judged(values, found, shown, unit="image").point["mae"] == pytest.approx(0.75)


def test_every_value_of_an_order_counts_alike() -> None:
    values, found = [1, 1, 1, 1, 1, 1, 2, 3], [1, 1, 1, 1.4, 1, 1, 1.2, 1]
    macro = judged(values, found, levels=(1.0, 2.0, 3.0)).point
    assert macro["macro_mae"] == pytest.approx((0 + 1 + 2) / 3)  # 1.4 and 1.2 name 1
    assert macro["constant_macro_mae"] == pytest.approx((1 + 0 + 1) / 3)
    assert macro["mae"] < macro["macro_mae"]


def test_the_rank_correlation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 5, 300)
    found = np.round(values + 2 * rng.normal(size=300))
    statistics = judged(values, found)
    assert statistics.point["kendall"] == pytest.approx(kendalltau(values, found).statistic)
    assert statistics.p_value < 0.001


def test_constants_are_the_mean_and_the_median_by_weight() -> None:
    shown = np.array([0, 0, 0, 1, 2])
    mean, median = constants(np.array([9.0, 9, 9, 1, 2]), weights_of(shown))
    assert (mean, median) == (pytest.approx(4), 2)


@given(st.floats(0.1, 100), st.floats(-1e3, 1e3), st.integers(0, 5))
def test_neither_unit_nor_origin_matters_to_r2(scale: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, shown = rng.normal(size=40), np.repeat(np.arange(20), 2)
    found = values + rng.normal(size=40)
    here = judged(values, found, shown)
    there = judged(scale * values + shift, scale * found + shift, shown, mean=shift, median=shift)
    for metric, factor in (("r2", 1.0), ("kendall", 1.0), ("mae", scale)):
        assert there.point[metric] == pytest.approx(factor * here.point[metric], abs=1e-6)
        assert there.ci95(metric) == pytest.approx([factor * end for end in here.ci95(metric)], abs=1e-4)
        assert here.ci95(metric)[0] <= here.point[metric] <= here.ci95(metric)[1]


def test_what_two_estimates_share_cancels() -> None:
    rng = np.random.default_rng(0)
    values, shown = rng.normal(size=300), np.arange(300)
    error = rng.normal(size=300)
    better, worse = judged(values, values + error, shown), judged(values, values + 1.1 * error, shown)
    difference = paired_difference(worse, better, "r2")
    assert difference.ci95[1] < 0
    assert difference.ci95[1] - difference.ci95[0] < better.ci95("r2")[1] - better.ci95("r2")[0]


def test_the_smallest_r2_is_seen_in_four_of_five_cases() -> None:
    people, trials = 150, 300
    r2, rng = smallest_r2(people), np.random.default_rng(0)
    seen = 0
    for _ in range(trials):
        found = np.sqrt(r2) * rng.normal(size=people)
        seen += judged(found + np.sqrt(1 - r2) * rng.normal(size=people), found).p_value <= 0.05
    assert seen / trials == pytest.approx(0.8, abs=0.07)
    assert smallest_r2(10 * people) < r2 < smallest_r2(people, 0.001)
    assert smallest_r2(2) <= 1
