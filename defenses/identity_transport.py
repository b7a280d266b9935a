"""Identity transport: keep what tells people apart, then make the classes look alike there."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from threadpoolctl import threadpool_limits
from torch import nn

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, IntArray, Release
from aiakit.defenses._concept_erasure import ot_barycenter, ot_map
from aiakit.defenses._identity import class_moments, identity_directions, require_pairs
from aiakit.defenses._people import person_weights
from aiakit.errors import InputError
from aiakit.networks.autoencoder import Size
from aiakit.networks.serving import Affine, ByClass
from aiakit.plugins.bases import Learned, Served

Array = NDArray[np.float64]

FOLDS = 5
STRENGTHS = (0.01, 0.1, 1.0)


class IdentityTransport(Learned, Served, EmbeddingDefense):
    """Discriminant subspace of identity, linear erasure and optimal transport of the classes, all in closed form.

    1. *What is to be kept.* The ``latent`` directions with the greatest scatter between people of one class relative
       to the scatter within people (Fisher's discriminant of identity, whose private class means are taken out first).
       A matcher needs few of an embedding's dimensions, and every dimension that goes takes leaks along.
    2. *What is linear.* LEACE on these directions (Belrose et al., NeurIPS 2023, arXiv 2306.03819, theorem 4.2).
    3. *What is quadratic.* Each class is carried to the Wasserstein barycentre of the classes' Gaussians, as in
       quadratic LEACE (arXiv 2402.04362). Which class a face is of is inferred from the whole embedding by logistic
       regression.
    4. A random rotation, so that no coordinate of the release is special.

    In all moments each *person* weighs ``1/images^evenness``. Weighed by image, a few people with hundreds of pictures
    decide the maps, which then do not fit new people. Fewer dimensions leave less to estimate, so ``latent`` is the
    knob between privacy and utility. There is no guarantee: the moments agree on the defender's people, and where the
    inferred class is right.

    Parameters
    ----------
    latent : dimensions of the release, at most those of the embedding.
    evenness : 0 weighs images alike, 1 people.
    erase, transport : whether steps 2 and 3 are taken.
    """

    summary = "identity's discriminant subspace, then linear erasure and optimal transport of the classes"
    learned: ClassVar[tuple[str, ...]] = ("mean", "scale", "coefficients", "intercepts", "centre", "maps", "offsets")
    needs_pairs = True

    def __init__(
        self,
        latent: Size = 24,
        evenness: Annotated[float, Field(ge=0, le=1)] = 1.0,
        erase: bool = True,
        transport: bool = True,
    ) -> None:
        self.latent = latent
        self.evenness = evenness
        self.erase = erase
        self.transport = transport

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Raises InputError where a class has fewer than two people, or nobody has two images."""
        _require_people(train)
        with threadpool_limits(ctx.threads):
            self.mean_ = train.embedding.mean(0)
            self.scale_ = np.maximum(train.embedding.std(0), 1e-6)
            x = self._standardise(train.embedding)
            self._learn_classes(x, train)
            classes, weights = len(train.classes), person_weights(train.identity, self.evenness)
            self.centre_ = weights @ x / weights.sum()
            kept = identity_directions(x, train.labels, train.identity, min(self.latent, x.shape[1]))
            maps = kept.T
            if self.erase:
                maps = _erasure((x - self.centre_) @ kept, train.labels, classes, weights) @ maps
            means, covariances = class_moments((x - self.centre_) @ maps.T, train.labels, classes, weights)
            carried = _transports(covariances) if self.transport else np.tile(np.eye(len(maps)), (classes, 1, 1))
            if not self.transport:
                means[:] = 0  # the classes are not told apart: one map for all
            variance = np.trace(carried @ covariances @ carried.transpose(0, 2, 1), axis1=1, axis2=2).mean() / len(maps)
            rotation = np.linalg.qr(ctx.rng("rotation").standard_normal((len(maps), len(maps))))[0]
            carried = rotation @ carried / np.sqrt(max(float(variance), 1e-12))
            self.maps_ = carried @ maps
            self.offsets_ = np.einsum("kij,kj->ki", carried, means)
        return self

    def _learn_classes(self, x: Array, train: Embeddings) -> None:
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(x, train.labels, train.identity)
        model = GridSearchCV(
            LogisticRegression(class_weight="balanced", max_iter=1000),
            {"C": STRENGTHS},
            cv=list(folds),
            scoring="balanced_accuracy",
        )
        model = model.fit(x, train.labels).best_estimator_
        rows, intercepts = model.coef_, model.intercept_
        if len(rows) == 1:  # two classes: the logit of the second
            rows, intercepts = np.concatenate([-rows, rows]) / 2, np.concatenate([-intercepts, intercepts]) / 2
        self.coefficients_, self.intercepts_ = rows, intercepts

    def _standardise(self, embedding: FloatArray) -> Array:
        return np.asarray((embedding.astype(np.float64) - self.mean_) / self.scale_)

    def infer(self, embedding: FloatArray) -> IntArray:
        """The class (N,) that the defender's logistic regression gives each embedding."""
        logits = self._standardise(embedding) @ self.coefficients_.T + self.intercepts_
        return np.asarray(np.argmax(logits, axis=1))

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        inferred, x = self.infer(embedding), self._standardise(embedding) - self.centre_
        released = np.empty((len(x), self.maps_.shape[1]))
        for label, (linear, offset) in enumerate(zip(self.maps_, self.offsets_, strict=True)):
            rows = inferred == label
            released[rows] = x[rows] @ linear.T - offset
        return Release(embedding=released)

    def module(self) -> nn.Module:
        def of_standardised(matrix: Array, offset: Array) -> Affine:
            scaled = matrix / self.scale_
            return Affine(scaled, offset - scaled @ self.mean_)

        maps = [of_standardised(linear, -offset - linear @ self.centre_)
                for linear, offset in zip(self.maps_, self.offsets_, strict=True)]  # fmt: skip
        return ByClass(of_standardised(self.coefficients_, self.intercepts_), maps)


def _require_people(train: Embeddings) -> None:
    for code, name in enumerate(train.classes):
        if (count := len(np.unique(train.identity[train.labels == code]))) < FOLDS:
            raise InputError(f"identity-transport needs {FOLDS} people of every class and has {count} of {name!r}")
    require_pairs(train, "identity-transport")


def _erasure(x: Array, labels: IntArray, classes: int, weights: Array) -> Array:
    """LEACE's (D, D) matrix I − W⁺PW on centred rows: W whitens, P projects onto the whitened class means."""
    share = weights / weights.sum()
    values, vectors = np.linalg.eigh((x * share[:, None]).T @ x)
    values = np.maximum(values, values[-1] * 1e-12)
    whiten, colour = (vectors / np.sqrt(values)) @ vectors.T, (vectors * np.sqrt(values)) @ vectors.T
    means = class_moments(x, labels, classes, weights)[0]
    left, sizes, _ = np.linalg.svd(whiten @ (means - means.mean(0)).T, full_matrices=False)
    basis = left[:, sizes > sizes[0] * 1e-9]
    erased: Array = np.eye(x.shape[1]) - colour @ basis @ basis.T @ whiten
    return erased


def _transports(covariances: Array) -> Array:
    """(K, D, D): the optimal maps of the classes' centred Gaussians onto their Wasserstein barycentre."""
    each = torch.from_numpy(covariances)
    maps: Array = ot_map(each, ot_barycenter(each)).numpy()
    return maps
