"""Point metrics and weighted ROC curves: against scikit-learn, and against what theory says they must be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.special import expit, softmax
from scipy.stats import entropy, norm
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from aiakit.measures import metrics
from aiakit.measures.ranking import Ranking


def gaussian_attack(rng: Any, samples: Any, distance: Any, shift: Any = 0.0, prior: Any = 0.5) -> Any:
    """Labels and the Bayes-optimal probabilities of two unit Gaussians, their log-odds moved by ``shift``."""
    labels = (rng.random(samples) < prior).astype(np.int64)
    x = rng.standard_normal(samples) + distance * (labels - 0.5)
    p = expit(distance * x + shift)
    return np.stack([1 - p, p], axis=1), labels


@st.composite
def weighted_scores(draw: Any) -> Any:
    """Scores with many ties, both kinds present, weights that are often 0."""
    n = draw(st.integers(4, 40))
    scores = np.array(draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n)), float) / 4
    positive = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), float)
    positive[:2] = True, False
    weights[:2] = 1, 2
    return scores, positive, weights


def curves(scores: Any, positive: Any, weights: Any) -> Any:
    ranking = Ranking(scores, positive)
    return ranking.curves(weights[None, ranking.positives], weights[None, ranking.negatives])


@given(weighted_scores())
@settings(deadline=None)
def test_weighted_roc_equals_scikit_learn_with_ties_and_zero_weights(case: Any) -> None:
    scores, positive, weights = case
    curve = curves(*case)
    assert curve.auc()[0] == pytest.approx(roc_auc_score(positive, scores, sample_weight=weights))
    fpr, tpr, _ = roc_curve(positive, scores, sample_weight=weights, drop_intermediate=False)
    for rate in (0.0, 0.01, 0.3, 1.0):
        assert curve.tpr_at_fpr(rate)[0] == pytest.approx(tpr[fpr <= rate + 1e-9].max())
    # sklearn's curve has equal FPRs where it rises straight up, so walk along it by arc length
    walk = np.arange(len(fpr))
    gap = interp1d(walk, 1 - tpr - fpr)
    at = brentq(gap, 0, walk[-1])
    assert curve.eer()[0] == pytest.approx(float(interp1d(walk, fpr)(at)), abs=1e-9)


def test_weighted_roc_handles_every_weighting_at_once() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=300).round(1), rng.random(300) < 0.3
    weights = rng.integers(0, 4, (5, 300)).astype(float)
    weights[3, positive] = 0
    weights[4, ~positive] = 0
    ranking = Ranking(scores, positive)
    curve = ranking.curves(weights[:, ranking.positives], weights[:, ranking.negatives])
    expected = [roc_auc_score(positive, scores, sample_weight=row) for row in weights[:3]]
    np.testing.assert_allclose(curve.auc()[:3], expected)
    for metric in (curve.auc(), curve.eer(), curve.tpr_at_fpr(0.1)):
        assert np.isfinite(metric[:3]).all()
        assert np.isnan(metric[3:]).all()


@given(st.integers(2, 4), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_point_metrics_equal_scikit_learn(classes: Any, seed: Any) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 30)])
    proba = rng.dirichlet(np.ones(classes), len(labels)).round(1)  # ties, zeros
    proba[:, 0] = (1 - proba[:, 1:].sum(axis=1)).round(12)
    proba = np.clip(proba, 0, 1)
    proba /= proba.sum(axis=1, keepdims=True)
    predicted = metrics.decide(proba, np.zeros(classes))
    assert metrics.balanced_accuracy(labels, predicted, classes) == pytest.approx(
        balanced_accuracy_score(labels, predicted)
    )
    each = [roc_auc_score(labels == k, proba[:, k].round(9)) for k in range(classes)]
    assert metrics.auc(proba, labels) == pytest.approx(np.mean(each))


@given(st.integers(0, 10_000), st.integers(2, 4))
@settings(deadline=None, max_examples=40)
def test_metrics_do_not_depend_on_the_order_of_samples_or_of_two_classes(seed: Any, classes: Any) -> None:
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(classes), 40)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 40 - classes)])
    order = rng.permutation(40)
    np.testing.assert_allclose(
        metrics.fit_decision(proba[order], labels[order]), metrics.fit_decision(proba, labels), atol=1e-9
    )
    renamed = rng.permutation(classes)
    assert metrics.auc(proba[:, np.argsort(renamed)], renamed[labels]) == pytest.approx(metrics.auc(proba, labels))


def test_balanced_accuracy_and_auc_of_gaussians_follow_their_closed_forms() -> None:
    rng = np.random.default_rng(1)
    for distance in (0.0, 1.0, 2.0):
        proba, labels = gaussian_attack(rng, 60_000, distance)
        predicted = metrics.decide(proba, np.zeros(2))
        assert metrics.balanced_accuracy(labels, predicted, 2) == pytest.approx(norm.cdf(distance / 2), abs=0.008)
        assert metrics.auc(proba, labels) == pytest.approx(norm.cdf(distance / np.sqrt(2)), abs=0.008)


def test_symmetric_flips_of_labels_shrink_accuracy_linearly() -> None:
    rng = np.random.default_rng(2)
    proba, labels = gaussian_attack(rng, 60_000, 2.0)
    predicted = metrics.decide(proba, np.zeros(2))
    clean = metrics.balanced_accuracy(labels, predicted, 2)
    for rho in (0.1, 0.3, 0.5):
        flipped = np.where(rng.random(len(labels)) < rho, 1 - labels, labels)
        expected = 0.5 + (1 - 2 * rho) * (clean - 0.5)
        assert metrics.balanced_accuracy(flipped, predicted, 2) == pytest.approx(expected, abs=0.01)


def test_advantage_is_zero_at_chance_and_one_when_never_wrong() -> None:
    for classes in (2, 5):
        assert metrics.advantage(1 / classes, classes) == pytest.approx(0)
        assert metrics.advantage(1.0, classes) == 1
    assert metrics.advantage(0.8, 2) == pytest.approx(0.6)


def test_decision_undoes_a_shift_of_the_log_odds() -> None:
    rng = np.random.default_rng(3)
    val = gaussian_attack(rng, 4000, 2.0, shift=2.5, prior=0.3)
    proba, labels = gaussian_attack(rng, 40_000, 2.0, shift=2.5, prior=0.3)
    offsets = metrics.fit_decision(*val)
    assert offsets[0] == 0
    assert offsets[1] == pytest.approx(-2.5, abs=0.4)
    fitted = metrics.balanced_accuracy(labels, metrics.decide(proba, offsets), 2)
    assert fitted == pytest.approx(norm.cdf(1), abs=0.01)
    assert metrics.balanced_accuracy(labels, metrics.decide(proba, np.zeros(2)), 2) < fitted - 0.1


def test_decision_on_few_samples_is_steadier_than_the_plain_maximum() -> None:
    rng = np.random.default_rng(4)
    steady, plain = [], []
    for _ in range(300):
        proba, labels = gaussian_attack(rng, 100, 1.0)
        margin = -metrics.class_scores(proba)[:, 1]
        gain = np.where(labels == 1, 0.5 / labels.sum(), -0.5 / (1 - labels).sum())
        total = np.cumsum(gain[np.argsort(margin)])
        for found, offset in (
            (steady, metrics.fit_decision(proba, labels)[1]),
            (plain, np.sort(margin)[total.argmax()]),
        ):
            found.append((norm.sf(-offset - 0.5) + norm.cdf(-offset + 0.5)) / 2)
    best = norm.cdf(0.5)
    assert best - np.mean(steady) < 0.6 * (best - np.mean(plain))


def test_decision_separates_perfectly_where_scores_do() -> None:
    scores = np.concatenate([np.linspace(0.55, 0.6, 40), np.linspace(0.7, 0.9, 10)])
    labels = (np.arange(50) >= 40).astype(np.int64)
    offsets = metrics.fit_decision(np.stack([1 - scores, scores], axis=1), labels)
    assert np.array_equal(metrics.decide(np.stack([1 - scores, scores], axis=1), offsets), labels)


def test_decision_for_three_classes_undoes_a_prior() -> None:
    rng = np.random.default_rng(5)

    def make(samples: Any) -> Any:
        labels = rng.choice(3, samples, p=[0.8, 0.15, 0.05])
        logits = rng.standard_normal((samples, 3)) + 2 * np.eye(3)[labels]
        return softmax(2 * logits + np.log([0.8, 0.15, 0.05]), axis=1), labels

    val, (proba, labels) = make(4000), make(20_000)
    fair = softmax(np.log(proba) - np.log([0.8, 0.15, 0.05]), axis=1)
    best = metrics.balanced_accuracy(labels, fair.argmax(axis=1), 3)
    plain = metrics.balanced_accuracy(labels, metrics.decide(proba, np.zeros(3)), 3)
    fitted = metrics.balanced_accuracy(labels, metrics.decide(proba, metrics.fit_decision(*val)), 3)
    assert plain < best - 0.05
    assert fitted > best - 0.015


def bits(calibration: Any, proba: Any, labels: Any) -> Any:
    """What the labels are known by, in bits: at least 0."""
    prior = entropy(np.bincount(labels), base=2)
    return max(0, prior - metrics.cross_entropy(calibration, proba, labels).mean())


def test_bits_of_a_known_channel_and_of_nothing() -> None:
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 40_000)
    flipped = np.where(rng.random(40_000) < 0.1, 1 - labels, labels)
    overconfident = np.eye(2)[flipped]  # probabilities of 0 and 1: calibration must temper them
    calibration = metrics.fit_calibration(overconfident[:20_000], labels[:20_000])
    measured = bits(calibration, overconfident[20_000:], labels[20_000:])
    expected = 1 + 0.1 * np.log2(0.1) + 0.9 * np.log2(0.9)
    assert measured == pytest.approx(expected, abs=0.02)
    timid = 0.5 + 0.0001 * (overconfident - 0.5)
    calibration = metrics.fit_calibration(timid[:20_000], labels[:20_000])
    assert bits(calibration, timid[20_000:], labels[20_000:]) == pytest.approx(expected, abs=0.02)
    noise = rng.dirichlet([1, 1], 40_000)
    calibration = metrics.fit_calibration(noise[:20_000], labels[:20_000])
    assert bits(calibration, noise[20_000:], labels[20_000:]) < 0.001
    inverted = metrics.fit_calibration(overconfident[:20_000], 1 - flipped[:20_000])
    assert bits(inverted, overconfident[20_000:], labels[20_000:]) == 0


def test_calibration_recovers_probabilities_and_survives_a_class_that_val_lacks() -> None:
    rng = np.random.default_rng(7)
    proba, labels = gaussian_attack(rng, 20_000, 1.5)
    distorted = softmax(3 * np.log(proba) + [0.0, 2.0], axis=1)
    restored = metrics.calibrate(metrics.fit_calibration(distorted, labels), distorted)
    assert np.abs(restored - proba).max() < 0.05
    three = np.concatenate([0.9 * proba, np.full((20_000, 1), 0.1)], axis=1)
    calibrated = metrics.calibrate(metrics.fit_calibration(three, labels), three)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    assert (calibrated[:, 2] < 1e-9).all()


@pytest.mark.parametrize(
    ("proba", "labels", "says"),
    [
        (np.full((4, 2), np.nan), [0, 1, 0, 1], "non-finite"),
        (np.full(4, 0.5), [0, 1, 0, 1], "shape"),
        (np.full((4, 2), 0.5), [0, 1, 0], "4 rows"),
        (np.full((4, 2), 0.5), [0, 1, 0, 2], r"\[0, 2\)"),
        (np.full((4, 2), 0.5), [1, 1, 1, 1], "two classes"),
    ],
)
def test_unusable_input_is_named(proba: Any, labels: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        metrics.fit_decision(proba, np.array(labels))


def test_an_attack_that_says_nothing_is_at_chance() -> None:
    proba, labels = np.full((60, 3), 1 / 3), np.arange(60) % 3
    offsets = metrics.fit_decision(proba, labels)
    assert metrics.balanced_accuracy(labels, metrics.decide(proba, offsets), 3) == pytest.approx(1 / 3)
    assert metrics.auc(proba, labels) == 0.5


@pytest.mark.parametrize("scale", [1.0, 40.0, 150.0])
def test_an_overconfident_attack_keeps_its_ranking_and_its_decision(scale: float) -> None:
    rng = np.random.default_rng(21)
    labels = np.arange(2000) % 2
    margin = 2 * labels - 1 + rng.normal(size=2000) + 3  # far from ½, so that the decision must be moved
    proba = np.stack([expit(-scale * margin), expit(scale * margin)], axis=1)
    assert metrics.auc(proba, labels) == pytest.approx(roc_auc_score(labels, margin), abs=1e-3)
    decided = metrics.decide(proba, metrics.fit_decision(proba, labels))
    assert balanced_accuracy_score(labels, decided) == pytest.approx(norm.cdf(1), abs=0.02)


def test_log_odds_rank_where_probabilities_no_longer_do() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(4000) % 2
    margin = 1.95 * labels + rng.normal(size=4000)
    sure = 1000 * margin
    saturated = np.stack([1 - expit(sure), expit(sure)], axis=1)
    assert metrics.auc(saturated, labels) == pytest.approx(0.753, abs=0.005)
    for column in (sure, 1e6 * margin, margin):
        proba = metrics.from_log_proba(np.stack([np.zeros(4000), column], axis=1))
        assert metrics.auc(proba, labels) == pytest.approx(roc_auc_score(labels, margin), abs=1e-9)
        assert np.abs(proba.sum(axis=1) - 1).max() < 1e-12
    assert roc_auc_score(labels, margin) == pytest.approx(0.916, abs=0.005)
    assert np.allclose(metrics.from_log_proba(np.log([[0.2, 0.5, 0.3]]) + 7), [[0.2, 0.5, 0.3]])
