"""What the attacks that train a network on released pictures share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn

from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.networks.training import Pixels, fit_classifier, forward_in_batches, seeded


class NetworkOnPictures(Attack):
    """Base: one network, AdamW with a 1cycle schedule on class-balanced cross-entropy, the best epoch on val kept.

    A whole attack, pictures (N, 3, H, W) → probabilities (N, K)::

        class Small(NetworkOnPictures):
            summary = "one convolution"
            epochs, rate, weight_decay = 6, 1e-2, 1e-2

            def network(self, shape, classes):
                look = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
                return nn.Sequential(look, nn.Flatten(), nn.Linear(16 * 4 * 4, classes))

            def rows_a_batch(self, rows):
                return 64
    """

    view = "image"
    label = "cnn"
    epochs: int
    rate: float
    weight_decay: float

    @abstractmethod
    def network(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        """A fresh network: (N, *shape) in [0, 1] → logits (N, classes)."""

    @abstractmethod
    def rows_a_batch(self, rows: int) -> int:
        """The batch size for a training set of so many rows."""

    def augment(self, batch: Tensor, draws: torch.Generator) -> Tensor:
        """A training batch (B, 3, H, W) changed at random; as it is unless a subclass says otherwise."""
        return batch

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self.ctx_ = ctx
        assert train.release.pixels is not None
        pixels = Pixels(train.release.pixels, ctx)
        draws = torch.Generator().manual_seed(ctx.seed_for("flips"))
        with seeded(ctx, "cnn"):
            network = self.network(train.release.pixels.shape[1:], len(train.classes))
            self.network_ = network.to(ctx.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            fit_classifier(
                self.network_,
                lambda rows: self.augment(pixels.batch(rows), draws),
                train,
                lambda: self._logits(val.release),
                val,
                ctx=ctx,
                label=self.label,
                epochs=self.epochs,
                batch_size=self.rows_a_batch(len(train)),
                rate=self.rate,
                weight_decay=self.weight_decay,
                patience=None,
            )
        return self

    def _logits(self, release: Release) -> NDArray[np.float32]:
        assert release.pixels is not None
        return forward_in_batches(self.network_, Pixels(release.pixels, self.ctx_), self.ctx_, 256)

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return np.asarray(softmax(self._logits(release).astype(np.float64), axis=1))
