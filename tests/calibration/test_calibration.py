"""Every closed form against a simulation of the optimal rule, and the score against suites whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aiakit.calibration import embedding_leaks, identity_only, image_leaks, laws
from aiakit.calibration.leaks import parity
from aiakit.calibration.score import Trial, eta, nulls_of, row_of

SURE = 4.5  # standard errors: about one false alarm in 10⁵ comparisons


def assert_rate(correct: Any, expected: Any) -> None:
    error = np.sqrt(expected * (1 - expected) / len(correct)) + 1e-9
    assert abs(np.mean(correct) - expected) < SURE * error, f"{np.mean(correct):.4f} is not {expected:.4f}"


def signs(rng: Any, *shape: Any) -> Any:
    return rng.choice([-1.0, 1.0], size=shape)


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(7)


@pytest.mark.parametrize("leak", embedding_leaks(16), ids=lambda leak: leak.name)
def test_the_optimal_rule_of_an_embedding_leak_reaches_its_bayes_accuracy(leak: Any, rng: Any) -> None:
    x, labels = leak.sample(60_000, rng)
    assert x.shape == (60_000, leak.d)
    assert x.dtype == np.float32
    assert abs(labels.mean() - 0.5) < 0.01
    assert_rate(leak.rule(x) == labels, leak.bayes)


@pytest.mark.parametrize("leak", image_leaks(16), ids=lambda leak: leak.name)
def test_the_optimal_rule_of_an_image_leak_reaches_its_bayes_accuracy(leak: Any, rng: Any) -> None:
    x, labels = leak.sample(8_000, rng)
    assert x.shape == (8_000, 3, 16, 16)
    assert x.dtype == np.uint8
    assert leak.view == "image"
    assert_rate(leak.rule(x) == labels, leak.bayes)


def test_the_published_bayes_accuracies() -> None:
    published = {
        "linear": 0.6915,
        "diffuse": 0.6915,
        "radial": 0.7855,
        "xor": 0.8753,
        "xor-rotated": 0.8753,
        "four-modes": 0.8551,
        "randomised-response": 0.7,
        "lsb": 1.0,
        "parity-3": 0.9348,
        "null": 0.5,
    }
    found = {leak.name: leak.bayes for leak in embedding_leaks()}
    for name, bayes in published.items():
        assert found[name] == pytest.approx(bayes, abs=6e-5), name


def test_leaks_differ_from_draw_to_draw_and_repeat_under_a_seed() -> None:
    for leak in embedding_leaks(8):
        first, again, other = (leak.sample(50, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_parity_hides_from_every_pair_of_coordinates(rng: Any) -> None:
    x, labels = parity(8).sample(20_000, rng)
    pairs = np.einsum("ni,nj,n->ij", np.sign(x), np.sign(x), 2.0 * labels - 1) / len(x)
    assert abs(pairs).max() < SURE / np.sqrt(len(x))


def test_key_pattern_and_bit_plane(rng: Any) -> None:
    s, key = signs(rng, 20_000), signs(rng, 64)
    seen = 0.3 * s[:, None] * key + 1.5 * rng.normal(size=(s.size, 64))
    assert_rate(np.sign(seen @ key) == s, laws.key_pattern(0.3, 64, 1.5))
    for pixels in (9, 16):  # odd; and even, where ties are broken by a coin
        votes = (s[:, None] * np.where(rng.random((s.size, pixels)) < 0.4, -1, 1)).sum(axis=1)
        assert_rate(np.sign(votes + 0.5 * signs(rng, s.size)) == s, laws.bit_plane(pixels, 0.4))


def test_the_ceiling_of_rendered_faces_holds_for_any_direction(rng: Any) -> None:
    delta = np.array([0.9, -1.2, 0.4])
    s = signs(rng, 100_000)
    u = s[:, None] * delta / 2 + rng.normal(size=(s.size, 3))
    ceiling = laws.gaussian_shift(float(np.linalg.norm(delta)))
    assert_rate(np.sign(u @ delta) == s, ceiling)
    assert np.mean(np.sign(u @ [1, -1, 1]) == s) < ceiling


@pytest.mark.parametrize(("distance", "dims", "per_class"), [(1.0, 64, 200), (2.0, 30, 50), (1.5, 50, 400)])
def test_the_law_of_the_nearest_mean(distance: float, dims: int, per_class: int, rng: Any) -> None:
    shift = np.zeros(dims)
    shift[0] = distance / 2
    nearest = []
    for _ in range(60):
        x = rng.normal(size=(2, per_class, dims)) + np.stack([-shift, shift])[:, None]
        means = x.mean(axis=1)
        rule, middle = means[1] - means[0], means.mean(axis=0)
        norm = np.linalg.norm(rule)
        right = laws.phi(rule @ (shift - middle) / norm) + laws.phi(rule @ (shift + middle) / norm)
        nearest.append(right / 2)
    assert np.mean(nearest) == pytest.approx(laws.nearest_mean(distance, dims, per_class), abs=0.006)


def test_identity_only_leaks_to_an_image_split_and_not_to_an_identity_split(rng: Any) -> None:
    x, labels, identity = identity_only(people=600, images=4, rng=rng)
    assert all(len(set(labels[identity == person])) == 1 for person in range(20))

    def nearest(train: Any, test: Any) -> Any:
        distances = (x[test] ** 2).sum(1)[:, None] - 2 * x[test] @ x[train].T + (x[train] ** 2).sum(1)
        return labels[train][distances.argmin(axis=1)] == labels[test]

    shot = np.tile(np.arange(4), 600)
    assert nearest(shot > 0, shot == 0).mean() > 0.98
    right = nearest(identity < 300, identity >= 300).reshape(-1, 4).mean(axis=1)  # people are the units
    assert abs(right.mean() - 0.5) < SURE * right.std() / np.sqrt(len(right))


def trial(leak: Any, seed: Any = 0, **sharpness: Any) -> Any:
    """Attacks that know the leak's rule and answer by it (1), by its opposite (−1), or at random (0)."""
    rng = np.random.default_rng(seed)
    labels, scores = {}, {"val": {}, "test": {}}
    for part, n in (("val", 500), ("test", 2000)):
        x, labels[part] = leak.sample(n, rng)
        right = np.where(leak.rule(x), 0.9, 0.1)
        for name, sign in sharpness.items():
            yes = rng.random(n) if sign == 0 else 0.5 + sign * (right - 0.5)
            scores[part][name] = np.column_stack([1 - yes, yes])
    return Trial(scores["val"], scores["test"], labels, np.arange(2000), dict.fromkeys(sharpness, 1.5))


