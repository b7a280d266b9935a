"""Uncertainty over people: against direct recomputation, against theory, and by simulation."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score, roc_curve

from aiakit.measures import metrics
from aiakit.measures.bootstrap import IdentityBootstrap, interval
from aiakit.measures.comparison import holm, illusion_gap, max_t_bound, paired_difference, variance_components
from aiakit.measures.pareto import front_shares, hypervolume, pareto_front
from aiakit.measures.statistics import (
    attack_statistics,
    chance_p_value,
    exceeds_chance,
    permute_by_identity,
    smallest_detectable,
)
from aiakit.measures.units import sample_weights


def clustered(rng: Any, people: Any, images: Any, distance: Any, within: Any = 0.5) -> Any:
    """Identity, labels constant per person and probabilities whose errors a person's images share."""
    identity = np.repeat(np.arange(people), images)
    gender = rng.permutation(np.arange(people) % 2)
    person = rng.normal(scale=np.sqrt(1 - within**2), size=people)
    x = person[identity] + within * rng.normal(size=len(identity)) + distance * (gender[identity] - 0.5)
    p = expit(2 * x)
    return identity, gender[identity], np.stack([1 - p, p], axis=1)


def measure(
    rng: Any, people: Any = 60, images: Any = 4, distance: Any = 1.0, draws: Any = 200, repeats: Any = 1, seed: Any = 0
) -> Any:
    _, val_labels, _ = clustered(rng, people, images, distance)
    identity, labels, _ = clustered(rng, people, images, distance)
    val = [expit(distance * (2 * val_labels - 1) + 2 * rng.normal(size=len(labels))) for _ in range(repeats)]
    test = [expit(distance * (2 * labels - 1) + 2 * rng.normal(size=len(labels))) for _ in range(repeats)]
    val, test = ([np.stack([1 - p, p], axis=1) for p in side] for side in (val, test))
    bootstrap = IdentityBootstrap(identity, draws, seed)
    return val, val_labels, test, labels, bootstrap


@pytest.mark.parametrize("classes", [2, 4])
def test_every_draw_equals_scikit_learn_with_sample_weights(classes: int) -> None:
    rng = np.random.default_rng(0)
    identity = rng.integers(0, 40, 200)
    labels, val_labels = rng.integers(0, classes, 200), rng.integers(0, classes, 100)

    def guess(truth: Any) -> Any:
        proba = (rng.dirichlet(np.ones(classes), len(truth)) + 0.7 * np.eye(classes)[truth]).round(1) + 0.05
        return proba / proba.sum(axis=1, keepdims=True)

    val, test = [guess(val_labels) for _ in range(2)], [guess(labels) for _ in range(2)]
    bootstrap = IdentityBootstrap(identity, 15)
    got = attack_statistics(val, val_labels, test, labels, bootstrap, classes)
    counted = sample_weights(identity, labels)
    images = bootstrap.weights(slice(0, 15), bootstrap.rows)
    assert (images.sum(axis=1) > 0).all()
    predicted = [metrics.decide(t, metrics.fit_decision(v, val_labels)) for v, t in zip(val, test, strict=True)]
    costs = [
        metrics.cross_entropy(metrics.fit_calibration(v, val_labels), t, labels) for v, t in zip(val, test, strict=True)
    ]
    for b, drawn in [(None, np.ones(200)), *enumerate(images)]:
        weight = drawn * counted
        value = {m: (got.point[m] if b is None else got.draws[m][b]) for m in got.point}
        shown = [1] if classes == 2 else range(classes)
        auc = np.mean(
            [[roc_auc_score(labels == k, t[:, k].round(9), sample_weight=weight) for k in shown] for t in test]
        )
        assert value["auc"] == pytest.approx(auc)
        balanced = np.mean([balanced_accuracy_score(labels, p, sample_weight=weight) for p in predicted])
        assert value["balanced_accuracy"] == pytest.approx(balanced)
        by_image = np.mean([balanced_accuracy_score(labels, p, sample_weight=drawn) for p in predicted])
        assert value["image_balanced_accuracy"] == pytest.approx(by_image)
        assert value["advantage"] == pytest.approx((classes * balanced - 1) / (classes - 1))
        accuracy = np.mean([accuracy_score(labels, p, sample_weight=weight) for p in predicted])
        assert value["accuracy"] == pytest.approx(accuracy)
        prior = np.bincount(labels, weights=weight) / weight.sum()
        assert value["majority"] == pytest.approx(prior.max())
        bits = [max(0, -(prior @ np.log2(prior)) - np.average(cost, weights=weight)) for cost in costs]
        assert value["bits"] == pytest.approx(np.mean(bits))
        if classes == 2:
            tpr = []
            for t in test:
                fpr, hit, _ = roc_curve(labels, t[:, 1].round(9), sample_weight=weight, drop_intermediate=False)
                tpr.append(hit[fpr <= 0.01].max())
            assert value["tpr_at_1pct_fpr"] == pytest.approx(np.mean(tpr))


