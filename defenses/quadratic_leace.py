"""Quadratic LEACE: equal class means and covariances, by optimal transport to the classes' barycentre."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release
from aiakit.defenses._concept_erasure import QuadraticFitter
from aiakit.errors import InputError
from aiakit.networks.serving import Affine, ByClass, Gaussians
from aiakit.networks.training import seeded
from aiakit.plugins.bases import Learned, Served


class QuadraticLeace(Learned, Served, EmbeddingDefense):
    """Transport of each class to the barycentre of the classes (Belrose et al., ICML 2024, arXiv 2402.04362).

    Seen as Gaussians N(μ_k, Σ_k), every class is carried to their Wasserstein barycentre N(μ, Σ̄) by the optimal map
    x ↦ μ + A_k(x − μ_k), A_k = Σ_k^{−½}(Σ_k^{½} Σ̄ Σ_k^{½})^{½} Σ_k^{−½}. With the true class of every sample, first and
    second moments agree afterwards and no quadratic classifier beats a constant. A release is made without labels, so
    the map that is used is that of the class which the same Gaussians and equal priors give a sample: what is
    misjudged is carried the wrong way, and neither the moments nor attackers of higher order are under control.
    Covariances are estimated with the library's random-matrix shrinkage, so that they can be inverted.
    """

    summary = "equal class means and covariances by optimal transport; class at release is inferred"
    learned = ("means", "centre", "maps", "precisions", "log_determinants")

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        counts = np.bincount(train.labels, minlength=len(train.classes))
        if counts.min() < 2:
            rare = train.classes[int(counts.argmin())]
            raise InputError(f"quadratic-leace needs two samples of every class and has {counts.min()} of {rare!r}")
        with seeded(ctx, "quadratic-leace"):
            x = torch.from_numpy(train.embedding.astype(np.float64))
            fitter = QuadraticFitter(x.shape[1], len(counts), dtype=x.dtype)
            for label in range(len(counts)):
                fitter.update_single(x[torch.from_numpy(train.labels == label)], label)
            eraser, covariances = fitter.eraser, fitter.sigma_xx
            # As the library does: a direction in which a class has no variance is left out of its precision.
            precisions = torch.linalg.pinv(covariances, hermitian=True)
            values = torch.linalg.eigvalsh(covariances)
        self.means_, self.centre_ = eraser.class_means.numpy(), eraser.global_mean.numpy()
        self.maps_, self.precisions_ = eraser.ot_maps.numpy(), precisions.numpy()
        self.log_determinants_ = values.clamp_min(torch.finfo(values.dtype).tiny).log().sum(1).numpy()
        return self

    def infer(self, embedding: FloatArray) -> NDArray[np.int64]:
        """The class (N,) of the greatest Gaussian likelihood."""
        offsets = embedding[None].astype(np.float64) - self.means_[:, None]
        distances = np.einsum("knd,kde,kne->kn", offsets, self.precisions_, offsets, optimize=True)
        inferred: NDArray[np.int64] = np.argmin(distances + self.log_determinants_[:, None], axis=0)
        return inferred

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        inferred = self.infer(embedding)
        released = np.empty(embedding.shape)
        for label, (mean, transport) in enumerate(zip(self.means_, self.maps_, strict=True)):
            rows = inferred == label
            released[rows] = self.centre_ + (embedding[rows] - mean) @ transport.T
        return Release(embedding=released)

    def module(self) -> nn.Module:
        maps = [Affine(transport, self.centre_ - transport @ mean)
                for mean, transport in zip(self.means_, self.maps_, strict=True)]  # fmt: skip
        return ByClass(Gaussians(self.means_, self.precisions_, self.log_determinants_), maps)
