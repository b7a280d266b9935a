"""Pixelation (mosaicing)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aiakit.contracts import PixelArray
from aiakit.defenses._filter import ImageFilter
from aiakit.errors import InputError


class Pixelate(ImageFilter):
    """Every block of the picture shows its mean colour (studied by McPherson, Shokri, Shmatikov 2016, arXiv 1609.00408,
    whose networks, trained on mosaiced faces, recognise them).

    Parameters
    ----------
    blocks : how many blocks the picture is wide and high.
    """

    summary = "mosaic of blocks in their mean colour"

    def __init__(self, blocks: Annotated[int, Field(ge=1, le=4096)] = 8) -> None:
        self.blocks = blocks

    def check(self, size: int) -> None:
        if self.blocks > size:
            raise InputError(f"pixelate.blocks={self.blocks} does nothing to pictures of {size} pixels: choose fewer")

    def filter(self, images: PixelArray) -> PixelArray:
        height, width = images.shape[1:3]
        rows, columns = _edges(height, self.blocks), _edges(width, self.blocks)
        tall, wide = np.diff(rows), np.diff(columns)
        sums = np.add.reduceat(images.astype(np.float32), rows[:-1], axis=1)
        sums = np.add.reduceat(sums, columns[:-1], axis=2)
        means = np.rint(sums / (tall[:, None, None] * wide[:, None])).astype(np.uint8)
        return np.repeat(np.repeat(means, tall, axis=1), wide, axis=2)


def _edges(size: int, blocks: int) -> NDArray[np.int64]:
    """Where the blocks begin, and the end: as equal as whole pixels allow."""
    return np.linspace(0, size, blocks + 1).round().astype(np.int64)