def test_point_is_the_mean_over_repeats_and_the_document_is_json() -> None:
    got = attack_statistics(*measure(np.random.default_rng(1), repeats=3), 2)
    for metric, values in got.per_repeat.items():
        assert got.point[metric] == pytest.approx(np.mean(values))
        assert len(values) == 3
    document = json.loads(json.dumps(got.as_json(), allow_nan=False))
    assert {"balanced_accuracy", "ci95", "auc", "advantage", "accuracy", "majority", "bits"} <= set(document)
    assert document["ci95"][0] < document["balanced_accuracy"] < document["ci95"][1]
    assert document["ci95"] == list(got.ci95("balanced_accuracy"))
    assert document["std_over_seeds"] == pytest.approx(np.std(got.per_repeat["balanced_accuracy"], ddof=1))


def test_same_people_draws_and_seed_give_the_same_draws() -> None:
    identity = np.array([5, 5, 9, 2, 2, 2])
    a, b = IdentityBootstrap(identity, 50, 1), IdentityBootstrap(identity[::-1], 50, 1)
    assert a.key == b.key
    everyone, rows = slice(0, 50), np.arange(3)
    assert np.array_equal(a.weights(everyone, rows), b.weights(everyone, rows))
    assert (a.weights(everyone, rows).sum(axis=1) == 3).all()
    assert a.key != IdentityBootstrap(identity, 50, 2).key
    assert a.key != IdentityBootstrap(identity + 1, 50, 1).key
    assert np.array_equal(a.positions(np.array([9, 2])), [2, 0])
    values = np.arange(12.0).reshape(6, 2)
    np.testing.assert_allclose(a.sums(values, a.rows), a.weights(everyone, a.rows) @ values)


def test_results_are_deterministic() -> None:
    first, second = (attack_statistics(*measure(np.random.default_rng(2), repeats=2), 2) for _ in range(2))
    assert json.dumps(first.as_json()) == json.dumps(second.as_json())
    for metric in first.draws:
        assert np.array_equal(first.draws[metric], second.draws[metric])


def test_intervals_over_people_cover_on_clustered_images_and_intervals_over_images_do_not() -> None:
    rng = np.random.default_rng(3)
    truth = norm.cdf(1 / np.sqrt(2))
    covered = {"people": 0, "images": 0}
    trials = 100
    for _ in range(trials):
        identity, labels, proba = clustered(rng, 80, 6, 1.0, within=0.4)
        for unit, cluster in (("people", identity), ("images", np.arange(len(identity)))):
            got = attack_statistics([proba], labels, [proba], labels, IdentityBootstrap(cluster, 300), 2)
            low, high = got.ci95("auc")
            covered[unit] += low <= truth <= high
    assert covered["people"] / trials > 0.89
    assert covered["images"] / trials < 0.75


def test_an_attack_that_learned_nothing_rarely_exceeds_chance() -> None:
    rng = np.random.default_rng(4)
    tried = [attack_statistics(*measure(rng, 80, 3, 0.0), 2) for _ in range(200)]
    for metric in ("balanced_accuracy", "auc"):
        assert np.mean([exceeds_chance(found, metric) for found in tried]) < 0.05  # 2.5 % on this side
    leak = attack_statistics(*measure(rng, 80, 3, 2.0), 2)
    assert exceeds_chance(leak)
    assert chance_p_value(leak, "auc") < 1e-6


def test_a_constant_attack_never_exceeds_chance() -> None:
    labels = np.arange(90) % 3
    flat = np.full((90, 3), 1 / 3)
    got = attack_statistics([flat], labels, [flat], labels, IdentityBootstrap(np.arange(90), 100), 3)
    assert chance_p_value(got) == 1.0
    assert chance_p_value(got, "auc") == 1.0
    assert got.point["bits"] == pytest.approx(0, abs=1e-6)
    assert got.as_json()["balanced_accuracy"] == pytest.approx(1 / 3)


