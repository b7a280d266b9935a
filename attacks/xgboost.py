"""Gradient-boosted trees (Chen & Guestrin, KDD 2016) on raw and on PCA-rotated inputs."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
import xgboost
from numpy.typing import NDArray
from pydantic import Field
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from aiakit.contracts import Attack, Context, FloatArray, LabelledRelease, Release
from aiakit.plugins.bases import embedding, mean_auc, sklearn_seed

COMPONENTS = 256  # principal components kept: all of them in most embeddings, a bound for very wide ones


class XGBoost(Attack):
    """Boosted trees that stop early on attacker-val.

    Trees split along axes, so the same trees on principal components see what is spread over many coordinates. The two
    boosters and their average are compared on attacker-val and the best is kept. Cost is linear in N·D·trees.
    """

    presets = ("fast", "strong")
    summary = "gradient-boosted trees on raw and PCA-rotated inputs, early stop on attacker-val"

    def __init__(
        self,
        trees: Annotated[int, Field(ge=1)] = 400,
        depth: Annotated[int, Field(ge=1, le=16)] = 5,
        rate: Annotated[float, Field(gt=0, le=1)] = 0.1,
        patience: Annotated[int, Field(ge=1)] = 30,
        bins: Annotated[int, Field(ge=2)] = 256,
    ) -> None:
        self.trees = trees
        self.depth = depth
        self.rate = rate
        self.patience = patience
        self.bins = bins

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Boost on ``train``, stop and choose the inputs on ``val``."""
        self._classes, self._threads = len(train.classes), ctx.threads
        with threadpool_limits(ctx.threads), np.errstate(invalid="ignore"):  # 0/0 where every column is constant
            raw = embedding(train.release)
            self._pca = PCA(min(*raw.shape, COMPONENTS), random_state=sklearn_seed(ctx, "pca")).fit(raw)
        self._boosters = [self._boost(train, val, rotated, ctx) for rotated in ctx.track((False, True), "XGBoost")]
        choices = ([1.0, 0.0], [0.0, 1.0], [0.5, 0.5])
        scores = self._each(val.release)
        self._mix = max(choices, key=lambda mix: mean_auc(np.tensordot(mix, scores, 1), val))
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K) class probabilities under equal priors."""
        if not len(release):
            return np.zeros((0, self._classes))
        return np.tensordot(self._mix, self._each(release), 1)

    def _boost(self, train: LabelledRelease, val: LabelledRelease, rotated: bool, ctx: Context) -> xgboost.Booster:
        binary = self._classes == 2
        settings = {
            "objective": "binary:logistic" if binary else "multi:softprob",
            "eval_metric": "logloss" if binary else "mlogloss",
            "tree_method": "hist",
            "max_depth": self.depth,
            "eta": self.rate,
            "max_bin": self.bins,
            "subsample": 0.8,
            "colsample_bytree": 0.5,
            "min_child_weight": 5,
            "nthread": ctx.threads,
            "seed": sklearn_seed(ctx, "boost", int(rotated)),
        } | ({} if binary else {"num_class": self._classes})
        learn = xgboost.QuantileDMatrix(
            self._inputs(train.release, rotated),
            train.labels,
            weight=train.weights,
            max_bin=self.bins,
            nthread=ctx.threads,
        )
        watch = xgboost.QuantileDMatrix(
            self._inputs(val.release, rotated), val.labels, weight=val.weights, ref=learn, nthread=ctx.threads
        )
        booster = xgboost.train(
            settings, learn, self.trees, evals=[(watch, "val")], early_stopping_rounds=self.patience, verbose_eval=False
        )
        return booster[: booster.best_iteration + 1]

    def _inputs(self, release: Release, rotated: bool) -> FloatArray:
        """Standardising would change nothing here: trees do not see the scale of a coordinate."""
        raw = embedding(release)
        if not rotated:
            return raw
        with threadpool_limits(self._threads):
            return np.asarray(self._pca.transform(raw), dtype=np.float32)

    def _each(self, release: Release) -> NDArray[np.float64]:
        """(2, N, K): what the two boosters say."""
        answers = []
        for booster, rotated in zip(self._boosters, (False, True), strict=True):
            booster.set_param({"nthread": self._threads})
            proba = booster.inplace_predict(self._inputs(release, rotated)).astype(np.float64)
            answers.append(np.column_stack([1 - proba, proba]) if self._classes == 2 else proba)
        return np.stack(answers)
