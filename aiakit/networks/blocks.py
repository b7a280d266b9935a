"""Network blocks that plugins share. Sizes follow the recipe of METHOD: small enough to train on a CPU."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import State

SMALLEST_MAP = 4  # height and width of the last feature map of the encoder


def _stages(image_size: int) -> int:
    stages, size = 0, image_size
    while size > SMALLEST_MAP and size % 2 == 0:
        size //= 2
        stages += 1
    if stages < 2:
        raise ValueError(f"image size {image_size} cannot be halved twice: choose a multiple of 16")
    return stages


class ConvEncoder(nn.Module):
    """(N, 3, S, S) in [0, 1] → latent (N, ``latent``): 4×4 convolutions of stride 2, then one linear layer."""

    def __init__(self, image_size: int, latent: int, width: int) -> None:
        super().__init__()
        stages = _stages(image_size)
        layers: list[nn.Module] = []
        channels = 3
        for stage in range(stages):
            out = width * 2 ** min(stage, 3)
            layers += [nn.Conv2d(channels, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.2, True)]
            channels = out
        self.features = nn.Sequential(*layers)
        self.project = nn.Linear(channels * (image_size >> stages) ** 2, latent)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.features(images * 2 - 1)
        projected: Tensor = self.project(features.flatten(1))
        return projected


class ConvDecoder(nn.Module):
    """Latent (N, ``latent``) → logits of pixels (N, 3, S, S): the encoder mirrored."""

    def __init__(self, image_size: int, latent: int, width: int) -> None:
        super().__init__()
        stages = _stages(image_size)
        self.map_size = image_size >> stages
        channels = width * 2 ** min(stages - 1, 3)
        self.channels = channels
        self.expand = nn.Linear(latent, channels * self.map_size**2)
        layers: list[nn.Module] = []
        for stage in reversed(range(stages)):
            if stage:
                out = width * 2 ** min(stage - 1, 3)
                layers += [nn.ConvTranspose2d(channels, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(True)]
                channels = out
            else:
                layers += [nn.ConvTranspose2d(channels, 3, 4, 2, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, latent: Tensor) -> Tensor:
        maps = self.expand(latent).reshape(-1, self.channels, self.map_size, self.map_size)
        logits: Tensor = self.layers(maps.contiguous(memory_format=torch.channels_last))
        return logits


class Autoencoder(nn.Module):
    """Encoder and decoder; ``forward`` returns the latent (N, L) and the logits of the reconstruction (N, 3, S, S)."""

    def __init__(self, image_size: int, latent: int, width: int) -> None:
        super().__init__()
        self.encoder = ConvEncoder(image_size, latent, width)
        self.decoder = ConvDecoder(image_size, latent, width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        latent: Tensor = self.encoder(images)
        return latent, self.decoder(latent)


class MLP(nn.Sequential):
    """(N, sizes[0]) → (N, sizes[-1]); ReLU between the layers, optionally batch norm and dropout."""

    def __init__(self, sizes: Sequence[int], *, dropout: float = 0.0, batch_norm: bool = False) -> None:
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes[:-1]):
            layers.append(nn.Linear(before, after))
            if batch_norm:
                layers.append(nn.BatchNorm1d(after))
            layers.append(nn.ReLU())
            if dropout:
                layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(sizes[-2], sizes[-1]))
        super().__init__(*layers)


class SiameseHead(nn.Module):
    """(N, D) → unit vectors (N, ``out``): the branch of the Siamese matcher that works on a representation.

    A linear path runs beside the hidden layer, so that the head starts as a random projection, which keeps the
    angles of an embedding that is good already, and learns what it can add.
    """

    def __init__(self, features: int, out: int = 64, hidden: int = 128) -> None:
        super().__init__()
        self.linear = nn.Linear(features, out, bias=False)
        self.hidden = MLP([features, hidden, out])

    def forward(self, representation: Tensor) -> Tensor:
        return F.normalize(self.linear(representation) + self.hidden(representation), dim=1, eps=1e-6)


def contrastive_loss(points: Tensor, different: Tensor, margin: float) -> Tensor:
    """Mean of (1−y)·½D² + y·½·max(0, m−D)², with y = 1 for different people (Hadsell, Chopra, LeCun 2006).

    points : (2B, d), B rows and then their partners. different : bool (B,), on any device. D is the Euclidean distance,
    with a finite gradient where the two are equal.
    """
    left, right = points.chunk(2)
    distance, different = torch.sqrt((left - right).square().sum(1) + 1e-8), different.to(points.device)
    return 0.5 * torch.where(different, (margin - distance).clamp(min=0).square(), distance.square()).mean()


def state_of(module: nn.Module, prefix: str = "") -> State:
    """The module's parameters and buffers as arrays on the CPU, named ``prefix`` + their names."""
    return {prefix + name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()}


def load_state(module: nn.Module, state: State, prefix: str = "") -> None:
    """Load what ``state_of`` returned with the same prefix. Raises ValueError where names or shapes do not fit."""
    found = {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}
    expected = module.state_dict()
    for name, tensor in expected.items():
        if name not in found:
            raise ValueError(f"the state has no {prefix}{name}")
        if tuple(found[name].shape) != tuple(tensor.shape):
            raise ValueError(f"{prefix}{name} has shape {found[name].shape}, expected {tuple(tensor.shape)}")
    module.load_state_dict({name: torch.from_numpy(np.array(found[name])) for name in expected})


def copy_state(module: nn.Module) -> dict[str, Any]:
    """A snapshot of the module's state on its own device."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