def test_a_test_set_of_one_class_has_no_auc() -> None:
    proba = np.full((6, 2), 0.5)
    got = attack_statistics(
        [proba], np.array([0, 1] * 3), [proba], np.zeros(6, np.int64), IdentityBootstrap(np.arange(6), 20), 2
    )
    assert got.as_json()["auc"] is None
    assert got.as_json()["auc_ci95"] == [None, None]
    assert chance_p_value(got, "auc") == 1.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.update(val_proba=[]), "0 repeats"),
        (lambda c: c.update(classes=3), r"shape \(N, 3\)"),
        (lambda c: c.update(test_labels=c["test_labels"][:-1]), "labels of shape"),
        (lambda c: c.update(test_proba=[c["test_proba"][0][:-1]]), "another number"),
        (lambda c: c.update(val_labels=np.zeros_like(c["val_labels"])), "two classes"),
        (lambda c: c.update(bootstrap=IdentityBootstrap(np.arange(3), 10)), "3 samples"),
    ],
)
def test_inputs_that_disagree_are_named(change: Any, says: str) -> None:
    names = ("val_proba", "val_labels", "test_proba", "test_labels", "bootstrap")
    case = dict(zip(names, measure(np.random.default_rng(5)), strict=True), classes=2)
    change(case)
    with pytest.raises(ValueError, match=says):
        attack_statistics(**case)


def test_smallest_detectable_leak_needs_4900_people_for_two_points() -> None:
    identity = np.arange(4900)
    assert smallest_detectable(identity % 2, identity, 2) == pytest.approx(0.52, abs=1e-4)
    # ten images a person are still one unit, and an even share of each class detects best
    many = np.repeat(identity, 10)
    assert smallest_detectable(many % 2, many, 2) == pytest.approx(0.52, abs=1e-4)
    assert smallest_detectable((identity % 10 == 0).astype(int), identity, 2) > 0.525
    assert smallest_detectable(np.array([0, 1]), np.arange(2), 2) == 1.0
    varying = np.tile([0, 1], 2450)  # everybody shows both values, and is a unit of each
    assert smallest_detectable(varying, np.repeat(identity[:2450], 2), 2) == pytest.approx(0.52, abs=1e-4)
    # counted by images, one person with half of them leaves 4 effective people of a class, and the others change little
    images = np.r_[1000, np.ones(1000, int)]
    heavy = smallest_detectable(
        np.repeat(np.r_[0, np.arange(1000) % 2], images), np.repeat(np.arange(1001), images), 2, "image"
    )
    four = smallest_detectable(np.repeat([0, 1], [2, 500]), np.arange(502), 2)
    assert heavy == pytest.approx(four, abs=0.1)
    assert heavy > 0.8
    with pytest.raises(ValueError, match="one class"):
        smallest_detectable(np.zeros(5, np.int64), np.arange(5), 2)


@pytest.mark.parametrize("classes", [2, 4])
def test_smallest_detectable_leak_is_found_with_the_power_it_promises(classes: int) -> None:
    rng = np.random.default_rng(6)
    people = 800
    labels = np.arange(people) % classes
    leak = smallest_detectable(labels, np.arange(people), classes)
    per_class = people // classes
    alone = rng.binomial(per_class, 1 / classes, (4000, classes)).mean(axis=1) / per_class
    leaking = rng.binomial(per_class, leak, (4000, classes)).mean(axis=1) / per_class
    assert np.mean(leaking > np.quantile(alone, 0.975)) == pytest.approx(0.8, abs=0.04)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_permutation_by_identity_keeps_people_together(seed: Any) -> None:
    rng = np.random.default_rng(seed)
    identity = rng.integers(0, 15, 60)
    gender = rng.integers(0, 2, 15)
    permuted = permute_by_identity(gender[identity], identity, rng)
    people = np.unique(identity)
    each = [np.unique(permuted[identity == person]) for person in people]
    assert all(len(labels) == 1 for labels in each)
    assert sorted(np.concatenate(each)) == sorted(gender[people])
    # where everybody has as many images, labels that vary within a person move as whole vectors
    identity = np.repeat(np.arange(10), 4)
    varying = rng.integers(0, 3, 40)
    moved = permute_by_identity(varying, identity, rng)
    vectors = [sorted(map(tuple, np.sort(labels.reshape(10, 4)).tolist())) for labels in (varying, moved)]
    assert vectors[0] == vectors[1]


