"""Erasers that are a single projection: what each takes away, and what it is known to keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from aiakit.contracts import Context, Embeddings
from aiakit.defenses.splince import erasure
from aiakit.errors import InputError
from aiakit.plugins import registry

LINEAR = LogisticRegression(class_weight="balanced")
QUADRATIC = QuadraticDiscriminantAnalysis(reg_param=0.01)


def elongated(count: int, seed: int) -> Embeddings:
    """Two Gaussian classes of one covariance, longest where it hides most of the difference of their means."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    x = rng.standard_normal((count, 6))
    x[:, 0] += labels
    x[:, 1] += 2 * x[:, 0] + 2 * labels
    return Embeddings(x.astype(np.float32), labels, np.arange(count), ("a", "b"))


@pytest.mark.parametrize("classes", [2, 3])
def test_mean_projection_takes_the_differences_of_the_means_and_no_other_direction(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], classes: int
) -> None:
    train = people(120, 1, classes=classes)
    eraser = fitted("mean-projection", train)
    z = released(eraser, train)
    means = np.stack([z[train.labels == k].mean(0) for k in range(classes)])
    assert np.ptp(means, axis=0).max() < 1e-5
    matrix = eraser.matrix_.astype(np.float64)
    assert np.allclose(matrix, matrix.T, atol=1e-6)
    assert np.allclose(matrix @ matrix, matrix, atol=1e-6)
    assert np.trace(matrix) == pytest.approx(16 - (classes - 1), abs=1e-4)
    assert np.allclose(z.mean(0), train.embedding.mean(0), atol=1e-5)


def test_one_projection_of_the_means_does_what_one_of_a_classifiers_weights_does_not(
    fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    """The paper's argument against INLP: where covariance is not round, a classifier's direction is not the means'."""
    train, test = elongated(4000, 1), elongated(4000, 2)
    read = {}
    for name, options in (("mean-projection", {}), ("inlp", {"iterations": 1})):
        eraser = fitted(name, train, **options)
        z, z_test = released(eraser, train), released(eraser, test)
        read[name] = accuracy(LinearDiscriminantAnalysis(), z, train.labels, z_test, test.labels)
    assert read["mean-projection"] < 0.53
    assert read["inlp"] > 0.65


def test_mean_projection_leaves_what_differs_in_covariance(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(600, 1), people(600, 2)
    eraser = fitted("mean-projection", train)
    z, z_test = released(eraser, train), released(eraser, test)
    assert accuracy(LINEAR, z, train.labels, z, train.labels) < 0.52
    assert accuracy(QUADRATIC, z, train.labels, z_test, test.labels) > 0.7


def correlated(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in 5 dimensions, an attribute and a task that agree in nine cases of ten; all of mean 0."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 2, 3000)
    y = np.where(rng.random(3000) < 0.9, z, 1 - z)
    x = rng.standard_normal((3000, 5)) @ rng.standard_normal((5, 5))
    x[:, 0] += 2 * z
    x[:, 1] += 2 * y
    columns = (x, np.eye(2)[z], np.eye(2)[y])
    first, second, third = (each - each.mean(0) for each in columns)
    return first, second, third


def test_splinces_projection_has_no_covariance_with_the_attribute_and_the_same_with_the_task() -> None:
    x, z, y = correlated(0)
    matrix = erasure(x, z, y)
    assert np.abs((x @ matrix.T).T @ z).max() < 1e-8 * len(x)
    assert np.allclose((x @ matrix.T).T @ y, x.T @ y)
    assert np.allclose(matrix @ matrix, matrix)
    of_leace = erasure(x, z, np.zeros((len(x), 1)))  # a task that covaries with nothing
    assert np.linalg.norm((x @ of_leace.T).T @ y) < 0.9 * np.linalg.norm(x.T @ y), "LEACE takes of the task too"


def test_of_all_maps_that_do_both_splinces_moves_least() -> None:
    x, z, y = correlated(1)
    matrix = erasure(x, z, y)
    moved = np.square(x @ matrix.T - x).sum()
    covaries = np.hstack([(x.T @ z)[:, :1], (x.T @ y)[:, :1]])
    free = np.eye(5) - covaries @ np.linalg.pinv(covaries)  # what annihilates both covariances from the right
    rng = np.random.default_rng(2)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(20):
            other = matrix + size * rng.standard_normal((5, 5)) @ free
            assert np.allclose((x @ other.T).T @ z, 0, atol=1e-8 * len(x))
            assert np.allclose((x @ other.T).T @ y, x.T @ y)
            assert np.square(x @ other.T - x).sum() > moved


def test_splince_without_a_task_is_leace(people: Any, fitted: Callable[..., Any]) -> None:
    train = people(200, 3, classes=3)
    x = train.embedding.astype(np.float64)
    z = np.eye(3)[train.labels]
    matrix = erasure(x - x.mean(0), z - z.mean(0), np.zeros((len(x), 1)))
    assert np.allclose(matrix, fitted("leace", train, shrinkage=False).matrix_, atol=1e-4)


def test_splince_refuses_a_task_that_is_the_attribute() -> None:
    x, z, _ = correlated(3)
    with pytest.raises(InputError, match="covary with one direction"):
        erasure(x, z, z)


@pytest.mark.parametrize("classes", [2, 3])
def test_splince_keeps_where_people_lie_as_leace_does_not(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], classes: int
) -> None:
    train = people(240, 1, classes=classes, stretch=1.0)
    eraser = fitted("splince", train, directions=6)
    z = released(eraser, train).astype(np.float64)
    means = np.stack([z[train.labels == k].mean(0) for k in range(classes)])
    assert np.ptp(means, axis=0).max() < 1e-4
    x = train.embedding - train.embedding.mean(0)
    task = eraser._task(x.astype(np.float64), train, 6)
    assert task.std(0).min() > 0.3
    wanted = x.T @ task
    assert np.linalg.norm((z - z.mean(0)).T @ task - wanted) < 1e-5 * np.linalg.norm(wanted)
    of_leace = released(fitted("leace", train), train)
    assert np.linalg.norm((of_leace - of_leace.mean(0)).T @ task - wanted) > 1e-3 * np.linalg.norm(wanted)


def test_splince_needs_two_images_of_somebody_and_a_dimension_to_spare(people: Any) -> None:
    made = people(40, 1)
    alone = Embeddings(made.embedding, made.labels, np.arange(len(made)), made.classes)
    with pytest.raises(InputError, match="two images"):
        registry.make("defense", "splince").fit(alone, alone, Context())
    flat = Embeddings(made.embedding[:, :1], made.labels, made.identity, made.classes)
    with pytest.raises(InputError, match="dimensions"):
        registry.make("defense", "splince").fit(flat, flat, Context())
