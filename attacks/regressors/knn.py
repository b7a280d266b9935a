"""The mean of the k nearest neighbours, by their distance. It takes no weights."""

from __future__ import annotations

from collections.abc import Iterator

from aiakit.contracts import Context, RegressorData
from aiakit.plugins.bases.regressors import Estimate, GridRegressor

NEIGHBOURS = (5, 15, 40, 100)


class NeighboursRegressor(GridRegressor):
    """What the nearest images say."""

    summary = "mean of the k nearest, four k"

    def candidates(self, train: RegressorData, val: RegressorData, ctx: Context) -> Iterator[tuple[str, Estimate]]:
        """One a number of neighbours."""
        from sklearn.neighbors import KNeighborsRegressor

        for count in NEIGHBOURS:
            if count <= len(train):
                fitted = KNeighborsRegressor(count, weights="distance").fit(train.points, train.values)
                yield f"{count} neighbours", fitted.predict
