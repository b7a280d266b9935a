"""The autoencoder that AIA starts from, and what every defense built on it shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Defense, Faces, PixelArray, Release, State
from aiakit.networks.blocks import Autoencoder, load_state, state_of
from aiakit.networks.serving import Photographs
from aiakit.networks.training import Pixels, autocast, descend, fit_loop, forward_in_batches, one_cycle, seeded

Epochs = Annotated[int, Field(ge=1, le=10_000)]
Size = Annotated[int, Field(ge=2, le=4096)]
BATCH = 128
RATE = 2e-3
COLLAPSED = 1e-4  # a latent whose standard deviation over pictures is below this tells no picture from another


@dataclass(frozen=True)
class AutoencoderSettings:
    """What the pre-training of an autoencoder depends on besides data and seed."""

    latent: int
    width: int
    epochs: int


def pretrained_autoencoder(settings: AutoencoderSettings, train: Faces, ctx: Context) -> Autoencoder:
    """An autoencoder trained on the faces by per-pixel binary cross-entropy; remembered by the context's memo."""
    image_size = int(train.images.shape[1])

    def compute() -> State:
        with seeded(ctx, "autoencoder"):
            return state_of(_train(_fresh(image_size, settings, ctx), train, settings.epochs, ctx))

    inputs = {"image_size": image_size, "latent": settings.latent, "width": settings.width, "epochs": settings.epochs}
    state = ctx.memo("autoencoder", inputs, compute)
    model = _fresh(image_size, settings, ctx)
    load_state(model, state)
    return model.eval()


def _fresh(image_size: int, settings: AutoencoderSettings, ctx: Context) -> Autoencoder:
    model = Autoencoder(image_size, settings.latent, settings.width)
    return model.to(ctx.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _train(model: Autoencoder, train: Faces, epochs: int, ctx: Context) -> Autoencoder:
    pixels = Pixels(train.images, ctx)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = one_cycle(optimizer, RATE, len(train), BATCH, epochs)

    def step(rows: Tensor) -> Tensor:
        images = pixels.batch(rows)
        with autocast(ctx):
            _, logits = model(images)
        return descend(optimizer, reconstruction_loss(logits, images))

    fit_loop(
        step,
        module=model,
        count=len(train),
        batch_size=BATCH,
        epochs=epochs,
        ctx=ctx,
        label="autoencoder",
        schedulers=(schedule,),
        health=lambda: latent_health(model, pixels, ctx),
    )
    return model


def reconstruction_loss(logits: Tensor, images: Tensor) -> Tensor:
    """L_AE: mean per-pixel binary cross-entropy between the picture and its reconstruction."""
    return F.binary_cross_entropy_with_logits(logits.float(), images)


def latent_health(model: Autoencoder, pixels: Pixels, ctx: Context) -> str | None:
    """What is wrong with the latent of the first pictures: nothing (None), not finite, or collapsed."""
    latent = forward_in_batches(model.encoder, _Head(pixels), ctx)
    if not np.isfinite(latent).all():
        return "the latent is not finite"
    if len(latent) > 1 and float(latent.std(0).mean()) < COLLAPSED:
        return "the latent collapsed (every picture has the same)"
    return None


class _Head(Pixels):
    """The first 256 pictures of a set."""

    def __init__(self, pixels: Pixels) -> None:
        self.__dict__.update(pixels.__dict__)

    def __len__(self) -> int:
        return min(256, len(self.images))


class AutoencoderDefense(Defense):
    """Base of the defenses whose release is an autoencoder's latent and reconstruction.

    Parameters
    ----------
    latent : dimensions of the latent. width : channels of the first convolution. epochs : of the autoencoder.
    """

    def __init__(self, latent: Size = 128, width: Size = 24, epochs: Epochs = 8) -> None:
        self.latent = latent
        self.width = width
        self.epochs = epochs

    def settings(self) -> AutoencoderSettings:
        return AutoencoderSettings(self.latent, self.width, self.epochs)

    def prepare(self, train: Faces, ctx: Context) -> None:
        """Pre-train the autoencoder and remember where and on what it runs."""
        self.ctx_ = ctx
        self.image_size_ = int(train.images.shape[1])
        self.model_ = pretrained_autoencoder(self.settings(), train, ctx)

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        self.prepare(train, ctx)
        return self

    def encode(self, images: PixelArray) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The latent (N, latent) of uint8 (N, S, S, 3) images."""
        return forward_in_batches(self.model_.encoder, Pixels(images, self.ctx_), self.ctx_)

    def decode(self, latent: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The pictures (N, 3, S, S) in [0, 1] of latents (N, latent)."""
        return forward_in_batches(
            lambda batch: torch.sigmoid(self.model_.decoder(batch).float()), torch.from_numpy(latent), self.ctx_
        )

    def release(self, images: PixelArray, rng: np.random.Generator) -> Release:
        latent = self.encode(images)
        return Release(embedding=latent, image=self.decode(latent))

    def module(self) -> nn.Module:
        """As ``aiakit.plugins.bases.Served``."""
        return Photographs(self.model_.encoder, self.model_.decoder)

    def state_dict(self) -> State:
        return {"image_size": np.array(self.image_size_), **state_of(self.model_, "autoencoder.")}

    def load_state_dict(self, state: State) -> Self:
        if "image_size" not in state:
            raise ValueError("the state has no image_size")
        self.ctx_ = Context()
        self.image_size_ = int(state["image_size"])
        model = _fresh(self.image_size_, self.settings(), self.ctx_)
        load_state(model, state, "autoencoder.")
        self.model_ = model.eval()
        return self
