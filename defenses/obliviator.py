"""Obliviator: the embedding is bent until kernels see nothing of the class in it, step by small step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Embeddings, FloatArray, Release
from aiakit.defenses._networks import OnStandardised
from aiakit.defenses._numbers import targets
from aiakit.networks.autoencoder import Epochs, Size
from aiakit.networks.blocks import MLP
from aiakit.networks.serving import Affine, Directions, Fourier
from aiakit.networks.training import descend, fit_loop
from aiakit.plugins.bases import Served

BATCH = 512
HIDDEN = 256
WIDTH_ROWS = 2000  # rows whose median distance is the width of a kernel
ALIGN_FIRST, ALIGN_LAST = 0.2, 1.0  # τ of X and of X_i where functions are chosen, as in the authors' code
RANK = 1e-5  # of the greatest singular value: below it a covariance is rounding


@dataclass(frozen=True)
class Kept:
    """features : (N, F) of what a release should still tell. weight, aligned : how it counts in either move."""

    features: Tensor
    weight: float
    aligned: float


class Step(nn.Module):
    """(N, ``features``) → (N, ``latent``) on the unit sphere: a perceptron, and functions in the space of a kernel."""

    def __init__(self, features: int, latent: int, waves: int) -> None:
        super().__init__()
        self.perceptron = nn.Sequential(MLP([features, HIDDEN, latent]), Directions())
        self.fourier = Fourier(np.zeros((latent, waves)), np.zeros(waves))
        self.projection = Affine(np.zeros((latent, waves)), np.zeros(latent))
        self.sphere = Directions()

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.sphere(self.projection(self.fourier(self.perceptron(x))).float())
        return projected

    def disentangle(self, last: Tensor, private: Tensor, kept: list[Kept]) -> None:
        """Choose the functions; the perceptron is as it stays."""
        matrix, offset = self.projection.get_buffer("matrix"), self.projection.get_buffer("offset")
        z = self.perceptron(last)
        waves = matrix.shape[1]
        self.fourier.get_buffer("frequencies").copy_(_frequencies(z, waves))
        self.fourier.get_buffer("phases").copy_(2 * torch.pi * torch.rand(waves, device=z.device))
        seen = self.fourier(z).double()
        found = disentangled(seen, private.double(), kept)[: len(matrix)]
        matrix[: len(found)] = found
        offset.copy_(-matrix @ seen.mean(0))


class Obliviator(Served, OnStandardised):
    """Nonlinear erasure in small steps (Akbari, Afshari, Boddeti, "Obliviator Reveals the Cost of Nonlinear Guardedness
    in Concept Erasure", NeurIPS 2025, arXiv 2603.07529, section 4, without labels of a task).

    Each of ``iterations`` steps takes the last one's release X_i (at first X) in two moves. *Independence*: a new
    perceptron is trained for little, X_i ↦ Z, to minimise h(Z, S) − τ_x·h(Z, X) − τ_i·h(Z, X_i), h the root of the mean
    squared cross-covariance of random Fourier features (the empirical Hilbert–Schmidt criterion, as in the authors'
    code) and S the one-hot attribute. *Disentanglement*: of all functions of Z in the kernel's space that do not covary
    with S, those are released that covary most with X and X_i: the leading eigenvectors of Qᵀ(Σ τ·CᵀC)Q, Q a basis of
    the nullspace of Z's covariance with S. Rows lie on the unit sphere throughout. Numbers that are protected are
    columns of S beside the classes, with a linear kernel: no function of Z is then to covary with a number, so that its
    mean given Z is the same everywhere, whatever its spread tells.

    Where h of a characteristic kernel is 0, no attacker learns anything. Here it is small on the defender's people, as
    far as ``waves`` features see: of new people nothing is guaranteed. More iterations take more away, of the rest too.

    Parameters
    ----------
    iterations : steps. epochs : passes over the data in each. latent : dimensions of the release.
    keep_first, keep_last : τ_x and τ_i of the perceptron. waves : random Fourier features. rate : Adam's learning rate.
    """

    summary = "networks and kernel projections in turn, until kernels see nothing of the class"
    erases_numbers = True

    def __init__(
        self,
        iterations: Annotated[int, Field(ge=1, le=100)] = 5,
        epochs: Epochs = 15,
        latent: Size = 64,
        keep_first: Annotated[float, Field(ge=0)] = 0.01,
        keep_last: Annotated[float, Field(ge=0)] = 0.05,
        waves: Annotated[int, Field(ge=16, le=16_384)] = 512,
        rate: Annotated[float, Field(gt=0)] = 5e-4,
    ) -> None:
        self.iterations = iterations
        self.epochs = epochs
        self.latent = latent
        self.keep_first = keep_first
        self.keep_last = keep_last
        self.waves = waves
        self.rate = rate

    def modules(self, features: int, classes: int) -> dict[str, nn.Module]:
        inputs = [features, *[self.latent] * (self.iterations - 1)]
        return {"encoder": nn.Sequential(*(Step(count, self.latent, self.waves) for count in inputs))}

    def _train(self, train: Embeddings, inputs: Tensor, ctx: Context) -> None:
        private = torch.from_numpy(targets(train)).float().to(ctx.device)
        seen_first = _features(F.normalize(inputs, dim=1), self.waves)
        last, kept = inputs, [Kept(seen_first, self.keep_first, ALIGN_FIRST)]
        for number, step in enumerate(self.modules_["encoder"].children(), start=1):
            assert isinstance(step, Step)
            self._disturb(step.perceptron, last, private, kept, f"{type(self).__name__} {number}", ctx)
            with torch.no_grad():
                step.disentangle(last, private, kept)
                last = step(last)
                seen_last = _features(last, self.waves)
            kept = [kept[0], Kept(seen_last, self.keep_last, ALIGN_LAST)]

    def _disturb(
        self,
        perceptron: nn.Module,
        last: Tensor,
        private: Tensor,
        kept: list[Kept],
        label: str,
        ctx: Context,
    ) -> None:
        optimizer = torch.optim.AdamW(perceptron.parameters(), lr=self.rate)

        def step(rows: Tensor) -> Tensor:
            z = perceptron(last[rows])
            seen = _features(z, self.waves)  # drawn anew at each step, so that none can be fooled alone
            loss = dependence(seen, private[rows])
            for each in kept:
                loss = loss - each.weight * dependence(seen, each.features[rows])
            return descend(optimizer, loss)

        fit_loop(step, module=perceptron, count=len(last), batch_size=BATCH, epochs=self.epochs, ctx=ctx, label=label)

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        return Release(embedding=self._apply(self.modules_["encoder"], embedding))

    def module(self) -> nn.Module:
        return nn.Sequential(self._standardising(), self.modules_["encoder"])


def dependence(left: Tensor, right: Tensor) -> Tensor:
    """The root of the mean squared cross-covariance of features (n, F) and (n, G)."""
    covariance = (left - left.mean(0)).T @ (right - right.mean(0)) / len(left)
    root: Tensor = torch.sqrt(covariance.square().mean() + 1e-16)  # a finite gradient at 0
    return root


def disentangled(seen: Tensor, private: Tensor, kept: list[Kept]) -> Tensor:
    """(P, F) orthonormal directions of features (N, F) that do not covary with the attribute (N, K).

    Those come first that covary most with what is to be kept.
    """
    seen = seen - seen.mean(0)
    left, sizes, _ = torch.linalg.svd(seen.T @ (private - private.mean(0)))
    free = left[:, int((sizes > RANK * sizes[0]).sum()) :]
    total = seen.new_zeros(free.shape[1], free.shape[1])
    for each in kept:
        covariance = (each.features - each.features.mean(0)).to(seen.dtype).T @ (seen @ free) / len(seen)
        squared = covariance.T @ covariance
        total += each.aligned * squared / torch.linalg.eigvalsh(squared)[-1].clamp_min(1e-12)
    directions: Tensor = (free @ torch.linalg.eigh(total)[1].flip(1)).T
    return directions


def _frequencies(rows: Tensor, waves: int) -> Tensor:
    """(D, waves) of a Gaussian kernel as wide as the median distance of the rows."""
    with torch.no_grad():
        some = rows[torch.randperm(len(rows), device=rows.device)[:WIDTH_ROWS]]
        width = F.pdist(some).median().clamp_min(1e-3)
        drawn: Tensor = torch.randn(rows.shape[1], waves, device=rows.device) / width
        return drawn


def _features(rows: Tensor, waves: int) -> Tensor:
    """(N, waves) random Fourier features, drawn anew."""
    phases = 2 * torch.pi * torch.rand(waves, device=rows.device)
    waved: Tensor = torch.cos(rows @ _frequencies(rows, waves) + phases) * (2 / waves) ** 0.5
    return waved
