"""A decision tree whose cells tell much of a task and little of an attribute."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray

Array = NDArray[np.float64]

SLACK = 1e-9  # of sums of weights


@dataclass(frozen=True)
class Tree:
    """Which cell a row lies in. Of M inner nodes and M + 1 cells:

    features, thresholds : (M,), a row goes to the left of a node where its feature is at most the threshold.
    paths : (M + 1, M), 1 where a cell lies to the left of a node, −1 to its right, 0 where the node is not above it.
    """

    features: IntArray
    thresholds: Array
    paths: Array

    def cells(self, places: Array) -> IntArray:
        """(N,) the cells of rows (N, F)."""
        return which_cell(places[:, self.features] <= self.thresholds, self.paths)


def which_cell(goes_left: NDArray[np.bool_], paths: NDArray[Any]) -> IntArray:
    """(N,) the one of the cells (C, M) whose path agrees with all decisions (N, M) above it."""
    agreed = np.where(goes_left, 1.0, -1.0) @ paths.T - np.abs(paths).sum(axis=1)
    return np.asarray(np.argmax(agreed, axis=1))


@dataclass(frozen=True)
class _Split:
    gain: float
    feature: int
    threshold: float


def grow(places: Array, task: Array, private: Array, cells: int, least: float, trade_off: float) -> Tree:
    """A tree that is grown best first by the fair Gini impurity (1 − γ)·Gini(task) + γ·(1 − 1/K − Gini(private)).

    places : (N, F), what is split. task : (N, T) and private : (N, K), each row's weight in the column of its class and
    0 elsewhere; either sums to 1. cells : at most so many. least : a cell's least weight in the task. trade_off : γ.
    No split is made that does not lower the impurity, so that there may be fewer cells, or one.
    """
    targets = np.hstack([task, private])
    split = task.shape[1]
    paths: list[dict[int, float]] = [{}]
    features: list[int] = []
    thresholds: list[float] = []
    waiting: list[tuple[float, int, NDArray[np.intp], _Split]] = []

    def consider(cell: int, rows: NDArray[np.intp]) -> None:
        found = _best_split(places[rows], targets[rows], split, least, trade_off)
        if found is not None:
            heapq.heappush(waiting, (-found.gain, cell, rows, found))

    consider(0, np.arange(len(places)))
    while waiting and len(paths) < cells:
        _, cell, rows, found = heapq.heappop(waiting)
        node = len(features)
        features.append(found.feature)
        thresholds.append(found.threshold)
        goes_left = places[rows, found.feature] <= found.threshold
        paths.append({**paths[cell], node: -1.0})
        paths[cell] = {**paths[cell], node: 1.0}
        consider(len(paths) - 1, rows[~goes_left])
        consider(cell, rows[goes_left])
    table = np.zeros((len(paths), len(features)))
    for cell, path in enumerate(paths):
        table[cell, list(path)] = list(path.values())
    return Tree(np.array(features, np.int64), np.array(thresholds, np.float64), table)


def _best_split(places: Array, targets: Array, split: int, least: float, trade_off: float) -> _Split | None:
    """The split of these rows that lowers the impurity most; None where none does."""
    whole = targets.sum(axis=0, keepdims=True)
    before = _purity(whole, split, trade_off)[0]
    best: _Split | None = None
    for feature in range(places.shape[1]):
        order = np.argsort(places[:, feature], kind="stable")
        values = places[order, feature]
        left = np.cumsum(targets[order], axis=0)[:-1]
        gains = _purity(left, split, trade_off) + _purity(whole - left, split, trade_off) - before
        weight, total = left[:, :split].sum(axis=1), whole[:, :split].sum()
        allowed = (values[1:] > values[:-1]) & (weight >= least - SLACK) & (total - weight >= least - SLACK)
        if not allowed.any():
            continue
        gains[~allowed] = -np.inf
        place = int(np.argmax(gains))
        if gains[place] > max(SLACK, best.gain if best else 0.0):
            middle = (values[place] + values[place + 1]) / 2
            threshold = middle if middle < values[place + 1] else values[place]  # of neighbours among floats
            best = _Split(float(gains[place]), feature, float(threshold))
    return best


def _purity(sums: Array, split: int, trade_off: float) -> Array:
    """What is subtracted from a node's impurity times its weight: (1 − γ)·Σ t²/Σt − γ·Σ p²/Σp, for rows of sums."""

    def squares(part: Array) -> Array:
        total = part.sum(axis=1)
        return np.asarray((part**2).sum(axis=1) / np.where(total > SLACK**2, total, np.inf))

    return (1 - trade_off) * squares(sums[:, :split]) - trade_off * squares(sums[:, split:])
