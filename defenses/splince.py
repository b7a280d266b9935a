"""SPLINCE: linear erasure by an oblique projection that keeps how an embedding covaries with a task, here identity."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._identity import class_moments, identity_directions, person_means, require_pairs
from aiakit.defenses._numbers import targets
from aiakit.defenses._people import person_weights
from aiakit.errors import InputError
from aiakit.plugins.bases import AffineEraser

Array = NDArray[np.float64]

RANK = 1e-9  # of the greatest: variances and covariances below it are rounding


class Splince(AffineEraser):
    """Simultaneous projection for linear concept removal and covariance preservation (Holstege, Ravfogel, Wouters,
    "Preserving Task-Relevant Information Under Linear Concept Removal", NeurIPS 2025, arXiv 2506.10703, theorem 1).

    Of all affine maps with Cov(r(x), z) = 0 and Cov(r(x), y) = Cov(x, y), z the one-hot attribute and y the task, the
    one that moves x least in mean square; LEACE has the first condition only. In coordinates W = Σ_xx^{−1/2} it
    projects along WΣ_xz, onto the span of WΣ_xy and of all that is orthogonal to both. Numbers that are protected are
    columns of z beside the classes.

    The task is who a face is of. y, (N, ``directions``), says where a person's mean lies in the directions in which
    people of one class differ most relative to how one person's images differ (Fisher's discriminant of identity),
    measured from the mean of their class: a part of who somebody is that does not tell the class. The paper has a label
    with few values in its place.

    Both hold exactly on the people it was fitted on, where no linear classifier beats a constant, and up to estimation
    error on new ones. Classifiers that are not linear are not touched. The nearer the task's directions are to the
    attribute's, the more oblique is the projection, and the more of an embedding's noise it stretches.

    Parameters
    ----------
    directions : dimensions of y, at most as many as the attribute's K − 1 leave of the embedding.
    """

    summary = "equal class means by an oblique projection that keeps the covariance with identity"
    needs_pairs = True
    erases_numbers = True

    def __init__(self, directions: Annotated[int, Field(ge=1, le=4096)] = 16) -> None:
        self.directions = directions

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Raises InputError where nobody has two images, or the embedding has no dimension to spare."""
        hidden = targets(train)
        spare = train.embedding.shape[1] - hidden.shape[1] + 1
        if spare < 1:
            count, numbers = hidden.shape[1], hidden.shape[1] - len(train.classes)
            what = f"{len(train.classes)} classes" + (f" and {numbers} numbers" if numbers else "")
            raise InputError(f"splince needs {count} dimensions for {what}, and the embedding has fewer")
        require_pairs(train, "splince")
        with threadpool_limits(ctx.threads):
            x = train.embedding.astype(np.float64)
            mean = x.mean(0)
            x -= mean
            self.keep(mean, erasure(x, hidden - hidden.mean(0), self._task(x, train, min(self.directions, spare))))
        return self

    def _task(self, x: Array, train: Embeddings, directions: int) -> Array:
        """(N, directions) targets of mean 0."""
        kept = identity_directions(x, train.labels, train.identity, directions)
        weights = person_weights(train.identity)
        who = x - class_moments(x, train.labels, len(train.classes), weights)[0][train.labels]
        targets = person_means(who @ kept, train.identity)
        return np.asarray(targets - targets.mean(0))


def erasure(x: Array, z: Array, y: Array) -> Array:
    """The (D, D) matrix of least change E‖Ax − x‖² with E A x zᵀ = 0 and E A x yᵀ = E x yᵀ.

    x : (N, D), z : (N, K), y : (N, T), all of mean 0. Where x does not vary, nothing is changed.
    Raises InputError where z and y covary with the same direction of x, so that no map does both.
    """
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    vectors, sizes = vectors[:, values > RANK * values[-1]], np.sqrt(values[values > RANK * values[-1]])
    whitened = (x @ vectors / sizes).T / len(x)
    private, wanted = _basis(whitened @ z), _basis(whitened @ y)
    seen = private - wanted @ (wanted.T @ private)  # of the private directions, orthogonal to the wanted ones
    if private.shape[1] and np.linalg.svd(seen, compute_uv=False)[-1] < RANK:
        raise InputError("splince: attribute and identity covary with one direction: ask for fewer splince.directions")
    lost = private @ np.linalg.solve(seen.T @ private, seen.T)
    return np.asarray(np.eye(x.shape[1]) - (vectors * sizes) @ lost @ (vectors / sizes).T)


def _basis(columns: Array) -> Array:
    """An orthonormal basis of the columns' span."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > RANK * sizes.max(initial=0)]
