"""What the attacks by tabular foundation models share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline

from aiakit.contracts import Context, LabelledRelease, Release
from aiakit.networks.training import seeded
from aiakit.plugins.bases import GridAttack, Sampled, not_installed, reduction, sample_rows


class InContext(Sampled, GridAttack):
    """A pretrained transformer that reads attacker-train as its context and answers for each row of the release.

    Nothing is trained and nothing chosen, so attacker-val is not looked at. A subclass names its package and makes the
    package's classifier. Weights are read from a file of the user's and never downloaded. More than ``rows`` samples
    are sampled and more than ``WIDEST`` dimensions turned into principal components, since these models were
    pretrained on tables of about that size. Probabilities are divided by the classes' shares of the context.
    """

    package: ClassVar[str]
    WIDEST: ClassVar[int] = 500

    weights: str

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        return not_installed("tabular", cls.package)

    @abstractmethod
    def classifier(self, ctx: Context) -> Any:
        """The package's unfitted classifier with the weights of the file."""

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        return [make_pipeline(reduction(train, dims, ctx, self.WIDEST), self.classifier(ctx))]

    def screen(self, rows: int) -> int:
        """All: there is one candidate."""
        return rows

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Remember the context."""
        self.ctx_ = ctx
        context = train[sample_rows(len(train), self.rows, ctx.rng("rows"))]
        self.shares_ = np.bincount(context.labels, minlength=len(context.classes)) / len(context)
        with seeded(ctx, "in-context"):
            return super().fit(context, val, ctx)

    def predict_proba(self, release: Release) -> NDArray[Any]:
        with seeded(self.ctx_, "in-context"):
            proba = super().predict_proba(release)
        even = np.divide(proba, self.shares_, out=np.zeros_like(proba), where=self.shares_ > 0)
        return np.asarray(even / even.sum(axis=1, keepdims=True))


def checkpoint(*suffixes: str) -> Any:
    """A validator of the path of an existing file with one of these suffixes; it raises ValueError otherwise."""

    def check(path: str) -> str:
        if not (path.endswith(suffixes) and Path(path).is_file()):
            raise ValueError(f"the path of a checkpoint that exists ({' or '.join(suffixes)}); nothing is downloaded")
        return path

    return check
