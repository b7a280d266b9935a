"""Gaussian blur."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter

from aiakit.contracts import PixelArray
from aiakit.defenses._filter import ImageFilter


class Blur(ImageFilter):
    """x ∗ G_σ, a Gaussian blur, as news and maps use it (studied by Hill et al., PETS 2016, "On the (in)effectiveness
    of mosaicing and blurring as tools for document redaction").

    High frequencies are attenuated, none is removed: networks that are trained on blurred faces recognise them
    (McPherson, Shokri, Shmatikov 2016, arXiv 1609.00408).

    Parameters
    ----------
    sigma : the standard deviation as a share of the picture's width.
    """

    summary = "Gaussian blur"

    def __init__(self, sigma: Annotated[float, Field(gt=0, le=1)] = 0.05) -> None:
        self.sigma = sigma

    def filter(self, images: PixelArray) -> PixelArray:
        width = self.sigma * images.shape[2]
        blurred = gaussian_filter(images.astype(np.float32), (0, width, width, 0), mode="nearest")
        return np.asarray(np.rint(blurred).clip(0, 255).astype(np.uint8))
