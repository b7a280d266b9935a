"""A regressor that tries several settings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, Points, Regressor, RegressorData

Estimate = Callable[[Points], NDArray[Any]]


class GridRegressor(Regressor):
    """Fits every candidate on attacker-train and keeps the one with the least squared error on attacker-val.

    A whole regressor::

        class Penalties(GridRegressor):
            summary = "ridge regression, two penalties"

            def candidates(self, train, val, ctx):
                for alpha in (0.1, 10.0):
                    yield f"alpha {alpha:g}", Ridge(alpha).fit(train.points, train.values, train.weights).predict
    """

    @abstractmethod
    def candidates(self, train: RegressorData, val: RegressorData, ctx: Context) -> Iterator[tuple[str, Estimate]]:
        """The name of each setting, and what estimates with it, fitted on ``train``; the first wins ties."""

    def fit(self, train: RegressorData, val: RegressorData, ctx: Context) -> Self:
        """Learn from ``train``, choose on ``val``."""
        self.setting, error = "the mean", np.inf
        self._estimate: Estimate = _the_mean
        for setting, estimate in self.candidates(train, val, ctx):
            reached = float(np.average((estimate(val.points) - val.values) ** 2, weights=val.weights))
            if reached < error:
                self.setting, self._estimate, error = setting, estimate, reached
        return self

    def predict(self, points: Points) -> NDArray[Any]:
        """(N,) standardised numbers."""
        return self._estimate(points)


def _the_mean(points: Points) -> NDArray[Any]:
    return np.zeros(len(points))