def test_permutation_by_identity_breaks_the_link() -> None:
    rng = np.random.default_rng(7)
    identity = np.repeat(np.arange(4000), 3)
    gender = rng.integers(0, 2, 4000)[identity]
    agreement = (permute_by_identity(gender, identity, rng) == gender).mean()
    assert agreement == pytest.approx(0.5, abs=0.04)


def test_paired_difference_is_narrower_than_its_parts_and_finds_no_difference_with_itself() -> None:
    rng = np.random.default_rng(8)
    identity, labels, proba = clustered(rng, 150, 4, 1.0)
    bootstrap = IdentityBootstrap(identity, 400)
    noisier = np.clip(proba + rng.normal(scale=0.02, size=(len(proba), 1)) * [1, -1], 0, 1)
    a, b = (attack_statistics([p], labels, [p], labels, bootstrap, 2) for p in (proba, noisier))
    nothing = paired_difference(a, a)
    assert (nothing.point, nothing.ci95, nothing.p_value) == (0, (0, 0), 1)
    small = paired_difference(a, b, "auc")
    assert np.ptp(small.ci95) < 0.3 * np.ptp(a.ci95("auc"))
    assert small.ci95[0] <= small.point <= small.ci95[1]
    claimed = attack_statistics([proba[:, ::-1]], labels, [np.full_like(proba, 0.5)], labels, bootstrap, 2)
    below = attack_statistics([proba], labels, [proba[:, ::-1]], labels, bootstrap, 2)
    for no_better in (claimed, below):  # a claim below chance counts as chance
        gap = illusion_gap(a, no_better, 0.5)
        assert gap.point == pytest.approx(a.point["balanced_accuracy"] - 0.5)
        assert gap.p_value < 0.01
    assert not gap.equivalent(0.05)
    assert illusion_gap(a, b, 0.5).point == pytest.approx(a.point["balanced_accuracy"] - b.point["balanced_accuracy"])
    assert illusion_gap(a, b, 0.5).equivalent(0.05)
    assert gap.as_json()["difference"] == gap.point
    with pytest.raises(ValueError, match="same bootstrap draws"):
        paired_difference(
            a, attack_statistics([proba], labels, [proba], labels, IdentityBootstrap(identity, 400, seed=1), 2)
        )


def null_attacks(rng: Any, attacks: Any, samples: Any) -> Any:
    """Labels and probabilities of attacks that guess."""
    p = rng.random((attacks, samples))
    return np.arange(samples) % 2, np.stack([1 - p, p], axis=2)


@pytest.mark.parametrize(("attacks", "samples", "bias"), [(5, 1000, 0.019), (20, 500, 0.042)])
def test_the_best_on_test_is_biased_and_the_best_on_val_is_not(attacks: int, samples: int, bias: float) -> None:
    rng = np.random.default_rng(9)
    naive, honest = [], []
    for _ in range(150):
        labels, val = null_attacks(rng, attacks, samples)
        _, test = null_attacks(rng, attacks, samples)
        offsets = np.zeros(2)
        on_val = [metrics.balanced_accuracy(labels, metrics.decide(p, offsets), 2) for p in val]
        on_test = [metrics.balanced_accuracy(labels, metrics.decide(p, offsets), 2) for p in test]
        naive.append(max(on_test) - 0.5)
        honest.append(on_test[int(np.argmax(on_val))] - 0.5)
    assert np.mean(naive) == pytest.approx(bias, abs=0.004)
    assert abs(np.mean(honest)) < 0.006


def test_max_t_bound_covers_every_attack_at_once_where_single_bounds_do_not() -> None:
    rng = np.random.default_rng(10)
    covered, single, trials, people = 0, 0, 300, 120
    truth = np.linspace(0.5, 0.6, 8)
    scale = np.linspace(0.5, 2, 8)
    for _ in range(trials):
        sample = truth + scale * (rng.normal(size=(people, 8)) + 0.5 * rng.normal(size=(people, 1)))
        weights = rng.multinomial(people, np.full(people, 1 / people), 400) / people
        points, draws = sample.mean(axis=0), (weights @ sample).T
        bound = max_t_bound(points, points + norm.ppf(0.975) * draws.std(axis=1), draws)
        covered += (bound.bounds >= truth).all()
        single += (np.quantile(draws, 0.95, axis=1) >= truth).all()
        assert bound.upper == bound.bounds.max()
    assert covered / trials > 0.91
    assert single / trials < 0.85


