"""The fair tree splits what tells people apart rather than their class, and releases few values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._fair_tree import grow
from aiakit.errors import InputError
from aiakit.measures.certificate import certificate, values_of
from aiakit.plugins import registry


def weighted(labels: Any, classes: int) -> np.ndarray:
    return np.eye(classes)[labels] / len(labels)


def unfair(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two features of a task: the first tells it better, and the attribute with it; the second tells no attribute."""
    rng = np.random.default_rng(seed)
    task, private = rng.integers(0, 2, count), rng.integers(0, 2, count)
    alike = task == private
    features = np.stack([task + private + 0.01 * alike, task + rng.normal(0, 0.7, count)], axis=1)
    return features + rng.normal(0, 0.1, features.shape), task, private


def test_the_trade_off_decides_which_feature_is_split_first() -> None:
    places, task, private = unfair(4000, 0)
    blind = grow(places, weighted(task, 2), weighted(private, 2), 2, 0.05, 0.0)
    fair = grow(places, weighted(task, 2), weighted(private, 2), 2, 0.05, 0.7)
    assert blind.features.tolist() == [0]
    assert fair.features.tolist() == [1]
    told = np.array([np.mean(private[fair.cells(places) == cell]) for cell in (0, 1)])
    assert np.abs(told - 0.5).max() < 0.05


@pytest.mark.parametrize(("trade_off", "cells"), [(0.0, 4), (0.4, 4), (0.6, 2)])
def test_a_split_is_made_while_the_task_gains_more_than_the_attribute(trade_off: float, cells: int) -> None:
    """Four places: between the halves only the task changes, within each the task and the attribute, by hand.

    Halving lowers Gini(y) from ¾ to ½ and Gini(s) not at all. Within a half of weight ½ a split lowers both from ½
    to 0, which is (1 − γ)/4 − γ/4 > 0 where γ < ½.
    """
    place = np.repeat(np.arange(4.0), 10)
    task, private = place.astype(int), place.astype(int) % 2
    tree = grow(place[:, None], weighted(task, 4), weighted(private, 2), 8, 0.0, trade_off)
    assert len(tree.paths) == cells
    assert 1.5 in tree.thresholds


def test_a_cell_has_so_many_people_and_a_tree_so_many_cells() -> None:
    places = np.random.default_rng(1).standard_normal((500, 3))
    task = weighted(np.random.default_rng(2).integers(0, 5, 500), 5)
    private = weighted(np.arange(500) % 2, 2)
    for cells, least in ((6, 0.01), (200, 0.05)):
        tree = grow(places, task, private, cells, least, 0.0)
        counts = np.bincount(tree.cells(places), minlength=len(tree.paths))
        assert len(tree.paths) <= cells
        assert counts.min() >= 500 * least
    assert len(grow(places, task, private, 6, 0.01, 0.0).paths) == 6
    assert 10 <= len(tree.paths) <= 20, "cells of a twentieth at least"


def test_cells_are_those_of_the_splits() -> None:
    places, task, private = unfair(1000, 3)
    tree = grow(places, weighted(task, 2), weighted(private, 2), 7, 0.02, 0.3)
    for row, cell in zip(places[:100], tree.cells(places[:100]), strict=True):
        for feature, threshold, side in zip(tree.features, tree.thresholds, tree.paths[cell], strict=True):
            assert side == 0 or (row[feature] <= threshold) == (side > 0)


def test_a_greater_trade_off_is_certified_to_leak_less(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train, test = people(500, 1, stretch=1.0), people(500, 2, stretch=1.0)
    bounds = []
    for trade_off in (0.0, 0.5, 0.9):
        defense = fitted("fare", train, cells=16, trade_off=trade_off, latent=16)
        z = released(defense, test)
        cells = values_of(z)
        assert cells is not None
        assert 2 <= cells.max() + 1 <= 16
        found = certificate(cells, test.labels, test.identity, 2)
        assert found is not None
        bounds.append(found.plug_in)
    assert bounds[0] > bounds[1] > bounds[2] - 0.02
    assert bounds[0] > bounds[2] + 0.05


def test_people_fall_into_one_cell_more_often_than_by_chance(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train, test = people(500, 1, stretch=1.0), people(500, 2, stretch=1.0)
    cells = values_of(released(fitted("fare", train, cells=16, latent=16), test))
    assert cells is not None
    first, second = cells.reshape(-1, 3)[:, 0], cells.reshape(-1, 3)[:, 1]
    assert np.mean(first == second) > 3 * np.mean(first == np.roll(second, 1))


def test_it_releases_medians_of_cells(people: Any, fitted: Callable[..., Any], released: Callable[..., Any]) -> None:
    train = people(200, 1)
    z = released(fitted("fare", train, cells=5, latent=8), train)
    for value in np.unique(z, axis=0):
        inside = train.embedding[(z == value).all(axis=1)]
        assert np.allclose(np.median(inside, axis=0), value)


def test_it_needs_two_images_of_somebody(people: Any) -> None:
    made = people(40, 1)
    alone = Embeddings(made.embedding, made.labels, np.arange(len(made)), made.classes)
    with pytest.raises(InputError, match="fare needs people with two images"):
        registry.make("defense", "fare").fit(alone, alone, Context())
