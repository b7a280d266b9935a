"""The latent of the autoencoder that AIA and ``original`` start from."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from aiakit.contracts import Context, Encoder, Faces, PixelArray, State
from aiakit.networks.autoencoder import AutoencoderSettings, Epochs, Size, pretrained_autoencoder
from aiakit.networks.blocks import ConvEncoder, load_state, state_of
from aiakit.networks.serving import Photographs
from aiakit.networks.training import Pixels, forward_in_batches


class Autoencoder(Encoder):
    """The encoder half of an autoencoder trained on the defender's people.

    Parameters
    ----------
    latent : dimensions of the latent. width : channels of the first convolution. epochs : of the training.
    """

    summary = "the latent of an autoencoder trained on the defender's people, as in AIA"

    def __init__(self, latent: Size = 128, width: Size = 24, epochs: Epochs = 8) -> None:
        self.latent = latent
        self.width = width
        self.epochs = epochs

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        self.ctx_ = ctx
        self.image_size_ = int(train.images.shape[1])
        settings = AutoencoderSettings(self.latent, self.width, self.epochs)
        self.network_ = pretrained_autoencoder(settings, train, ctx).encoder
        return self

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        return forward_in_batches(self.network_, Pixels(images, self.ctx_), self.ctx_)

    def module(self) -> nn.Module:
        """As ``aiakit.plugins.bases.Served``."""
        return Photographs(self.network_, None)

    def state_dict(self) -> State:
        return {"image_size": np.array(self.image_size_), **state_of(self.network_, "encoder.")}

    def load_state_dict(self, state: State) -> Self:
        if "image_size" not in state:
            raise ValueError("the state has no image_size")
        self.ctx_ = Context()
        self.image_size_ = int(state["image_size"])
        network = ConvEncoder(self.image_size_, self.latent, self.width)
        load_state(network, state, "encoder.")
        self.network_ = network.to(memory_format=torch.channels_last).eval()
        return self
