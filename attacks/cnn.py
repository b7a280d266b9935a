"""A fresh convolutional network on the released pictures."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from scipy.special import softmax
from torch import Tensor, nn

from aiakit.contracts import Attack, Context, Evidence, Release
from aiakit.timm_models import Standardise, existing_file, known_model
from aiakit.training import Pixels, fit_classifier, forward_in_batches, seeded


class CNN(Attack):
    """A timm model trained on the released pictures of attacker-train, with horizontal flips; early stop on val.

    Parameters
    ----------
    model : any timm architecture. weights : path of a checkpoint of that architecture to start from ("" = random).
    epochs, batch_size, rate, weight_decay : of AdamW with a 1cycle schedule.
    """

    view = "image"
    presets = ("strong",)
    summary = "a fresh timm CNN on the released pictures"

    def __init__(
        self,
        model: Annotated[str, AfterValidator(known_model)] = "resnet10t",
        weights: Annotated[str, AfterValidator(existing_file)] = "",
        epochs: Annotated[int, Field(ge=1)] = 6,
        batch_size: Annotated[int, Field(ge=2)] = 64,
        rate: Annotated[float, Field(gt=0)] = 2e-3,
        weight_decay: Annotated[float, Field(ge=0)] = 0.05,
    ) -> None:
        self.model = model
        self.weights = weights
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.weight_decay = weight_decay

    def fit(self, train: Evidence, val: Evidence, ctx: Context) -> Self:
        self.ctx_ = ctx
        assert train.release.pixels is not None
        pixels = Pixels(train.release.pixels, ctx)
        flips = torch.Generator().manual_seed(ctx.seed_for("flips"))

        def augmented(rows: Tensor) -> Tensor:
            batch = pixels.batch(rows)
            flip = (torch.rand(len(rows), generator=flips) < 0.5).to(batch.device)
            return torch.where(flip[:, None, None, None], batch.flip(3), batch)

        with seeded(ctx, "cnn"):
            self.network_ = self._network(len(train.classes)).to(ctx.device, memory_format=torch.channels_last)
            fit_classifier(
                self.network_,
                augmented,
                train.labels,
                train.weights,
                lambda: self._logits(val.release),
                val.labels,
                ctx=ctx,
                label="cnn",
                epochs=self.epochs,
                batch_size=self.batch_size,
                rate=self.rate,
                weight_decay=self.weight_decay,
                patience=None,
            )
        return self

    def _network(self, classes: int) -> nn.Module:
        options: dict[str, Any] = {"num_classes": classes}
        if self.weights:
            options |= {"pretrained": True, "pretrained_cfg_overlay": {"file": self.weights}}
        return nn.Sequential(Standardise(), timm.create_model(self.model, **options))

    def _logits(self, release: Release) -> NDArray[np.float32]:
        assert release.pixels is not None
        return forward_in_batches(self.network_, Pixels(release.pixels, self.ctx_), self.ctx_, 256)

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return np.asarray(softmax(self._logits(release).astype(np.float64), axis=1))
