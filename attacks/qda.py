"""Quadratic discriminant analysis with shrunken covariances: what survives when the class means are made equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases import GridAttack, reduction


class QDA(GridAttack):
    """One Gaussian a class, so it reads differences of covariance, which linear erasure leaves in place.

    Each covariance is shrunk towards the identity, or to its diagonal (Gaussian naive Bayes); attacker-val decides.
    Cost is N·D²; more than 512 dimensions are first reduced to their principal components.
    """

    presets = ("fast", "strong")
    summary = "quadratic discriminant analysis, shrinkage chosen on attacker-val"

    def __init__(
        self, shrinkages: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.5, 0.3, 0.1, 0.03, 0.01)
    ) -> None:
        self.shrinkages = shrinkages

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """Naive Bayes, and each shrinkage where every class has two samples to take a covariance from."""
        counts = np.unique(train.labels, return_counts=True)[1]
        priors = np.full(len(counts), 1 / len(counts))
        models: list[Any] = [GaussianNB(priors=priors, var_smoothing=1e-6)]
        if counts.min() > 1:
            models += [
                QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=s, priors=priors) for s in self.shrinkages
            ]
        return [make_pipeline(reduction(train, dims, ctx), model) for model in models]
