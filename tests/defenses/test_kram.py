"""Rates of rows and of classes, and a release in which every class takes up the whole space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from aiakit.defenses.kram import rate, rate_within

QUADRATIC = QuadraticDiscriminantAnalysis(reg_param=0.01)


def test_rows_that_fill_the_space_evenly_take_half_a_bit_per_dimension_and_ratio() -> None:
    """n/d rows along each of d axes: d/(nε²)·ZᵀZ = I/ε², so that R = d/2 · log₂(1 + 1/ε²) with ε² = ½."""
    z = torch.eye(6, dtype=torch.float64).repeat(4, 1)
    assert float(rate(z)) == pytest.approx(3 * np.log2(3))


def test_the_rate_of_classes_is_that_of_the_gram_matrix_times_their_kernel() -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.standard_normal((12, 5)), rng.integers(0, 3, 12)
    kernel = labels[:, None] == labels
    of_gram = np.linalg.slogdet(np.eye(12) + 5 / (12 * 0.5) * (rows @ rows.T) * kernel)[1] / (2 * np.log(2))
    assert float(rate_within(torch.from_numpy(rows), torch.from_numpy(labels))) == pytest.approx(of_gram)
    alone = rate_within(torch.from_numpy(rows), torch.zeros(12))
    assert float(alone) == pytest.approx(float(rate(torch.from_numpy(rows)))), "one class is all rows"


def test_classes_in_directions_of_their_own_gain_nothing_and_mixed_ones_do() -> None:
    """R(Z | K) ≥ R(Z), and they are equal where the classes are orthogonal: what KRaM maximises is their mixing."""
    rng = np.random.default_rng(1)
    labels = torch.arange(40) % 2
    mixed = torch.from_numpy(rng.standard_normal((40, 6)))
    apart = mixed.clone()
    apart[labels == 0, :3], apart[labels == 1, 3:] = 0, 0
    assert float(rate_within(apart, labels)) == pytest.approx(float(rate(apart)))
    assert float(rate_within(mixed, labels)) > float(rate(mixed)) + 1


def test_it_takes_from_nonlinear_attackers_what_leace_leaves_them_and_keeps_people_apart(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, attacker, test = (people(500, seed) for seed in (1, 2, 3))
    defenses = {name: fitted(name, train) for name in ("leace", "kram")}
    for model in (QUADRATIC, SVC(C=10)):
        left = {}
        for name, defense in defenses.items():
            z, z_test = released(defense, attacker), released(defense, test)
            left[name] = accuracy(model, z, attacker.labels, z_test, test.labels)
        assert left["kram"] < left["leace"] - 0.05
    distances = np.linalg.norm(z_test[:, None] - z_test, axis=2)
    pairs = np.triu(test.labels[:, None] == test.labels, 1)
    assert roc_auc_score((test.identity[:, None] == test.identity)[pairs], -distances[pairs]) > 0.95


def test_releases_lie_on_the_unit_sphere(people: Any, fitted: Callable[..., Any], released: Callable[..., Any]) -> None:
    train = people(30, 1)
    z = released(fitted("kram", train, epochs=1), train)
    assert z.shape == train.embedding.shape
    assert np.allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
