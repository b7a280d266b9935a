"""k-same: a face is published as the average of k faces."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances_argmin
from threadpoolctl import threadpool_limits

from aiakit.contracts import Context, Defense, Faces, FloatArray, PixelArray, Release
from aiakit.errors import InputError
from aiakit.plugins.bases import Learned


class KSame(Learned, Defense):
    """k-same-pixel and k-same-eigen (Newton, Sweeney, Malin, IEEE TKDE 17(2), 2005).

    The defender's gallery has one picture of each person. As in the paper it is partitioned greedily: a face and the
    k − 1 nearest of those that are left make a group, and the last group takes the rest; a group's picture is the
    average of its faces. The paper de-identifies a closed set; here a new face is published as the picture of the
    group that its nearest gallery face belongs to, so that a release does not depend on its batch. For the faces of
    the gallery this is the paper's k-anonymity: at least k people share every picture. Of a new face no more is
    published than which of ⌊people/k⌋ pictures is next to it, but an average of faces of one gender still shows it.

    Parameters
    ----------
    k : the fewest people that share a picture.
    components : principal components in which distances and averages are taken (k-same-eigen); none for pixels.
    gallery : most people in the gallery, drawn at random where there are more.
    """

    summary = "the average of the k nearest of the defender's people (k-same-pixel, k-same-eigen)"
    produces = ("image",)
    learned = ("offset", "basis", "gallery", "group", "pictures")

    def __init__(
        self,
        k: Annotated[int, Field(ge=1, le=100_000)] = 10,
        components: Annotated[int, Field(ge=1, le=4096)] | None = None,
        gallery: Annotated[int, Field(ge=1, le=100_000)] = 1000,
    ) -> None:
        self.k = k
        self.components = components
        self.gallery = gallery

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        rng = ctx.rng("gallery")
        _, first = np.unique(train.identity, return_index=True)
        people = rng.permutation(first)[: self.gallery]
        if len(people) < self.k:
            raise InputError(f"k-same.k={self.k} needs as many people in the gallery, and it has {len(people)}")
        faces = np.asarray(train.images[np.sort(people)])
        with threadpool_limits(ctx.threads):
            self._learn_space(_flat(faces), ctx)
            self.gallery_ = self._project(_flat(faces))
            self.group_ = partition(self.gallery_, self.k, rng)
            averages = np.stack([self.gallery_[self.group_ == group].mean(0) for group in range(self.group_.max() + 1)])
            pictures = averages if self.components is None else self.offset_ + averages @ self.basis_
        self.pictures_ = np.rint(pictures.clip(0, 255)).astype(np.uint8).reshape(-1, *faces.shape[1:])
        return self

    def _learn_space(self, flat: FloatArray, ctx: Context) -> None:
        """Eigenfaces for k-same-eigen. The space of pixels needs none: both arrays are empty."""
        self.offset_, self.basis_ = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
        if self.components is not None:
            pca = PCA(min(self.components, *flat.shape), random_state=ctx.seed_for("eigenfaces") % 2**31).fit(flat)
            self.offset_, self.basis_ = pca.mean_.astype(np.float32), pca.components_.astype(np.float32)

    def _project(self, flat: FloatArray) -> FloatArray:
        return np.asarray((flat - self.offset_) @ self.basis_.T, np.float32) if self.basis_.size else flat

    def release(self, images: PixelArray, rng: np.random.Generator) -> Release:
        nearest = pairwise_distances_argmin(self._project(_flat(images)), self.gallery_)
        return Release(image=self.pictures_[self.group_[nearest]].transpose(0, 3, 1, 2))


def _flat(images: PixelArray) -> FloatArray:
    return np.asarray(images).reshape(len(images), -1).astype(np.float32)


def partition(points: FloatArray, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The group (N,) of each point: a point with the k − 1 nearest that are left, until fewer than 2k are left."""
    group = np.full(len(points), -1, np.int64)
    number = 0
    for seed in rng.permutation(len(points)):
        left = np.flatnonzero(group < 0)
        if len(left) < 2 * k:
            group[left] = number
            break
        if group[seed] < 0:
            distances = np.square(points[left] - points[seed]).sum(1)
            group[left[np.argpartition(distances, k - 1)[:k]]] = number
            number += 1
    return group
