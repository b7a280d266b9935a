"""A grid of scikit-learn estimators on standardised inputs, judged on attacker-val, K columns out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from aiakit.contracts import Attack, Context, FloatArray, LabelledRelease, Release, batches
from aiakit.plugins.bases._samples import embedding, sample_rows, sklearn_seed
from aiakit.plugins.bases._scores import all_classes, mean_auc, temperature

CHUNK = 20_000  # rows scored at a time: bounds the memory of kernel features and neighbour distances …
VALUES = 2**24  # … and values, where rows are long


class GridAttack(Attack):
    """Fits every candidate estimator on attacker-train and keeps the one that orders attacker-val best.

    A subclass says which estimators to try. Inputs are standardised on attacker-train (constant columns are left out).
    Candidates must balance the classes by themselves (``class_weight="balanced"``, equal priors); people weigh as of
    ``LabelledRelease.weights`` where a candidate takes ``sample_weight``. Those without
    ``predict_proba`` have their margins turned into probabilities by one factor fitted on attacker-val.
    With more rows than ``screen`` says the grid is compared on a sample of them, and only the winner sees all.

    A whole attack, embeddings (N, D) → probabilities (N, K)::

        class Penalties(GridAttack):
            summary = "logistic regression, two penalties"

            def candidates(self, train, dims, ctx):
                return [LogisticRegression(C=c, class_weight="balanced") for c in (0.01, 1.0)]
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
        rows = sample_rows(len(train), self.screen(len(train)), ctx.rng("screen"), train.weights)
        best = -np.inf
        with threadpool_limits(ctx.threads):
            for model in ctx.track(grid, type(self).__name__):
                _fit(model, inputs[rows], train[rows])
                score = mean_auc(self._scores(model, val.release), val) if len(grid) > 1 else 0.5
                if score > best:
                    best, self.model_ = score, model
            if len(rows) < len(train):
                self.model_ = _fit(clone(self.model_), inputs, train)
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


def _fit(model: Any, inputs: FloatArray, train: LabelledRelease) -> Any:
    """The model, fitted; in a pipeline the weights go to its last step."""
    step, last = model.steps[-1] if isinstance(model, Pipeline) else ("", model)
    if not has_fit_parameter(last, "sample_weight"):
        return model.fit(inputs, train.labels)
    weights = train.weights * np.bincount(train.labels)[train.labels]  # of people alone: classes are the model's affair
    name = f"{step}__sample_weight" if step else "sample_weight"
    return model.fit(inputs, train.labels, **{name: weights / weights.mean()})


def reduction(train: LabelledRelease, dims: int, ctx: Context, most: int = 512) -> Any:
    """A pipeline step: (N, dims) → (N, at most ``most``) principal components, or nothing where there are no more.

    ``make_pipeline(reduction(train, dims, ctx), SVC())``
    """
    if dims <= most:
        return "passthrough"
    return PCA(min(len(train), most), svd_solver="randomized", random_state=sklearn_seed(ctx, "reduction"))
