"""What the classical attacks share: standardised inputs, a grid judged on attacker-val, K columns out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from aiakit.contracts import Attack, Context, Evidence, FloatArray, Release, batches

CHUNK = 20_000  # rows scored at a time: bounds the memory of kernel features and neighbour distances


def embedding(release: Release) -> FloatArray:
    """float32 (N, D): the embedding that a harness hands to an attack with ``view = "embedding"``."""
    if release.embedding is None:
        raise ValueError("this attack reads embeddings and the release has none")
    return release.embedding


def separation(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """Mean one-against-rest AUC over the classes that occur: how well (N, K) scores order a validation set.

    It needs no threshold and no calibration, weighs classes alike, and is far less noisy on a few hundred people than
    balanced accuracy. Where only one class occurs nothing can be told apart and the answer is ½.
    """
    present = np.unique(labels)
    if len(present) < 2:
        return 0.5
    return float(np.mean([roc_auc_score(labels == k, scores[:, k]) for k in present]))


def spread(proba: NDArray[Any], seen: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """(N, len(seen)) probabilities as (N, classes): a class that never occurred in training gets zero."""
    full = np.zeros((len(proba), classes))
    full[:, seen] = proba
    return full


class GridAttack(Attack):
    """Fits every candidate estimator on attacker-train and keeps the one that orders attacker-val best.

    A subclass says which estimators to try. Inputs are standardised on attacker-train (a constant column becomes 0).
    Candidates must balance the classes by themselves (``class_weight="balanced"``, equal priors).
    """

    @abstractmethod
    def candidates(self, train: Evidence, ctx: Context) -> Iterable[Any]:
        """Unfitted scikit-learn classifiers with ``predict_proba``, cheapest or simplest first (it wins ties)."""

    def prepare(self, train: Evidence, ctx: Context) -> Evidence:
        """The part of attacker-train that is learned from: all of it unless the cost is not linear."""
        return train

    def fit(self, train: Evidence, val: Evidence, ctx: Context) -> Self:
        """Learn from ``train``, choose on ``val``."""
        train = self.prepare(train, ctx)
        self._classes, self._threads = len(train.classes), ctx.threads
        self._scaler = StandardScaler().fit(embedding(train.release))
        inputs = self._inputs(train.release)
        one_class = len(np.unique(train.labels)) < 2
        grid = [DummyClassifier()] if one_class else list(self.candidates(train, ctx))
        best = -np.inf
        for model in ctx.track(grid, type(self).__name__):
            with threadpool_limits(ctx.threads):
                model.fit(inputs, train.labels)
            score = separation(self._proba(model, val.release), val.labels) if len(grid) > 1 else 0.5
            if score > best:
                best, self.model_ = score, model
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K) class probabilities under equal priors."""
        return self._proba(self.model_, release)

    def _inputs(self, release: Release) -> FloatArray:
        return self._scaler.transform(embedding(release)).astype(np.float32, copy=False)

    def _proba(self, model: Any, release: Release) -> NDArray[np.float64]:
        with threadpool_limits(self._threads):
            parts = [model.predict_proba(self._inputs(release[rows])) for rows in batches(len(release), CHUNK)]
        return spread(np.concatenate(parts), model.classes_, self._classes) if parts else np.zeros((0, self._classes))


def sklearn_seed(ctx: Context, *names: str | int) -> int:
    """The context's seed for a purpose, in scikit-learn's and xgboost's 32-bit range."""
    return ctx.seed_for(*names) % 2**31
