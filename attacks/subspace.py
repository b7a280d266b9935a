"""Sufficient dimension reduction: find the few directions in which the classes differ at all, then look closely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases import GridAttack, reduction


class DifferingDirections(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The ``directions`` of most different covariance and K − 1 of different means, at unit variance within classes.

    Sliced average variance estimation (Cook & Weisberg, JASA 1991) on Ledoit–Wolf covariances, with the squared
    logarithm of a variance ratio in place of its squared difference from 1, so that a narrower class counts like a
    wider one.
    """

    def __init__(self, directions: int) -> None:
        self.directions = directions

    def fit(self, x: NDArray[Any], y: NDArray[Any]) -> Self:
        """Learn the directions from (N, D) samples and their classes."""
        classes = np.unique(y)
        means = np.stack([x[y == k].mean(axis=0) for k in classes]).astype(np.float64)
        covariances = [ledoit_wolf(x[y == k])[0] for k in classes]
        values, vectors = np.linalg.eigh(np.mean(covariances, axis=0))
        white = vectors / np.sqrt(np.maximum(values, 1e-9 * values[-1]))
        difference = np.zeros_like(white)
        for covariance in covariances:
            ratios, axes = np.linalg.eigh(white.T @ covariance @ white)
            difference += (axes * np.log(np.maximum(ratios, 1e-9)) ** 2) @ axes.T
        spread = np.linalg.eigh(difference)[1][:, ::-1][:, : self.directions]
        shift = np.linalg.svd((means - means.mean(axis=0)) @ white)[2][: len(classes) - 1].T
        self.map_ = white @ np.hstack([spread, shift])
        return self

    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        """(N, D) samples as (N, directions + K − 1) coordinates."""
        return np.asarray(x @ self.map_)


class Subspace(GridAttack):
    """QDA and an RBF-kernel SVM on the directions along which the classes' covariances or means differ.

    In many dimensions a smooth classifier drowns in noise that a rotation has spread over every coordinate; in the
    two or eight directions that matter the same classifier is close to optimal. The number of directions is chosen on
    attacker-val. Cost is N·D² + D³; more than 512 dimensions are first reduced to their principal components.
    """

    presets = ("fast", "strong")
    summary = "QDA and SVM in the few directions where the classes' covariances differ (SAVE)"

    def __init__(
        self,
        directions: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (2, 4, 8, 16, 32),
        svm_rows: Annotated[int, Field(ge=1)] = 10_000,
    ) -> None:
        self.directions = directions
        self.svm_rows = svm_rows

    def screen(self, rows: int) -> int:
        """3,000 where exact SVMs, of quadratic cost, take part."""
        return min(rows, 3_000 if rows <= self.svm_rows else 20_000)

    def approximation(self, rows: int) -> str | None:
        """No SVM."""
        return "QDA alone, without an SVM" if rows > self.svm_rows else None

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """Both classifiers for each number of directions; QDA alone where N is too large for an exact SVM."""
        counts = np.unique(train.labels, return_counts=True)[1]
        priors = np.full(len(counts), 1 / len(counts))
        grid = []
        for size in sorted({min(size, dims) for size in self.directions}):
            models: list[Any] = [QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.01, priors=priors)]
            if len(train) <= self.svm_rows:
                # a wide and a standard kernel: unit variance in each of the directions
                models += [SVC(C=1.0, gamma=width / size, class_weight="balanced") for width in (0.3, 1.0)]
            grid += [make_pipeline(reduction(train, dims, ctx), DifferingDirections(size), model) for model in models]
        return grid if counts.min() > 1 else [DummyClassifier()]
