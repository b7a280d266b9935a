"""Linear discriminant analysis with a shrunken covariance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases import GridAttack, reduction


class LDA(GridAttack):
    """Linear discriminant analysis: one least-squares solve, so it is the first thing an adversary tries.

    The covariance is shrunk towards the identity by the Ledoit–Wolf amount or a fixed one, chosen on attacker-val.
    Cost is N·D² + D³; more than 512 dimensions are first reduced to their principal components.
    """

    presets = ("fast", "strong")
    summary = "linear discriminant analysis, shrinkage chosen on attacker-val"

    def __init__(self, shrinkages: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.01, 0.1, 0.5, 0.9)) -> None:
        self.shrinkages = shrinkages

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """Ledoit–Wolf, then each fixed shrinkage; plain LDA where a class has one sample and so no covariance."""
        counts = np.unique(train.labels, return_counts=True)[1]
        priors = np.full(len(counts), 1 / len(counts))
        models = [LinearDiscriminantAnalysis(solver="svd", priors=priors)]
        if counts.min() > 1:
            models = [
                LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=priors)
                for shrinkage in ("auto", *self.shrinkages)
            ]
        return [make_pipeline(reduction(train, dims, ctx), model) for model in models]
