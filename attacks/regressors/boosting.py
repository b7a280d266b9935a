"""Gradient boosting of trees (Friedman, 2001; XGBoost), two depths, as many trees as attacker-val asks for."""

from __future__ import annotations

from collections.abc import Iterator

from aiakit.contracts import Context, RegressorData
from aiakit.plugins.bases.regressors import Estimate, GridRegressor

TREES, ROUNDS = 500, 25


class BoostingRegressor(GridRegressor):
    """Sums of small trees."""

    summary = "gradient boosting of trees (XGBoost)"

    def candidates(self, train: RegressorData, val: RegressorData, ctx: Context) -> Iterator[tuple[str, Estimate]]:
        """One a depth."""
        from xgboost import XGBRegressor

        for depth in (2, 4):
            fitted = XGBRegressor(
                n_estimators=TREES, max_depth=depth, learning_rate=0.05, subsample=0.8, colsample_bytree=0.5,
                early_stopping_rounds=ROUNDS, tree_method="hist", n_jobs=ctx.threads,
                random_state=ctx.seed_for("boosting") % 2**31,
            )  # fmt: skip
            fitted.fit(
                train.points, train.values, sample_weight=train.weights, verbose=False,
                eval_set=[(val.points, val.values)], sample_weight_eval_set=[val.weights],
            )  # fmt: skip
            yield f"depth {depth}", fitted.predict
