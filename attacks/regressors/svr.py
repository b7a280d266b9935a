"""Support vector regression with a Gaussian kernel (Drucker et al., 1996), six settings.

Its cost is quadratic in the images, so that support vectors are sought among at most 4,000 of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from aiakit.contracts import Context, RegressorData
from aiakit.plugins.bases.regressors import Estimate, GridRegressor

MOST = 4_000  # images that the support vectors are sought among


class SupportVectorRegressor(GridRegressor):
    """A smooth function of the points."""

    summary = "support vector regression with a Gaussian kernel"

    def learns_from(self, rows: int) -> int:
        """At most ``MOST``."""
        return min(rows, MOST)

    def candidates(self, train: RegressorData, val: RegressorData, ctx: Context) -> Iterator[tuple[str, Estimate]]:
        """One a width and cost."""
        from sklearn.svm import SVR

        some = ctx.rng("svr").permutation(len(train))[:MOST]
        points, values, weights = (part[some] for part in (train.points, train.values, train.weights))
        for width in (0.25, 1.0):
            for cost in (0.3, 1.0, 10.0):
                fitted = SVR(C=cost, gamma=width / points.shape[1]).fit(points, values, weights)
                yield f"C {cost:g}, width {width:g}", fitted.predict
