"""What kernels see of the class goes step by step, and of people less of it than of the class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from aiakit.contracts import Context
from aiakit.defenses.obliviator import Kept, Step, dependence, disentangled
from aiakit.networks.training import seeded

SHORT = {"latent": 16, "waves": 256}
QUADRATIC = QuadraticDiscriminantAnalysis(reg_param=0.01)


def test_it_takes_from_nonlinear_attackers_what_leace_leaves_them_and_keeps_people_apart(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, attacker, test = (people(500, seed) for seed in (1, 2, 3))
    defenses = {"leace": fitted("leace", train), "obliviator": fitted("obliviator", train, iterations=3, **SHORT)}
    for model in (QUADRATIC, SVC(C=10)):
        left = {}
        for name, defense in defenses.items():
            z, z_test = released(defense, attacker), released(defense, test)
            left[name] = accuracy(model, z, attacker.labels, z_test, test.labels)
        assert left["leace"] > 0.65
        assert left["obliviator"] < 0.62
    distances = np.linalg.norm(z_test[:, None] - z_test, axis=2)
    pairs = np.triu(test.labels[:, None] == test.labels, 1)
    assert roc_auc_score((test.identity[:, None] == test.identity)[pairs], -distances[pairs]) > 0.85


def test_functions_do_not_covary_with_the_attribute_and_those_come_first_that_tell_most() -> None:
    """Features 0 and 1 are noise, 2 tells the attribute, 3 what is to be kept, and 4 both."""
    generator = torch.Generator().manual_seed(0)
    private = torch.randint(0, 2, (2000,), generator=generator)
    wanted = torch.randn(2000, 1, generator=generator).double()
    seen = 0.1 * torch.randn(2000, 5, generator=generator).double()
    seen[:, 2] += private
    seen[:, 3] += wanted[:, 0]
    seen[:, 4] += private + wanted[:, 0]
    one_hot = torch.nn.functional.one_hot(private, 2).double()
    directions = disentangled(seen, one_hot, [Kept(wanted, 1.0, 1.0)])
    assert directions.shape == (4, 5), "one direction tells of two classes"
    assert torch.allclose(directions @ directions.T, torch.eye(4, dtype=torch.float64), atol=1e-9)
    released = (seen - seen.mean(0)) @ directions.T
    assert (released.T @ (one_hot - one_hot.mean(0)) / 2000).abs().max() < 1e-9
    told = (released.T @ (wanted - wanted.mean(0)) / 2000).square().sum(1)
    assert told[0] > 0.5
    assert told[1:].max() < 1e-9, "all of one variable is told by one function"


def test_a_step_releases_what_has_no_covariance_with_the_class(people: Any) -> None:
    train = people(100, 1)
    with seeded(Context(), "step"):
        step = Step(16, 8, 64)
        inputs, one_hot = torch.from_numpy(train.embedding), torch.nn.functional.one_hot(torch.from_numpy(train.labels))
        with torch.no_grad():
            step.disentangle(inputs, one_hot.float(), [Kept(inputs, 1.0, 1.0)])
            projected = step.projection(step.fourier(step.perceptron(inputs)))
    assert projected.shape == (300, 8)
    means = [projected[one_hot[:, code] == 1].mean(0) for code in (0, 1)]
    assert (means[0] - means[1]).abs().max() < 1e-5 * projected.std()
    assert projected.mean(0).abs().max() < 1e-9
    assert torch.allclose(step(inputs).norm(dim=1), torch.ones(300), atol=1e-5)


def test_dependence_of_one_pair_of_features_is_the_size_of_their_covariance() -> None:
    left = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    assert float(dependence(left, -2 * left)) == pytest.approx(2 * 3.5)
    assert float(dependence(left, torch.ones(4, 3))) == pytest.approx(0, abs=1e-6)
