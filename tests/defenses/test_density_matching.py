"""What is left is a subspace in which the classes lie alike, also where they differ in spread alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from aiakit.contracts import Context, Embeddings
from aiakit.defenses.density_matching import WIDTHS, discrepancy
from aiakit.errors import InputError
from aiakit.plugins import registry


def subspace(defense: Any, of: Embeddings) -> Any:
    """The coordinates in what is left, in which attackers whose covariances must be regular can look."""
    values, vectors = np.linalg.eigh(defense.matrix_.astype(np.float64))
    return of.embedding @ vectors[:, values > 0.5]


def test_what_differs_in_spread_alone_is_erased_where_a_linear_eraser_leaves_it(
    people: Callable[..., Embeddings], fitted: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(800, 1), people(800, 2)
    read = {}
    for name, options in (("density-matching", {"rank": 14, "rate": 0.01, "steps": 300}), ("leace", {})):
        eraser = fitted(name, train, **options)
        read[name] = accuracy(
            QuadraticDiscriminantAnalysis(reg_param=0.01),
            subspace(eraser, train), train.labels, subspace(eraser, test), test.labels,
        )  # fmt: skip
    assert read["density-matching"] < 0.55
    assert read["leace"] > 0.7


def test_the_release_is_an_orthogonal_projection_of_the_given_rank(
    people: Callable[..., Embeddings], fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train = people(60, 1, classes=3)
    for rank, options in ((5, {"rank": 5}), (8, {})):
        defense = fitted("density-matching", train, steps=4, **options)
        matrix = defense.matrix_.astype(np.float64)
        assert np.allclose(matrix, matrix.T, atol=1e-6)
        assert np.allclose(matrix @ matrix, matrix, atol=1e-5)
        assert np.trace(matrix) == pytest.approx(rank, abs=1e-4)
        assert np.allclose(released(defense, train).mean(0), train.embedding.mean(0), atol=1e-4)


def test_half_the_squared_discrepancy_of_two_classes() -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.standard_normal((40, 3)), np.arange(40) % 2
    weights = rng.uniform(0.5, 2.0, 40)
    distances = ((rows[:, None] - rows[None]) ** 2).sum(-1)
    median = float(torch.from_numpy(distances).median())
    kernel = sum(np.exp(-distances / (2 * width**2 * median)) for width in WIDTHS) / len(WIDTHS)
    one, other = (weights * (labels == k) / weights[labels == k].sum() for k in (0, 1))
    known = one @ kernel @ one + other @ kernel @ other - 2 * one @ kernel @ other
    shares = torch.from_numpy(np.eye(3)[labels] * weights[:, None])  # of a third class there is nobody
    assert float(discrepancy(torch.from_numpy(rows), shares)) == pytest.approx(known / 2, rel=1e-6)


def test_of_the_same_points_there_is_none() -> None:
    rows = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)).repeat(2, 1)
    shares = torch.eye(2).repeat_interleave(30, dim=0)
    assert float(discrepancy(rows, shares)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("rank", [16, 17])
def test_a_rank_that_takes_nothing_away_is_refused(people: Callable[..., Embeddings], rank: int) -> None:
    train = people(20, 1)
    with pytest.raises(
        InputError, match=f"density-matching.rank must be below the embedding's 16 dimensions, got {rank}"
    ):
        registry.make("defense", "density-matching", {"rank": rank}).fit(train, train, Context())
