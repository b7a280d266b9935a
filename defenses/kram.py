"""KRaM: a network that spreads each class over all of the space that the embeddings take up."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Embeddings, FloatArray, Release
from aiakit.defenses._networks import OnStandardised
from aiakit.networks.autoencoder import Epochs
from aiakit.networks.blocks import MLP
from aiakit.networks.serving import Directions
from aiakit.networks.training import descend, fit_loop
from aiakit.plugins.bases import Served

BATCH = 256
DISTORTION = 0.5  # ε²


class Kram(Served, OnStandardised):
    """The kernelized rate-distortion maximizer (Basu Roy Chowdhury, Monath, Dubey, Ahmed, Chaturvedi, "Robust Concept
    Erasure via Kernelized Rate-Distortion Maximization", NeurIPS 2023, arXiv 2312.00194, equation 4).

    A perceptron f is trained to maximise R(f(X) | K) − λ·|R(f(X)) − R(X)| in each batch. R(Z) = ½·log₂ det(I +
    d/(nε²)·ZᵀZ) is the rate in bits that n rows take up to a distortion of ε² = ½; R(Z | K) is the same of ZZᵀ ∘ K, K
    the kernel of the attribute: 1 for two rows of one class and 0 for others. Rows of one class are driven apart, the
    space as a whole keeps its size, and what stays between the classes is what they have in common. X and Z are on the
    unit sphere, and so is the release, of as many dimensions as the embedding. Nothing is guaranteed; no attacker is
    in the loop, and identity plays no part.

    Parameters
    ----------
    penalty : λ. epochs : passes over the data. rate : Adam's learning rate.
    """

    summary = "network that spreads every class over the whole space (kernelized rate-distortion)"

    def __init__(
        self,
        penalty: Annotated[float, Field(ge=0)] = 1.0,
        epochs: Epochs = 100,
        rate: Annotated[float, Field(gt=0)] = 1e-3,
    ) -> None:
        self.penalty = penalty
        self.epochs = epochs
        self.rate = rate

    def modules(self, features: int, classes: int) -> dict[str, nn.Module]:
        return {"encoder": nn.Sequential(MLP([features] * 4), Directions())}

    def _train(self, train: Embeddings, inputs: Tensor, ctx: Context) -> None:
        encoder = self.modules_["encoder"]
        labels = torch.from_numpy(train.labels).to(ctx.device)
        optimizer = torch.optim.Adam(encoder.parameters(), lr=self.rate)

        def step(rows: Tensor) -> Tensor:
            z, own = encoder(inputs[rows]), labels[rows]
            kept = torch.abs(rate(z) - rate(F.normalize(inputs[rows], dim=1)))
            return descend(optimizer, self.penalty * kept - rate_within(z, own))

        fit_loop(
            step,
            module=self.modules_,
            count=len(train),
            batch_size=BATCH,
            epochs=self.epochs,
            ctx=ctx,
            label=type(self).__name__,
        )

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        return Release(embedding=self._apply(self.modules_["encoder"], embedding))

    def module(self) -> nn.Module:
        return nn.Sequential(self._standardising(), self.modules_["encoder"])


def rate(z: Tensor, count: int | None = None) -> Tensor:
    """R of rows (n, d) in bits; ``count`` : n, where the rows are some of so many."""
    scale = z.shape[1] / ((len(z) if count is None else count) * DISTORTION)
    identity = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    return 0.5 / math.log(2) * torch.logdet(identity + scale * z.T @ z)


def rate_within(z: Tensor, labels: Tensor) -> Tensor:
    """R of rows (n, d) given the kernel of their classes (n,): ZZᵀ ∘ K falls into blocks, a class each."""
    return torch.stack([rate(z[labels == code], len(z)) for code in set(labels.tolist())]).sum()
