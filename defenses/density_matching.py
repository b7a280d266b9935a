"""Density matching: an orthogonal projection behind which the classes have one density."""

from __future__ import annotations

import math
from typing import Annotated, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)
from torch.nn.utils import parametrizations

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._people import person_weights
from aiakit.errors import InputError
from aiakit.networks.training import descend, fit_loop, seeded, steps_per_epoch
from aiakit.plugins.bases import AffineEraser

RANK = 16
BATCH = 512
WIDTHS = (0.25, 0.5, 1.0)  # of the kernels, in median distances of what the projection leaves


class DensityMatching(AffineEraser):
    """An orthogonal projection of a given rank that makes the classes' densities alike, after L̄EOPARD (Saillenfest,
    Lemberger, "Nonlinear Concept Erasure: a Density Matching Approach", ECAI 2025, arXiv 2507.12341).

    x ↦ μ + UUᵀ(x − μ), U (D, ``rank``) with orthonormal columns, trained to minimise Σ_c ‖m_c − m̄‖² in each batch: m_c
    is the mean of a class c in the space of Gaussian kernels, m̄ the mean of the m_c. Of two classes that is half their
    squared maximum mean discrepancy (Gretton et al., JMLR 2012), which is 0 where, and only where, their densities are
    one. The distance between densities, widths of the kernels and the start are ours, and not the paper's; so are the
    weights, by which a person counts once. Inside the subspace distances are as they were.

    Where the densities of the population are one, no attacker learns anything, whatever his kind. Here they are alike
    on the defender's people as far as these kernels see: of new people nothing is guaranteed.

    Parameters
    ----------
    rank : dimensions that are left, fewer than the embedding has; without it 16, or half of them where that is less.
    steps : of the optimiser, at least; passes over the data are made whole. rate : Adam's at first; it falls to 0.
    """

    summary = "orthogonal projection behind which kernels see one density of all classes (after L̄EOPARD)"

    def __init__(
        self,
        rank: Annotated[int, Field(ge=1, le=4096)] | None = None,
        steps: Annotated[int, Field(ge=1, le=1_000_000)] = 720,
        rate: Annotated[float, Field(gt=0)] = 3e-3,
    ) -> None:
        self.rank = rank
        self.steps = steps
        self.rate = rate

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Raises InputError where ``rank`` would leave every dimension."""
        features = train.embedding.shape[1]
        rank = min(RANK, features // 2) if self.rank is None else self.rank
        if not 0 < rank < features:
            raise InputError(f"density-matching.rank must be below the embedding's {features} dimensions, got {rank}")
        mean = train.embedding.mean(0, dtype=np.float64)
        centred = train.embedding - mean
        with seeded(ctx, type(self).__name__):
            inputs = torch.from_numpy((centred / max(float(centred.std()), 1e-12)).astype(np.float32)).to(ctx.device)
            kept = self._train(inputs, train, rank, ctx)
        self.keep(mean, kept.T @ kept)
        return self

    def _train(self, inputs: Tensor, train: Embeddings, rank: int, ctx: Context) -> NDArray[np.float64]:
        """(rank, D) an orthonormal basis of what is left."""
        weights = torch.from_numpy(person_weights(train.identity)).float().to(ctx.device)
        shares = F.one_hot(torch.from_numpy(train.labels), len(train.classes)).to(ctx.device) * weights[:, None]
        plain = nn.Linear(inputs.shape[1], rank, bias=False).to(ctx.device)
        projection = parametrizations.orthogonal(plain, orthogonal_map="householder")
        projection.weight = torch.linalg.eigh(inputs.T @ inputs).eigenvectors.flip(1)[:, :rank].T  # where most varies
        optimizer = torch.optim.Adam(projection.parameters(), lr=self.rate)

        of_epoch = steps_per_epoch(len(train), BATCH)
        epochs = math.ceil(self.steps / of_epoch)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * of_epoch)

        def step(rows: Tensor) -> Tensor:
            return descend(optimizer, discrepancy(projection(inputs[rows]), shares[rows]))

        fit_loop(
            step,
            module=projection,
            count=len(train),
            batch_size=BATCH,
            epochs=epochs,
            ctx=ctx,
            label=type(self).__name__,
            schedulers=(falling,),
        )
        with torch.no_grad():
            everything = projection(torch.eye(inputs.shape[1], device=inputs.device))  # (D, rank)
        return np.asarray(np.linalg.qr(everything.cpu().double().numpy())[0].T)


def discrepancy(rows: Tensor, shares: Tensor) -> Tensor:
    """Σ_c ‖m_c − m̄‖² of rows (n, r). shares : (n, K), how much each counts in each class; a class may be empty."""
    totals = shares.sum(0)
    shares = shares[:, totals > 0] / totals[totals > 0]
    distances = torch.cdist(rows, rows).square()
    median = distances.detach().median().clamp_min(1e-12)
    kernel = sum((torch.exp(-distances / (2 * width**2 * median)) for width in WIDTHS), torch.zeros_like(distances))
    apart = shares - shares.mean(1, keepdim=True)
    found: Tensor = (apart * (kernel @ apart)).sum() / len(WIDTHS)
    return found
