"""The minimax game removes the direction of the means, and no more than it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from aiakit.contracts import Context, Embeddings
from aiakit.defenses.r_lace import fantope
from aiakit.errors import InputError
from aiakit.plugins import registry

LINEAR = LogisticRegression(max_iter=1000)


def papers(count: int, seed: int, dims: int = 40) -> Embeddings:
    """The example of the authors' code: six variables tell the class, mixed with those that do not."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    x = rng.standard_normal((count, dims))
    spread = (0.3, 0.1, 0.3, 0.5, 0.5, 0.25)
    slope = (0.3, -0.7, 0.5, -0.7, -0.8, -0.2)
    noise = (0.0, 0.0, 0.2, 0.1, 0.1, 0.1)
    for place, (wide, tilt, more) in enumerate(zip(spread, slope, noise, strict=True)):
        bent = (labels + wide * rng.standard_normal(count)) ** 2
        x[:, place] = bent + tilt * labels + more * rng.standard_normal(count)
    mixed = x @ np.random.default_rng(99).standard_normal((dims, dims))
    return Embeddings(mixed.astype(np.float32), labels, np.arange(count), ("a", "b"))


def test_one_direction_is_enough_on_the_papers_example_where_inlp_needs_several(
    fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, val, test = (papers(4000, seed) for seed in (1, 2, 3))
    assert accuracy(LINEAR, train.embedding, train.labels, test.embedding, test.labels) > 0.95
    read = {}
    for name, options in (("r-lace", {"rank": 1}), ("inlp", {"iterations": 1})):
        eraser = fitted(name, train, val, **options)
        read[name] = accuracy(LINEAR, released(eraser, train), train.labels, released(eraser, test), test.labels)
    assert read["r-lace"] < 0.55
    assert read["inlp"] > 0.75


def test_of_two_classes_it_finds_the_difference_of_the_means(fitted: Callable[..., Any]) -> None:
    train = papers(4000, 1)
    eraser = fitted("r-lace", train)
    removed = np.eye(40) - eraser.matrix_.astype(np.float64)
    assert np.allclose(removed, removed.T, atol=1e-6)
    assert np.allclose(removed @ removed, removed, atol=1e-5)
    assert np.trace(removed) == pytest.approx(1, abs=1e-4)
    means = [train.embedding[train.labels == k].mean(0, dtype=np.float64) for k in (0, 1)]
    direction = (means[1] - means[0]) / np.linalg.norm(means[1] - means[0])
    assert direction @ removed @ direction > 0.98


def test_of_three_classes_it_removes_two_dimensions(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(600, 1, classes=3, stretch=1.0), people(600, 2, classes=3, stretch=1.0)
    eraser = fitted("r-lace", train, test)
    assert np.trace(eraser.matrix_) == pytest.approx(14, abs=1e-4)
    assert accuracy(LINEAR, train.embedding, train.labels, test.embedding, test.labels) > 0.8
    assert accuracy(LINEAR, released(eraser, train), train.labels, released(eraser, test), test.labels) < 0.42


@pytest.mark.parametrize(
    ("values", "rank", "nearest"),
    [
        ((3.0, 0.5, 0.2), 1, (1.0, 0.0, 0.0)),
        ((0.6, 0.6, 0.0), 1, (0.5, 0.5, 0.0)),
        ((0.0, 0.0, 0.0, 0.0), 2, (0.5, 0.5, 0.5, 0.5)),
        ((1.0, 1.0, 0.0), 2, (1.0, 1.0, 0.0)),
        ((-2.0, -2.3, -9.0), 1, (0.65, 0.35, 0.0)),
    ],
)
def test_the_nearest_matrix_of_the_fantope(values: tuple[float, ...], rank: int, nearest: tuple[float, ...]) -> None:
    turned = np.linalg.qr(np.random.default_rng(0).standard_normal((len(values),) * 2))[0]
    found = fantope(turned @ np.diag(values) @ turned.T, rank)
    assert np.allclose(found, turned @ np.diag(nearest) @ turned.T, atol=1e-9)


def test_a_rank_that_leaves_nothing_is_refused(people: Any) -> None:
    train = people(20, 1)
    with pytest.raises(InputError, match="below the embedding's 16 dimensions, got 16"):
        registry.make("defense", "r-lace", {"rank": 16}).fit(train, train, Context())
