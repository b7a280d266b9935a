"""The other attacks together."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import softmax

from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.plugins.bases import embedding, temperature


class Stack(Attack):
    """An average of the other attacks, chosen one by one (ensemble selection, Caruana et al., ICML 2004).

    Log-probabilities of each are brought to one scale on attacker-val. Then the attack joins whose average with those
    that have joined has the least log-loss on attacker-val, the same again if need be, ``rounds`` times. Weights are
    shares of at least nothing, and an attack that adds nothing gets none: the average is hardly below its best member.
    It is fitted on attacker-val only: on attacker-train the others would be judged by what they memorised. Its own
    figure on attacker-val is made out of fold by person, so that it competes with the others on equal terms.
    """

    combines = True
    presets = ("strong",)
    summary = "an average of the other attacks, chosen one by one on attacker-val (ensemble selection)"

    def __init__(self, rounds: Annotated[int, Field(ge=1)] = 20) -> None:
        self.rounds = rounds

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self._classes = len(train.classes)
        if len(np.unique(train.labels)) < 2:
            raise ValueError("a stack needs more than one class to learn from")
        each = self._each(train.release)
        self._factors = np.array([temperature(logits, train) for logits in each])
        logits = np.ascontiguousarray((each * self._factors[:, None, None]).transpose(0, 2, 1))  # (A, K, N)
        weights = train.weights / len(train)
        truth = logits[:, train.labels, np.arange(len(train))] @ weights  # (A,) mean logit of the true class
        joined, total = np.zeros(len(each)), np.zeros(logits.shape[1:])

        def loss(other: int, size: int) -> float:
            """The mean log-loss, log Σₖ exp(zₖ) − z of the true class, once another has joined."""
            log_sum = np.logaddexp.reduce((total + logits[other]) / size, axis=0)
            return float(log_sum @ weights - (joined @ truth + truth[other]) / size)

        for size in range(1, self.rounds + 1):
            best = min(range(len(each)), key=lambda other: loss(other, size))
            joined[best] += 1
            total += logits[best]
        self._shares = joined / self.rounds
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        weights = (self._shares * self._factors)[:, None, None]
        return np.asarray(softmax((weights * self._each(release)).sum(axis=0), axis=1))

    def _each(self, release: Release) -> NDArray[np.float64]:
        """(A, N, K) centred log-probabilities of the attacks."""
        logs = embedding(release).astype(np.float64)
        logs = logs.reshape(len(logs), logs.shape[1] // self._classes, self._classes)
        return np.asarray((logs - logs.mean(axis=2, keepdims=True)).transpose(1, 0, 2))
