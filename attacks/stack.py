"""The other attacks together."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.plugins.bases import all_classes, embedding


class Stack(Attack):
    """Logistic regression on the log-probabilities of all other attacks (stacked generalisation, Wolpert 1992).

    It is fitted on attacker-val only: on attacker-train the others would be judged by what they memorised. Its own
    figure on attacker-val is made out of fold by person, so that it competes with the others on equal terms.
    """

    combines = True
    presets = ("strong",)
    summary = "logistic regression on the log-probabilities of the other attacks, fitted on attacker-val"

    def __init__(self, strength: float = 0.01) -> None:
        self.strength = strength

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self._classes = len(train.classes)
        if len(np.unique(train.labels)) < 2:
            raise ValueError("a stack needs more than one class to learn from")
        scores = embedding(train.release)
        self._scaler = StandardScaler().fit(scores)
        self._model = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=1000)
        self._model.fit(self._scaler.transform(scores), train.labels)
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        proba = self._model.predict_proba(self._scaler.transform(embedding(release)))
        return all_classes(proba, self._model.classes_, self._classes)
