"""Attacks that search a huge family of features for the few that tell the classes apart.

Searching thousands of features finds some by luck, so people are halved: one half proposes, the other confirms, and
only confirmed features reach the classifier. Nothing confirmed means an answer of 1/K for everybody.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from aiakit.contracts import Attack, Context, LabelledRelease, Release, batches
from aiakit.plugins.bases import all_classes, mean_auc, sample_rows

Matrix = NDArray[np.float32]

CHUNK = 20_000  # rows expanded at a time
SURE = 4.0  # standard errors: 400 proposals of pure noise confirm one in 40 runs
SIZES = (1, 4, 16, 64)  # how many of the confirmed features the classifier is given: attacker-val decides
ROWS = 20_000  # most rows searched: an association invisible in as many is too weak to matter


def targets(labels: NDArray[np.int64], classes: int) -> Matrix:
    """(N, K), or (N, 1) where K = 2: the centred indicator of each class."""
    indicators = np.eye(classes, dtype=np.float32)[labels]
    indicators -= indicators.mean(axis=0)
    return np.ascontiguousarray(indicators[:, 1:] if classes == 2 else indicators)


def association(features: Matrix, goal: Matrix) -> NDArray[np.float64]:
    """(F,): the largest |correlation|·√N of each feature with any target, about standard normal where there is none."""
    features = features - features.mean(axis=0)
    norms = np.sqrt((features**2).sum(axis=0))[:, None] * np.sqrt((goal**2).sum(axis=0)) / np.sqrt(len(goal))
    return np.asarray(abs(np.divide(features.T @ goal, norms, out=np.zeros_like(norms), where=norms > 0)).max(axis=1))


class Screened(Attack):
    """Propose on one half of attacker-train's people, confirm on the other, classify, size the model on attacker-val.

    A subclass proposes the features and computes them.
    """

    @abstractmethod
    def propose(self, release: Release, goal: Matrix, ctx: Context) -> NDArray[Any]:
        """A structured array of features worth confirming, found in N samples and their ``targets``."""

    @abstractmethod
    def expand(self, release: Release, found: NDArray[Any]) -> Matrix:
        """(N, len(found)): the features of these samples."""

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Search ``train``, size the classifier on ``val``."""
        self._classes, self._threads = len(train.classes), ctx.threads
        with threadpool_limits(ctx.threads):
            found = self._confirmed(train[sample_rows(len(train), ROWS, ctx.rng("rows"))], ctx)
            self._found, best = found[:0], 0.5
            for size in sorted({min(size, len(found)) for size in SIZES} - {0}):
                model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=500))
                model.fit(self._features(train.release, found[:size]), train.labels)
                score = mean_auc(self._scores(model, val.release, found[:size]), val)
                if score > best:
                    best, self._found, self.model_ = score, found[:size], model
        return self

    def approximation(self, rows: int) -> str | None:
        """A search in a sample."""
        return f"features sought in {ROWS:,}" if rows > ROWS else None

    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K) class probabilities under equal priors."""
        if not len(self._found):
            return np.full((len(release), self._classes), 1 / self._classes)
        with threadpool_limits(self._threads):
            return self._scores(self.model_, release, self._found)

    def _confirmed(self, train: LabelledRelease, ctx: Context) -> NDArray[Any]:
        people = np.unique(train.identity)
        first = np.isin(train.identity, ctx.rng("halves").permutation(people)[: len(people) // 2])
        goal = targets(train.labels, self._classes)
        found = self.propose(train.release[first], goal[first], ctx)
        strength = association(self.expand(train.release[~first], found), goal[~first])
        order = np.argsort(-strength, kind="stable")
        return found[order[strength[order] > SURE]]

    def _features(self, release: Release, found: NDArray[Any]) -> Matrix:
        return np.concatenate([self.expand(release[rows], found) for rows in batches(len(release), CHUNK)])

    def _scores(self, model: Any, release: Release, found: NDArray[Any]) -> NDArray[np.float64]:
        if not len(release):
            return np.zeros((0, self._classes))
        return all_classes(model.predict_proba(self._features(release, found)), model.classes_, self._classes)
