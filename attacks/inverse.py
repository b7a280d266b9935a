"""Undo what can be undone of a defense, then attack."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from aiakit.attacks.mlp import MultiLayerPerceptron
from aiakit.attacks.svm import SVM
from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.measures.metrics import log_proba


class Inverse(Attack):
    """An SVM and a perceptron on what the last step of a defense was given, computed back from what it released.

    The parameters of a defense are public (Kerckhoffs): a step that has an inverse hides nothing, however little can be
    read behind it from few people. Both are trained on the inverted release; their log-probabilities are averaged.
    """

    view = "inverted"
    knowledge = "adaptive"
    presets = ("strong",)
    summary = "inverts the last step of a defense by its parameters, then an SVM and an MLP together"

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self._members = [member.fit(train, val, ctx) for member in (SVM(), MultiLayerPerceptron())]
        return self

    def predict_log_proba(self, release: Release) -> NDArray[Any]:
        """(N, K) mean logarithms of the two."""
        return np.asarray(np.mean([_logs(member, release) for member in self._members], axis=0))

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return np.asarray(softmax(self.predict_log_proba(release), axis=1))


def _logs(member: Attack, release: Release) -> NDArray[Any]:
    logs = member.predict_log_proba(release)
    return log_proba(member.predict_proba(release)) if logs is None else log_softmax(logs, axis=1)