def test_max_t_bound_of_one_constant_attack_is_the_one_sided_end_of_its_interval() -> None:
    bound = max_t_bound([0.5], [0.5 + norm.ppf(0.975) * 0.01], [np.full(100, 0.5)])
    assert bound.upper == pytest.approx(0.5 + norm.ppf(0.95) * 0.01)
    with pytest.raises(ValueError, match="one value"):
        max_t_bound([0.5], [0.5], [])


def test_max_t_bound_stays_within_what_an_attack_can_reach() -> None:
    rng = np.random.default_rng(11)
    bound = max_t_bound([0.9, 0.95], [1.0, 1.0], [rng.normal(0.9, 0.05, 300), rng.normal(0.95, 0.05, 300)])
    assert bound.critical > norm.ppf(0.975)
    assert bound.bounds.tolist() == [1.0, 1.0]


def test_a_draw_without_a_class_is_left_out_and_counted() -> None:
    identity = np.arange(6)
    labels = np.array([0, 1, 1, 1, 1, 1])
    proba = np.stack([1 - 0.8 * labels, 0.8 * labels], axis=1)
    many = [np.tile(proba, (100, 1))], np.tile(labels, 100)
    got = attack_statistics(*many, [proba], labels, IdentityBootstrap(identity, 500), 2)
    missing = int(np.isnan(got.draws["balanced_accuracy"]).sum())
    assert missing / 500 == pytest.approx((5 / 6) ** 6, abs=0.06)
    assert got.as_json()["counts"]["draws_left_out"] == missing
    assert (got.draws["balanced_accuracy"][~np.isnan(got.draws["balanced_accuracy"])] == 1).all()


def test_a_person_with_half_of_the_images_counts_once() -> None:
    rng = np.random.default_rng(13)
    images = np.r_[400, np.full(100, 4)]
    identity = np.repeat(np.arange(101), images)
    labels = (np.arange(101) % 2)[identity]
    right = (rng.random(len(identity)) < 0.8) & (identity > 0)  # everybody but the one with the most images
    guess = np.where(right, labels, 1 - labels)
    proba = np.stack([1 - guess, guess], axis=1) * 0.8 + 0.1
    val = np.stack([1 - labels, labels], axis=1) * 0.8 + 0.1
    by_person, by_image = (
        attack_statistics([val], labels, [proba], labels, IdentityBootstrap(identity, 50), 2, unit=unit)
        for unit in ("person", "image")
    )
    rates = np.bincount(identity, right) / images
    expected = (rates[::2].mean() + rates[1::2].mean()) / 2
    assert by_person.point["balanced_accuracy"] == pytest.approx(expected)
    assert by_image.point["balanced_accuracy"] == pytest.approx(
        (right[labels == 0].mean() + right[labels == 1].mean()) / 2
    )
    assert by_image.point["balanced_accuracy"] < expected - 0.2
    assert by_person.point["image_balanced_accuracy"] == by_image.point["balanced_accuracy"]
    spread = [np.ptp(s.people_ci95("balanced_accuracy")) for s in (by_person, by_image)]
    assert spread[0] < spread[1] / 2


def test_seeds_are_in_the_interval_and_people_alone_beside_it() -> None:
    got = attack_statistics(*measure(np.random.default_rng(14), repeats=4), 2)
    grid = replace(got, seeds=(0, 0, 1, 1))
    values = got.per_repeat["auc"]
    assert grid.seed_means("auc") == pytest.approx([np.mean(values[:2]), np.mean(values[2:])])
    assert replace(got, seeds=(3, 3, 3, 3)).seed_means("auc") == pytest.approx(values)
    for statistics in (got, grid):
        low, high = statistics.ci95("auc")
        narrow = statistics.people_ci95("auc")
        assert low < narrow[0]
        assert high > narrow[1]
    one = attack_statistics(*measure(np.random.default_rng(14)), 2)
    assert one.ci95("auc") == one.people_ci95("auc")
    assert one.as_json()["people_ci95"] == one.as_json()["ci95"]


