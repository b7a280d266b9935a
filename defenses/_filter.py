"""What the filters share that publish a picture without learning anything."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np

from aiakit.contracts import Context, Defense, Faces, PixelArray, Release
from aiakit.plugins.bases import Learned


class ImageFilter(Learned, Defense):
    """Base: a fixed function of the picture. Nothing is learned and nothing is guaranteed: attackers retrain on it."""

    produces = ("image",)

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        self.check(min(train.images.shape[1:3]))
        return self

    def check(self, size: int) -> None:
        """Raise InputError where the parameters make no sense for pictures of ``size`` pixels."""

    @abstractmethod
    def filter(self, images: PixelArray) -> PixelArray:
        """uint8 (N, H, W, 3) → uint8 (N, H, W, 3)."""

    def release(self, images: PixelArray, rng: np.random.Generator) -> Release:
        return Release(image=self.filter(images).transpose(0, 3, 1, 2))
