"""Networks for what is hidden in a picture: fixed filters, full resolution, and a weight for every position.

A photograph's class does not depend on where the face is, so the networks of photographs average over positions, and
what they halve in their first layer is mostly noise. A secret pattern, a tinted corner or a low bit are the opposite:
the networks of steganalysis begin with fixed high-pass filters and keep the full resolution (Xu, Wu and Shi 2016;
Boroumand, Chen and Fridrich, "Deep residual network for steganalysis", 2019), and a pattern is known by its place.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.plugins.bases import NetworkOnPictures

SURROUNDINGS = 5  # pixels: side of the square whose mean is taken off
LEVELS, FAINT = 64.0, 8.0  # grey levels that count as one: of a picture, of what the high-pass filter leaves
GRID = 8  # tiles a side
STEPS, MOST_ROWS = 12, 256  # batches of an epoch, rows of a batch
STRENGTH = 40.0  # of a positional head: its inputs are that much louder, so it learns that much faster


def levels(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] as grey levels from the middle."""
    return (images * 255 - 128) / LEVELS


def residual(images: Tensor) -> Tensor:
    """What is left of (N, 3, H, W) when the mean of each pixel's surroundings is taken off."""
    mean = F.avg_pool2d(images, SURROUNDINGS, 1, SURROUNDINGS // 2, count_include_pad=False)
    return (images - mean) * (255 / FAINT)


def low_bits(images: Tensor) -> Tensor:
    """-1 or 1 (N, 3, H, W), the lowest bit of every value."""
    return 2 * torch.remainder(torch.round(images * 255), 2) - 1


class PositionalHead(nn.Module):
    """(N, C, H, W) → logits: every value standardised by itself, then one weight for each and class, zero at first.

    Inputs are scaled by the root of their number, so that one step changes the logits as much whatever the size.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(features, affine=False)
        self.linear = nn.Linear(features, classes)
        nn.init.zeros_(self.linear.weight)
        self.scale = STRENGTH / features**0.5

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.standardise(maps.flatten(1)) * self.scale)
        return logits


class HighPass(nn.Module):
    """The high-pass residual, read pixel by pixel: for patterns that are always at the same place."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.head = PositionalHead(channels * height * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(residual(images))
        return logits


class Tiles(nn.Module):
    """Levels, residual, low bits and learned features of them at full resolution, read tile by tile."""

    def __init__(self, shape: tuple[int, ...], classes: int, width: int) -> None:
        super().__init__()
        planes = 3 * shape[0]
        self.features = nn.Sequential(
            nn.Conv2d(planes, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.head = PositionalHead((planes + width) * GRID**2, classes)

    def forward(self, images: Tensor) -> Tensor:
        planes = torch.cat([levels(images), residual(images), low_bits(images)], dim=1)
        maps = torch.cat([planes, self.features(planes)], dim=1)
        logits: Tensor = self.head(F.adaptive_avg_pool2d(maps, GRID))
        return logits


class Steganalysis(NetworkOnPictures):
    """One of these networks, trained without augmentation, which would move what it looks for.

    width : learned features of ``Tiles``; 0 for ``HighPass``.
    """

    label = "steganalysis"
    rate = 2e-3
    weight_decay = 0.05

    def __init__(self, width: Annotated[int, Field(ge=0)], epochs: Annotated[int, Field(ge=1)]) -> None:
        self.width = width
        self.epochs = epochs

    def network(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        return Tiles(shape, classes, self.width) if self.width else HighPass(shape, classes)

    def rows_a_batch(self, rows: int) -> int:
        return min(MOST_ROWS, max(8, rows // STEPS))
