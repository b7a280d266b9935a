"""The attribute inference of the Adversarial Robustness Toolbox, as one attack."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.metrics import confusion_matrix
from threadpoolctl import threadpool_limits

from aiakit.contracts import Context, IntArray, LabelledRelease, Release
from aiakit.networks.training import seeded
from aiakit.plugins.bases import Sampled, embedding, not_installed, sample_rows, sklearn_seed

MODELS = ("nn", "rf", "gb", "lr", "dt", "knn", "svm")


class ART(Sampled):
    """``AttributeInferenceBaseline`` (Nicolae et al., 1807.01069) with ART's defaults, the attribute as last column.

    ART answers with a class and no probability: those of the other attacks' form are the shares of the true classes
    among attacker-val's people who got the same answer, classes weighing alike, with one more person added to each
    share. With more than ``rows`` samples a sample takes part: ART's SVM is quadratic in them.

    Parameters
    ----------
    model : ART's model type; "all" tries each and keeps the one with the best balanced accuracy on attacker-val.
    """

    summary = "the attribute inference of the Adversarial Robustness Toolbox (extra art)"

    def __init__(
        self,
        model: Literal["all", "nn", "rf", "gb", "lr", "dt", "knn", "svm"] = "all",
        rows: Annotated[int, Field(ge=2)] = 10_000,
    ) -> None:
        self.model = model
        self.rows = rows

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        return not_installed("art", "art")

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self.ctx_ = ctx
        known = train[sample_rows(len(train), self.rows, ctx.rng("rows"))]
        every = range(len(train.classes))
        if len(np.unique(known.labels)) < 2:
            raise ValueError("ART needs more than one class to learn from")
        best = -1.0
        for kind in ctx.track(MODELS if self.model == "all" else (self.model,), "art"):
            model = fit_art(kind, known, ctx)
            guesses = self._guesses(model, val.release)
            found = confusion_matrix(guesses, val.labels, labels=every, sample_weight=val.weights) + 1
            shares = found / found.sum(axis=1, keepdims=True)
            score = float(np.average(guesses == val.labels, weights=val.weights))
            if score > best:
                best, self.kind_, self._model, self._shares = score, kind, model, shares
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return np.asarray(self._shares[self._guesses(self._model, release)])

    def _guesses(self, model: Any, release: Release) -> IntArray:
        return infer_art(model, release, self.ctx_)


def fit_art(kind: str, known: LabelledRelease, ctx: Context) -> Any:
    """ART's baseline of a model type, fitted on embeddings beside their labels."""
    from art.attacks.inference.attribute_inference import AttributeInferenceBaseline

    observed = embedding(known.release)
    table = np.column_stack([observed, known.labels]).astype(np.float32)
    with _quiet(kind, ctx):
        model = AttributeInferenceBaseline(attack_model_type=kind, attack_feature=observed.shape[1])
        model.fit(table)
    return model


def infer_art(model: Any, release: Release, ctx: Context) -> IntArray:
    """int64 (N,), the classes that a fitted baseline infers."""
    with _quiet("infer", ctx):
        return np.asarray(model.infer(embedding(release))).reshape(-1).astype(np.int64)


@contextmanager
def _quiet(purpose: str, ctx: Context) -> Iterator[None]:
    """ART draws from the global generators: they are seeded and put back. Its warnings are about its own code."""
    state = np.random.get_state()
    with seeded(ctx, "art", purpose), threadpool_limits(ctx.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.random.seed(sklearn_seed(ctx, "art", purpose))
        try:
            yield
        finally:
            np.random.set_state(state)
