"""What the classical attacks share: standardised inputs, a grid judged on attacker-val, K columns out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from aiakit.contracts import Attack, Context, FloatArray, LabelledRelease, Release, batches

CHUNK = 20_000  # rows scored at a time: bounds the memory of kernel features and neighbour distances …
VALUES = 2**24  # … and values, where rows are long


def embedding(release: Release) -> FloatArray:
    """float32 (N, D): the embedding that a harness hands to an attack with ``view = "embedding"``."""
    if release.embedding is None:
        raise ValueError("this attack reads embeddings and the release has none")
    return release.embedding


def mean_auc(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """Mean one-against-rest AUC over the classes that occur: how well (N, K) scores order a validation set.

    It needs no threshold and no calibration and weighs classes alike. Seen with 150 validation samples on LEACE-erased
    recogniser embeddings: a grid of QDAs judged by it scores .951 on test, by balanced accuracy .948, by log-loss .940
    (the best of the grid .956). Where only one class occurs nothing can be told apart and the answer is ½.
    """
    present = np.unique(labels)
    if len(present) < 2:
        return 0.5
    return float(np.mean([roc_auc_score(labels == k, scores[:, k]) for k in present]))


def temperature(margins: NDArray[Any], val: LabelledRelease) -> float:
    """The factor by which (N, K) margins become logits with the least balanced log-loss on ``val``."""
    rows = np.arange(len(val))

    def loss(log_factor: float) -> float:
        return -float(np.mean(val.weights * log_softmax(np.exp(log_factor) * margins, axis=1)[rows, val.labels]))

    return float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))


def sample_rows(count: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``most`` of ``count`` rows drawn without replacement, in their order; every row where there are no more."""
    return np.arange(count) if count <= most else np.sort(rng.choice(count, most, replace=False))


def subsample(evidence: LabelledRelease, most: int, ctx: Context, name: str) -> LabelledRelease:
    """At most so many samples of the evidence, the same ones under one context and name."""
    return evidence[sample_rows(len(evidence), most, ctx.rng(name))]


class Sampled(Attack):
    """An attack that learns from at most ``rows`` samples, its option."""

    rows: int

    def approximation(self, rows: int) -> str | None:
        """A sample."""
        return f"a sample of {self.rows:,}" if rows > self.rows else None


def in_chunks(predict: Callable[[Release], NDArray[Any]], release: Release, size: int = 2_048) -> NDArray[Any]:
    """(N, K) ``predict`` of a release, some rows at a time: what pictures are turned into may be larger than they."""
    parts = [predict(release[rows]) for rows in batches(len(release), size)]
    return np.concatenate(parts) if parts else predict(release)


def sklearn_seed(ctx: Context, *names: str | int) -> int:
    """The context's seed for a purpose, in scikit-learn's and xgboost's 31-bit range."""
    return ctx.seed_for(*names) % 2**31


class GridAttack(Attack):
    """Fits every candidate estimator on attacker-train and keeps the one that orders attacker-val best.

    A subclass says which estimators to try. Inputs are standardised on attacker-train (constant columns are left out).
    Candidates must balance the classes by themselves (``class_weight="balanced"``, equal priors). Those without
    ``predict_proba`` have their margins turned into probabilities by one factor fitted on attacker-val.
    With more rows than ``screen`` says the grid is compared on a sample of them, and only the winner sees all.
    """

    def screen(self, rows: int) -> int:
        """How many of ``rows`` samples the grid is compared on."""
        return min(rows, 20_000)

    @abstractmethod
    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """Unfitted scikit-learn classifiers of ``dims`` standardised inputs, the simplest first (it wins ties)."""

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Learn from ``train``, choose on ``val``."""
        self._classes, self._threads, self._factor = len(train.classes), ctx.threads, 1.0
        raw = embedding(train.release)
        varies = np.ptp(raw, axis=0) > 0
        self._columns = np.flatnonzero(varies) if varies.any() else np.arange(raw.shape[1])
        self._scaler = StandardScaler().fit(raw[:, self._columns])
        inputs = self._inputs(train.release)
        hopeless = len(np.unique(train.labels)) < 2 or not varies.any()
        grid = [DummyClassifier()] if hopeless else self.candidates(train, inputs.shape[1], ctx)
        rows = sample_rows(len(train), self.screen(len(train)), ctx.rng("screen"))
        best = -np.inf
        with threadpool_limits(ctx.threads):
            for model in ctx.track(grid, type(self).__name__):
                model.fit(inputs[rows], train.labels[rows])
                score = mean_auc(self._scores(model, val.release), val.labels) if len(grid) > 1 else 0.5
                if score > best:
                    best, self.model_ = score, model
            if len(rows) < len(train):
                self.model_ = clone(self.model_).fit(inputs, train.labels)
        if not hasattr(self.model_, "predict_proba"):
            self._factor = temperature(self._scores(self.model_, val.release), val)
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K) class probabilities under equal priors."""
        with threadpool_limits(self._threads):
            scores = self._scores(self.model_, release)
        return scores if hasattr(self.model_, "predict_proba") else softmax(self._factor * scores, axis=1)

    def _inputs(self, release: Release) -> FloatArray:
        return np.asarray(self._scaler.transform(embedding(release)[:, self._columns]), dtype=np.float32)

    def _scores(self, model: Any, release: Release) -> NDArray[np.float64]:
        """(N, K) probabilities or margins; a class that never occurred in training gets the least there is."""
        probabilistic = hasattr(model, "predict_proba")
        score = model.predict_proba if probabilistic else model.decision_function
        chunk = min(CHUNK, max(1, VALUES // len(self._columns)))
        parts = [score(self._inputs(release[rows])) for rows in batches(len(release), chunk)]
        seen = np.concatenate(parts) if parts else np.zeros((0, len(model.classes_)))
        if seen.ndim == 1:  # the margin of the second class against the first
            seen = np.column_stack([-seen, seen])
        return all_classes(seen, model.classes_, self._classes, least=0.0 if probabilistic else -1e3)


def reduction(train: LabelledRelease, dims: int, ctx: Context, most: int = 512) -> Any:
    """A pipeline step: principal components where ``dims`` exceeds ``most``, nothing otherwise."""
    if dims <= most:
        return "passthrough"
    return PCA(min(len(train), most), svd_solver="randomized", random_state=sklearn_seed(ctx, "reduction"))


def all_classes(proba: NDArray[Any], seen: NDArray[Any], classes: int, least: float = 0.0) -> NDArray[np.float64]:
    """(N, len(seen)) scores as (N, classes): a class that never occurred in training gets ``least``."""
    full = np.full((len(proba), classes), least)
    full[:, seen] = proba
    return full
