"""The other end of the scale: a release that says nothing of the face."""

from __future__ import annotations

from typing import Self

import numpy as np

from aiakit.contracts import Context, Defense, Faces, PixelArray, Release, State
from aiakit.networks.autoencoder import Size


class Random(Defense):
    """Gaussian noise in place of the latent and uniform noise in place of the picture, independent of the face.

    No attack can beat chance on it, and no verifier can match it: what an attack shows here is its noise.
    """

    summary = "noise that is independent of the face"
    stochastic = True

    def __init__(self, latent: Size = 128) -> None:
        self.latent = latent

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        return self

    def release(self, images: PixelArray, rng: np.random.Generator) -> Release:
        count, height, width, _ = images.shape
        return Release(
            embedding=rng.standard_normal((count, self.latent), dtype=np.float32),
            image=rng.integers(0, 256, (count, 3, height, width), dtype=np.uint8),
        )

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: State) -> Self:
        return self
