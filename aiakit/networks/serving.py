"""Fitted steps as torch modules that run without aiakit: in float64 where the step is learned so, float32 outside."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[Any]
# Noise of scale 1, as an exported file is given it: its name → how it is drawn.
STANDARD: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "laplace": lambda rng, shape: rng.laplace(0, 1, shape),
}


class Affine(nn.Module):
    """(N, D) ↦ A x + b. matrix : (out, D). offset : (out,)."""

    def __init__(self, matrix: Array, offset: Array) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.from_numpy(np.array(matrix, np.float64)))
        self.register_buffer("offset", torch.from_numpy(np.array(offset, np.float64)))

    def forward(self, x: Tensor) -> Tensor:
        mapped: Tensor = x.double() @ self.get_buffer("matrix").T + self.get_buffer("offset")
        return mapped


class Gaussians(nn.Module):
    """(N, D) ↦ (N, K), log-likelihoods up to a common constant and factor.

    means : (K, D). precisions : (K, D, D). log_determinants : (K,), of the covariances.
    """

    def __init__(self, means: Array, precisions: Array, log_determinants: Array) -> None:
        super().__init__()
        for name, values in {"means": means, "precisions": precisions, "sizes": log_determinants}.items():
            self.register_buffer(name, torch.from_numpy(np.array(values, np.float64)))

    def forward(self, x: Tensor) -> Tensor:
        offsets = x.double()[None] - self.get_buffer("means")[:, None]
        distances = ((offsets @ self.get_buffer("precisions")) * offsets).sum(dim=2)
        return -(distances + self.get_buffer("sizes")[:, None]).T


class ByClass(nn.Module):
    """(N, D) ↦ the map of the class that ``scores`` (N, D) ↦ (N, K) ranks first. maps : K of them."""

    def __init__(self, scores: nn.Module, maps: Sequence[Affine]) -> None:
        super().__init__()
        self.scores, self.maps = scores, nn.ModuleList(maps)
        self.width = len(maps[0].get_buffer("offset"))

    def forward(self, x: Tensor) -> Tensor:
        each = torch.stack([transform(x) for transform in self.maps], dim=1)
        chosen = self.scores(x).argmax(dim=1)
        picked = each.gather(1, chosen[:, None, None].expand(-1, 1, self.width))
        return picked.reshape(-1, self.width)  # a width that a graph's next step can rely on


class Nearest(nn.Module):
    """(N, D) ↦ the nearest of the centres (K, D)."""

    def __init__(self, centres: Array) -> None:
        super().__init__()
        self.register_buffer("centres", torch.from_numpy(np.array(centres, np.float64)))

    def forward(self, x: Tensor) -> Tensor:
        centres = self.get_buffer("centres")
        distances = (x.double()[:, None] - centres).square().sum(dim=2)
        return centres[distances.argmin(dim=1)]


class Cells(nn.Module):
    """(N, M) by how far each decision of a tree is missed, at most 0 to the left ↦ the centre of the row's cell.

    paths : (C, M), 1 where a cell lies to the left of a decision, −1 to its right, 0 elsewhere. centres : (C, D).
    """

    def __init__(self, paths: Array, centres: Array) -> None:
        super().__init__()
        self.register_buffer("paths", torch.from_numpy(np.array(paths, np.float64)))
        self.register_buffer("centres", torch.from_numpy(np.array(centres, np.float64)))

    def forward(self, missed: Tensor) -> Tensor:
        paths = self.get_buffer("paths")
        agreed = (missed <= 0).double() * 2 - 1
        return self.get_buffer("centres")[(agreed @ paths.T - paths.abs().sum(dim=1)).argmax(dim=1)]


class Directions(nn.Module):
    """(N, D) ↦ the rows at length 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x / x.square().sum(dim=1, keepdim=True).clamp(min=1e-12).sqrt()


class Fourier(nn.Module):
    """(N, D) ↦ √(2/F)·cos(x W + p), (N, F). frequencies : (D, F). phases : (F,)."""

    def __init__(self, frequencies: Array, phases: Array) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.from_numpy(np.array(frequencies, np.float32)))
        self.register_buffer("phases", torch.from_numpy(np.array(phases, np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        waves: Tensor = torch.cos(x.float() @ self.get_buffer("frequencies") + self.get_buffer("phases"))
        scaled: Tensor = waves * (2 / waves.shape[1]) ** 0.5
        return scaled


class Scaled(nn.Module):
    """A batch normalisation in service: (N, D) ↦ x·a + b. Exporters of graphs want to know D before they take one."""

    def __init__(self, norm: nn.BatchNorm1d) -> None:
        super().__init__()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = torch.rsqrt(norm.running_var.detach().double() + norm.eps)
        shift = -norm.running_mean.detach().double() * scale
        if norm.affine:
            scale, shift = scale * norm.weight.detach().double(), shift * norm.weight + norm.bias.detach()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = x.double() * self.get_buffer("scale") + self.get_buffer("shift")
        return scaled.float()


class NoisedBall(nn.Module):
    """(N, D) embeddings and standard noise (N, D) ↦ the embeddings clipped to a ball, plus the noise times a scale.

    centre : (D,). order : 1 or 2, of the norm that the radius is measured in. standard : a key of ``STANDARD``.
    """

    def __init__(self, centre: Array, radius: float, order: int, scale: float, standard: str) -> None:
        super().__init__()
        self.register_buffer("centre", torch.from_numpy(np.array(centre, np.float64)))
        self.radius, self.order, self.scale, self.standard = radius, order, scale, standard

    @property
    def width(self) -> int:
        """D."""
        return len(self.get_buffer("centre"))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        offsets = x.double() - self.get_buffer("centre")
        sizes = offsets.abs() if self.order == 1 else offsets.square()
        distances = sizes.sum(dim=1, keepdim=True)
        distances = distances if self.order == 1 else distances.sqrt()
        clipped: Tensor = self.get_buffer("centre") + offsets * (self.radius / distances.clamp(min=1e-30)).clamp(max=1)
        return clipped + self.scale * noise.double()


class Noised(nn.Module):
    """Steps in turn, one of which takes noise: float32 inputs and noise ↦ float32."""

    def __init__(self, before: nn.Module, drawing: NoisedBall, after: nn.Module) -> None:
        super().__init__()
        self.before, self.drawing, self.after = before, drawing, after

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        outputs: Tensor = self.after(self.drawing(self.before(x), noise).float())
        return outputs


def for_service(module: nn.Module) -> nn.Module:
    """A copy on the CPU whose layers are those of a graph: batch normalisations of vectors are scalings."""
    served = copy.deepcopy(module).cpu().eval()
    for parent in list(served.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm1d):
                setattr(parent, name, Scaled(child))
    return served


class Single(nn.Module):
    """What a module makes of float32 inputs, as float32."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.inner(x.float())
        return outputs.float()


class Photographs(nn.Module):
    """uint8 (N, H, W, 3) photographs ↦ what ``encoder`` makes of (N, 3, H, W) in [0, 1], and its picture.

    decoder : latent → logits of pixels; None releases no picture. The picture is uint8 (N, 3, H, W).
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module | None) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        latent: Tensor = self.encoder(images.permute(0, 3, 1, 2).float() / 255)
        if self.decoder is None:
            return latent
        return latent, torch.round(torch.sigmoid(self.decoder(latent)) * 255).to(torch.uint8)
