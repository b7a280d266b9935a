"""An attack: each class is a Gaussian of its own, coordinate by coordinate."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aiakit.contracts import Attack, Context, LabelledRelease, Release


class Spread(Attack):
    """Gaussian naive Bayes: reads different means, and also different variances, which no linear attack sees.

    floor : the least variance of a standardised coordinate.
    """

    view = "embedding"
    presets = ("fast",)
    summary = "Gaussian naive Bayes: means and variances of each coordinate"

    def __init__(self, floor: Annotated[float, Field(gt=0)] = 1e-2) -> None:
        self.floor = floor

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        embedding = train.release.embedding.astype(np.float64)
        self._centre, self._scale = embedding.mean(axis=0), embedding.std(axis=0) + 1e-9
        scaled = (embedding - self._centre) / self._scale
        classes, dims = len(train.classes), scaled.shape[1]
        self._mean, self._variance = np.zeros((classes, dims)), np.ones((classes, dims))
        self._seen = np.isin(np.arange(classes), train.labels)
        for k in np.flatnonzero(self._seen):
            rows = scaled[train.labels == k]
            self._mean[k], self._variance[k] = rows.mean(axis=0), rows.var(axis=0) + self.floor
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        scaled = (release.embedding - self._centre) / self._scale
        distance = np.square(scaled[:, None] - self._mean) / self._variance + np.log(self._variance)
        logits = np.where(self._seen, -distance.sum(axis=2) / 2, -np.inf)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)
