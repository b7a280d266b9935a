"""A picture with few pixels, enlarged again."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch.nn.functional import interpolate

from aiakit.contracts import PixelArray
from aiakit.defenses._filter import ImageFilter
from aiakit.errors import InputError


class Downsample(ImageFilter):
    """The picture reduced to ``size`` × ``size`` pixels by an antialiased bilinear filter, then enlarged to its size.

    Extreme low resolution as a defense: Ryoo et al., AAAI 2017, "Privacy-preserving human activity recognition from
    extreme low resolution". No more than size²·3·8 bits are published, which at 16 × 16 is plenty for a gender.

    Parameters
    ----------
    size : width and height of the reduced picture in pixels.
    """

    summary = "few pixels, enlarged again"

    def __init__(self, size: Annotated[int, Field(ge=1, le=4096)] = 16) -> None:
        self.size = size

    def check(self, size: int) -> None:
        if self.size >= size:
            raise InputError(f"downsample.size={self.size} does nothing to pictures of {size} pixels: choose less")

    def filter(self, images: PixelArray) -> PixelArray:
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()
        small = interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        large = interpolate(small.round(), tuple(images.shape[1:3]), mode="bilinear")
        return large.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
