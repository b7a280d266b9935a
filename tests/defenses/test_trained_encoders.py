"""Encoders trained against an adversary, or for few bits: what they claim and what a fresh attacker finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

LINEAR = LogisticRegression(class_weight="balanced")


@pytest.mark.parametrize(
    ("name", "options"), [("grl", {"beta": 10.0, "adversary_rate": 1e-3}), ("maxent-arl", {"beta": 3.0})]
)
def test_the_in_loop_adversary_is_fooled_and_a_fresh_attacker_is_not(
    people: Any,
    fitted: Callable[..., Any],
    released: Callable[..., Any],
    accuracy: Callable[..., float],
    name: str,
    options: dict[str, float],
) -> None:
    train, attacker, test = (people(300, seed) for seed in (1, 2, 3))
    encoder = fitted(name, train, epochs=12, latent=16, **options)
    z = encoder.release(test.embedding, np.random.default_rng(0))
    claimed = balanced_accuracy_score(test.labels, encoder.claim(z).argmax(1))
    fresh = accuracy(LINEAR, released(encoder, attacker), attacker.labels, z.embedding, test.labels)
    assert claimed < 0.75
    assert fresh > claimed + 0.1


@pytest.mark.parametrize("name", ["grl", "maxent-arl", "vib"])
def test_without_a_privacy_term_people_can_still_be_told_apart(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], name: str
) -> None:
    train, test = people(200, 1), people(100, 2)
    z = released(fitted(name, train, epochs=8, latent=16, beta=0.0), test)
    z = (z - z.mean(0)) / np.linalg.norm(z - z.mean(0), axis=1, keepdims=True)
    scores = z @ z.T
    upper = np.triu_indices(len(z), 1)
    assert roc_auc_score((test.identity[:, None] == test.identity)[upper], scores[upper]) > 0.9


def test_a_narrow_bottleneck_says_nothing_and_a_wide_one_a_lot(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, attacker, test = (people(300, seed) for seed in (1, 2, 3))
    found = []
    for beta in (1e-3, 30.0):
        vib = fitted("vib", train, epochs=12, latent=8, beta=beta, rate=3e-3)
        z, z_test = released(vib, attacker), released(vib, test, seed=1)
        found.append(accuracy(LINEAR, z, attacker.labels, z_test, test.labels))
    assert found[0] > 0.85
    assert found[1] < 0.6


def test_the_bottleneck_publishes_a_new_draw_every_time(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train = people(60, 1)
    vib = fitted("vib", train, epochs=1, latent=4)
    assert not np.array_equal(released(vib, train, seed=0), released(vib, train, seed=1))
    assert np.array_equal(released(vib, train, seed=1), released(vib, train, seed=1))