def test_the_score_selects_on_val_and_reports_medians() -> None:
    leak = parity(8)
    trials = [trial(leak, seed, guess=0, oracle=1) for seed in range(3)]
    row = row_of(leak, trials)
    assert row["leak"] == "parity-3"
    assert row["bayes"] == leak.bayes
    assert row["selected"] == "oracle"
    assert row["suite"] == sorted(row["per_seed"])[1] == pytest.approx(leak.bayes, abs=0.03)
    assert row["eta"] == eta(row["suite"], leak.bayes) == pytest.approx(1, abs=0.07)
    assert row["attacks"]["guess"] == pytest.approx(0, abs=0.1)
    assert row["attacks"]["oracle"] == row["eta"]
    assert row["seconds"] == {"guess": 1.5, "oracle": 1.5}


def test_only_attacks_scored_in_every_trial_count() -> None:
    leak = parity(8)
    row = row_of(leak, [trial(leak, 0, oracle=1, guess=0), trial(leak, 1, oracle=1)])
    assert row["attacks"].keys() == {"oracle"}


def test_nothing_is_found_in_a_null_and_a_leak_is_significant() -> None:
    nothing = embedding_leaks(4)[-1]
    assert nothing.name == "null"
    assert row_of(nothing, [trial(nothing, oracle=1)])["eta"] is None
    assert trial(parity(8), oracle=1, guess=0).significant
    nulls = nulls_of([trial(nothing, seed, guess=0, oracle=1) for seed in range(8)])
    assert nulls["count"] == 8
    assert nulls["significant"] <= 3  # at level .05: more in one of 2,700 such sets
    assert nulls["not_significant"] == 1 - nulls["significant"] / 8