def test_few_errors_and_few_people_are_cautioned_against() -> None:
    rng = np.random.default_rng(15)
    few_errors = attack_statistics(*measure(rng, people=200, distance=9.0), 2)
    assert few_errors.caution.startswith("too few errors")
    few_people = attack_statistics(*measure(rng, people=60, distance=0.5), 2)
    assert few_people.caution == "too few people: 60, where 100 are needed"
    assert attack_statistics(*measure(rng, people=200, distance=0.5), 2).caution is None


def test_two_seeds_say_little_of_seeds() -> None:
    rng = np.random.default_rng(16)
    by_repeats = {n: attack_statistics(*measure(rng, people=200, distance=0.5, repeats=n), 2) for n in (1, 2, 3, 4)}
    assert by_repeats[2].caution == "too few seeds: 2, where one or 3 are needed"
    assert replace(by_repeats[4], seeds=(0, 0, 1, 1)).caution == by_repeats[2].caution
    assert [by_repeats[n].caution for n in (1, 3, 4)] == [None] * 3


def test_variance_components_are_recovered() -> None:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(300):
        table = 0.7 + 0.03 * rng.normal(size=(8, 1)) + 0.01 * rng.normal(size=(8, 4))
        found.append(variance_components(table))
    np.testing.assert_allclose(np.mean(found, axis=0), [0.03**2, 0.01**2], rtol=0.08)
    assert variance_components(np.full((3, 3), 0.6)) == (0, 0)
    assert np.isnan(variance_components(np.ones((1, 3)))[0])
    assert np.isnan(variance_components(np.ones((3, 1)))[1])


def test_pareto_front_and_hypervolume() -> None:
    privacy = np.array([0.1, 0.5, 0.5, 0.9, 0.3])
    utility = np.array([0.9, 0.8, 0.7, 0.6, 0.8])
    assert pareto_front(privacy, utility).tolist() == [True, True, False, True, False]
    assert pareto_front(np.ones(2), np.ones(2)).all()
    expected = (0.1 * 0.4 + 0.4 * 0.3 + 0.4 * 0.1) / 0.5
    assert hypervolume(privacy, utility) == pytest.approx(expected)
    assert hypervolume(np.array([1.2]), np.array([0.9])) == pytest.approx(0.8)
    assert hypervolume(np.array([0.5]), np.array([0.4])) == 0
    assert hypervolume(privacy, utility - 0.1) < expected


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(5, 10)), min_size=1, max_size=8))
@settings(deadline=None)
def test_dominated_releases_add_no_hypervolume(points: Any) -> None:
    privacy, utility = np.array(points).T / 10
    front = pareto_front(privacy, utility)
    assert front.any()
    assert hypervolume(privacy, utility) == pytest.approx(hypervolume(privacy[front], utility[front]))
    grid = np.array([[(0.1 * i + 0.05, 0.1 * j + 0.05) for i in range(10)] for j in range(10)]).reshape(-1, 2)
    inside = ((grid[:, :1] < privacy) & (grid[:, 1:] < utility) & (grid[:, 1:] > 0.5)).any(axis=1)
    assert hypervolume(privacy, utility) == pytest.approx(inside.sum() / 50)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=50)
def test_shares_of_the_front_are_those_of_each_draw(seed: Any) -> None:
    rng = np.random.default_rng(seed)
    privacy, utility = rng.integers(0, 4, (2, 6, 30)) / 4
    expected = np.mean([pareto_front(privacy[:, b], utility[:, b]) for b in range(30)], axis=0)
    np.testing.assert_allclose(front_shares(privacy, utility), expected)
    privacy[0, 3] = np.nan
    kept = np.arange(30) != 3
    np.testing.assert_allclose(front_shares(privacy, utility), front_shares(privacy[:, kept], utility[:, kept]))


def test_holm_is_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    corrected = holm([0.5, float("nan"), 0.9])
    assert corrected[0] == 1
    assert np.isnan(corrected[1])


def test_interval_leaves_undefined_draws_out() -> None:
    assert interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert np.isnan(interval(np.full(3, np.nan))).all()


def test_ten_thousand_samples_and_two_thousand_draws_take_under_two_seconds() -> None:
    rng = np.random.default_rng(12)
    identity = np.arange(10_000) // 4
    labels = identity % 2
    proba = rng.dirichlet([1, 1], 10_000)
    begun = time.process_time()
    attack_statistics([proba], labels, [proba], labels, IdentityBootstrap(identity), 2)
    assert time.process_time() - begun < 2
