"""Ridge regression (Hoerl and Kennard, 1970) of seven penalties. It reads what a linear score of the points tells."""

from __future__ import annotations

from collections.abc import Iterator

from aiakit.contracts import Context, RegressorData
from aiakit.plugins.bases.regressors import Estimate, GridRegressor

PENALTIES = tuple(10.0**power for power in range(-4, 3))  # for each image of mean weight


class RidgeRegressor(GridRegressor):
    """A linear score of the points."""

    summary = "ridge regression, seven penalties"

    def candidates(self, train: RegressorData, val: RegressorData, ctx: Context) -> Iterator[tuple[str, Estimate]]:
        """One a penalty."""
        from sklearn.linear_model import Ridge

        for penalty in PENALTIES:
            fitted = Ridge(alpha=penalty * len(train)).fit(train.points, train.values, train.weights)
            yield f"penalty {penalty:g}", fitted.predict
