"""Verification metrics: against scikit-learn, and against what theory says they must be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from aiakit.datasets.pairs import sample_pairs
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.influence import pair_weights, people_share
from aiakit.measures.verification import fit_threshold, ten_fold_accuracy, threshold_for, verification_statistics


def pairs_of_people(rng: Any, people: Any, images: Any, count: Any) -> Any:
    identity = np.repeat(np.arange(people), images)
    return identity, sample_pairs(identity, rng, count, count)


def test_gender_alone_verifies_three_quarters_of_balanced_random_pairs() -> None:
    rng = np.random.default_rng(8)
    identity, pairs = pairs_of_people(rng, 1000, 6, 10_000)
    gender = rng.permutation(np.arange(1000) % 2)
    left, right = identity[pairs.left], identity[pairs.right]
    bootstrap = IdentityBootstrap(identity, 500)
    for scores, expected in (
        ((gender[left] == gender[right]).astype(float), 0.75),
        (rng.normal(size=len(pairs)), 0.5),
    ):
        measured = verification_statistics(
            [(scores, pairs.same, left, right)], [(scores, pairs.same, left, right)], bootstrap
        )
        assert measured.point["accuracy"] == pytest.approx(expected, abs=0.015)
        assert measured.point["auc"] == pytest.approx(expected, abs=0.015)
        low, high = measured.ci95("accuracy")
        assert low < measured.point["accuracy"] < high
        document = measured.as_json()
        assert document["ci95"] == [low, high]
        assert document["counts"]["genuine_people"] == 1000
        assert document["counts"]["genuine_pairs"] == document["counts"]["impostor_pairs"] == 10_000
        wrong = document["counts"]["false_non_matches"] + document["counts"]["false_matches"]
        assert document["counts"]["errors"] == wrong == pytest.approx(20_000 * (1 - expected), rel=0.05)
        assert document["tar_at_far_0_1pct"] is not None


def test_verification_of_gaussian_scores_follows_its_closed_forms() -> None:
    rng = np.random.default_rng(9)
    identity, pairs = pairs_of_people(rng, 2000, 8, 20_000)
    left, right = identity[pairs.left], identity[pairs.right]
    scores = rng.normal(2.0 * pairs.same)
    measured = verification_statistics(
        [(scores, pairs.same, left, right)], [(scores, pairs.same, left, right)], IdentityBootstrap(identity, 100)
    ).point
    assert measured["accuracy"] == pytest.approx(norm.cdf(1), abs=0.01)
    assert measured["eer"] == pytest.approx(norm.cdf(-1), abs=0.01)
    assert measured["auc"] == pytest.approx(norm.cdf(np.sqrt(2)), abs=0.01)
    assert measured["tar_at_far_1pct"] == pytest.approx(norm.sf(norm.isf(0.01) - 2), abs=0.03)
    assert measured["tar_at_far_0_1pct"] == pytest.approx(norm.sf(norm.isf(0.001) - 2), abs=0.05)


def test_rates_that_too_few_impostors_can_show_are_left_out() -> None:
    rng = np.random.default_rng(10)
    identity, pairs = pairs_of_people(rng, 100, 6, 1000)
    left, right = identity[pairs.left], identity[pairs.right]
    scores = rng.normal(pairs.same)
    bootstrap = IdentityBootstrap(identity, 50)
    document = verification_statistics(
        [(scores, pairs.same, left, right)], [(scores, pairs.same, left, right)], bootstrap
    ).as_json()
    assert document["tar_at_far_1pct"] is not None
    assert document["tar_at_far_0_1pct"] is None
    assert document["tar_at_far_0_1pct_ci95"] == [None, None]
    assert document["fnmr_at_fmr_1pct"] is not None
    assert document["fnmr_at_fmr_0_1pct"] is document["fmr_at_fmr_0_1pct"] is None
    assert "false_matches_at_fmr_0_1pct" not in document["counts"]


def test_a_threshold_is_set_on_val_and_judged_on_others() -> None:
    rng = np.random.default_rng(12)
    identity, pairs = pairs_of_people(rng, 2000, 8, 20_000)
    left, right = identity[pairs.left], identity[pairs.right]
    val = rng.normal(2.0 * pairs.same)
    shift = 0.5  # the people of test look more alike than those of val
    test = rng.normal(2.0 * pairs.same) + shift
    bootstrap = IdentityBootstrap(identity, 200)
    measured = verification_statistics([(val, pairs.same, left, right)], [(test, pairs.same, left, right)], bootstrap)
    for name, rate in (("fmr_1pct", 0.01), ("fmr_0_1pct", 0.001)):
        level = norm.isf(rate)
        assert measured.point[f"fnmr_at_{name}"] == pytest.approx(norm.cdf(level - 2 - shift), abs=0.04)
        assert measured.point[f"fmr_at_{name}"] == pytest.approx(norm.sf(level - shift), rel=0.5)
        assert measured.point[f"fmr_at_{name}"] > 2 * rate  # a threshold of their own would have hidden it
        low, high = measured.ci95(f"fnmr_at_{name}")
        assert low < measured.point[f"fnmr_at_{name}"] < high
        assert measured.counts[f"false_matches_at_{name}"] == 20_000 * measured.point[f"fmr_at_{name}"]


@given(st.integers(0, 2**32), st.integers(1000, 1500), st.integers(1, 40), st.sampled_from([0.01, 0.05, 0.5]))
def test_no_threshold_lets_more_impostors_through_than_it_is_set_for(
    seed: int, count: int, levels: int, rate: float
) -> None:
    drawn = np.random.default_rng(seed).binomial(levels, 0.3, count)  # many ties
    scores, same = np.append(drawn, 50), np.append(np.zeros(count, bool), True)
    level = threshold_for(scores, same, rate)
    impostors = scores[~same]
    assert np.mean(impostors > level) <= rate
    lower = impostors[impostors < level].max(initial=-1)
    assert lower == -1 or np.mean(impostors > lower) > rate  # and none lower would do


def test_verification_draws_weigh_genuine_pairs_once_and_impostor_pairs_by_both_people() -> None:
    rng = np.random.default_rng(11)
    identity, pairs = pairs_of_people(rng, 30, 4, 60)
    left, right = identity[pairs.left], identity[pairs.right]
    scores = rng.normal(pairs.same).round(1)
    bootstrap = IdentityBootstrap(identity, 20)
    measured = verification_statistics(
        [(scores, pairs.same, left, right)], [(scores, pairs.same, left, right)], bootstrap
    )
    drawn = bootstrap.weights(slice(0, 20), np.arange(30))
    given = np.bincount(left[pairs.same], minlength=30)
    for b in range(20):
        weights = np.where(pairs.same, drawn[b][left] / given[left], drawn[b][left] * drawn[b][right])
        expected = roc_auc_score(pairs.same, scores, sample_weight=weights)
        assert measured.draws["auc"][b] == pytest.approx(expected)
        accepted = scores > fit_threshold(scores, pairs.same, pair_weights(pairs.same, left))
        balanced = balanced_accuracy_score(pairs.same, accepted, sample_weight=weights)
        assert measured.draws["accuracy"][b] == pytest.approx(balanced)


def test_a_pair_that_contradicts_its_identities_is_refused() -> None:
    scores, same = np.array([0.1, 0.9]), np.array([False, True])
    with pytest.raises(ValueError, match="one person"):
        verification_statistics(
            [(scores, same, np.array([0, 1]), np.array([2, 1]))],
            [(scores, same, np.array([0, 0]), np.array([0, 1]))],
            IdentityBootstrap(np.arange(2), 10),
        )
    with pytest.raises(ValueError, match="other people"):
        verification_statistics(
            [(scores, same, np.array([0, 1]), np.array([2, 1]))],
            [(scores, same, np.array([0, 7]), np.array([1, 7]))],
            IdentityBootstrap(np.arange(2), 10),
        )


def test_ten_fold_protocol() -> None:
    rng = np.random.default_rng(12)
    same = np.tile(np.repeat([True, False], 300), 10)
    fold = np.repeat(np.arange(10), 600)
    mean, error, errors = ten_fold_accuracy(rng.normal(2.0 * same), same, fold)
    assert errors == pytest.approx(6000 * (1 - mean))
    assert mean == pytest.approx(norm.cdf(1), abs=0.015)
    assert error == pytest.approx(np.sqrt(norm.cdf(1) * norm.sf(1) / 6000), rel=0.6)
    assert ten_fold_accuracy(same.astype(float), same, fold) == (1.0, 0.0, 0)
    # the most accurate threshold, not the most balanced: nine in ten pairs are genuine and half of their scores lie low
    uneven = np.tile(np.repeat([True, False], [90, 10]), 2)
    scores = np.tile(np.r_[np.linspace(0.1, 0.2, 45), np.linspace(0.8, 0.9, 45), np.linspace(0.3, 0.4, 10)], 2)
    assert ten_fold_accuracy(scores, uneven, np.repeat([0, 1], 100))[0] == pytest.approx(0.9)
    with pytest.raises(ValueError, match="two folds"):
        ten_fold_accuracy(rng.normal(size=6000), same, np.zeros(6000))


def test_the_errors_of_verification_are_what_other_people_would_have_changed() -> None:
    rng = np.random.default_rng(13)
    found = {metric: [] for metric in ("accuracy", "auc", "eer")}
    for _ in range(150):
        identity, pairs = pairs_of_people(rng, 40, 5, 200)
        left, right = identity[pairs.left], identity[pairs.right]
        person = rng.normal(size=40)  # some people's images are all alike, and like others'
        scores = rng.normal(1.5 * pairs.same + person[left] / 2 + person[right] / 2)
        scored = [(scores, pairs.same, left, right)]
        measured = verification_statistics(scored, scored, IdentityBootstrap(identity, 1))
        expected = roc_auc_score(pairs.same, scores, sample_weight=pair_weights(pairs.same, left))
        assert measured.point["auc"] == pytest.approx(expected)
        for metric, values in found.items():
            estimate = measured.estimates[metric]
            assert estimate.influence.sum() == pytest.approx(0, abs=1e-9)
            values.append((measured.point[metric], estimate.standard_error))
    for values in found.values():
        truth, stated = np.std([value for value, _ in values]), np.median([error for _, error in values])
        assert 0.95 * truth < stated < 1.4 * truth


def test_a_share_of_pairs_is_moved_by_both_people() -> None:
    left, right, values = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1.0, 1.0, 0.0])
    share = people_share(values, np.ones(3), left, right, 3, 1)
    assert share.point == pytest.approx(2 / 3)
    assert share.influence == pytest.approx(np.array([2, -1, -1]) / 9)  # deviations 1/3, 1/3 and −2/3, a third each
    assert share.people == pytest.approx(1.5)
    genuine = people_share(values, np.ones(3), left, None, 3, 1)
    assert genuine.influence == pytest.approx(np.array([2, -2, 0]) / 9 * np.sqrt(2))
    assert genuine.people == pytest.approx(9 / 5)
