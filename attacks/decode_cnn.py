"""Decode, then look: pictures learned back from embeddings, and a CNN on those."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.attacks.cnn import CNN
from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.networks.blocks import ConvDecoder
from aiakit.networks.timm_models import known_model
from aiakit.networks.training import Pixels, autocast, descend, fit_loop, forward_in_batches, one_cycle, seeded
from aiakit.plugins.bases import embedding

BATCH = 128
RATE = 2e-3


class DecodeCNN(Attack):
    """A decoder from the released embedding to the attacker's own photographs, then the CNN on the decoded pictures.

    For releases of embeddings only. The decoder is trained on attacker-train by per-pixel binary cross-entropy.
    """

    knowledge = "adaptive"
    summary = "decodes pictures from the embedding by a decoder of the attacker's, then a CNN"

    def __init__(
        self,
        epochs: Annotated[int, Field(ge=1)] = 20,
        width: Annotated[int, Field(ge=4)] = 24,
        model: Annotated[str, AfterValidator(known_model)] = "resnet10t",
        cnn_epochs: Annotated[int, Field(ge=1)] = 6,
    ) -> None:
        self.epochs = epochs
        self.width = width
        self.model = model
        self.cnn_epochs = cnn_epochs

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        if train.images is None:
            raise ValueError("decode-cnn needs the attacker's photographs")
        self.ctx_ = ctx
        observed = embedding(train.release)
        self.mean_, self.scale_ = observed.mean(0), np.maximum(observed.std(0), 1e-6)
        with seeded(ctx, "decoder"):
            decoder = ConvDecoder(int(train.images.shape[1]), observed.shape[1], self.width)
            self.decoder_ = decoder.to(ctx.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._train_decoder(self._standardise(train.release).to(ctx.device), Pixels(train.images, ctx))
        self.cnn_ = CNN(self.model, epochs=self.cnn_epochs)
        self.cnn_.fit(self._decoded(train), self._decoded(val), ctx.child("cnn"))
        return self

    def _train_decoder(self, inputs: Tensor, pictures: Pixels) -> None:
        optimizer = torch.optim.Adam(self.decoder_.parameters(), lr=RATE)

        def step(rows: Tensor) -> Tensor:
            with autocast(self.ctx_):
                logits = self.decoder_(inputs[rows.to(inputs.device)])
            return descend(optimizer, F.binary_cross_entropy_with_logits(logits.float(), pictures.batch(rows)))

        fit_loop(
            step,
            module=self.decoder_,
            count=len(inputs),
            batch_size=BATCH,
            epochs=self.epochs,
            ctx=self.ctx_,
            label="decoder",
            schedulers=(one_cycle(optimizer, RATE, len(inputs), BATCH, self.epochs),),
        )

    def _decoded(self, evidence: LabelledRelease) -> LabelledRelease:
        return LabelledRelease(self._pictures(evidence.release), evidence.labels, evidence.identity, evidence.classes)

    def _pictures(self, release: Release) -> Release:
        decode = lambda batch: torch.sigmoid(self.decoder_(batch).float())  # noqa: E731
        return Release(image=forward_in_batches(decode, self._standardise(release), self.ctx_))

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return self.cnn_.predict_proba(self._pictures(release))

    def _standardise(self, release: Release) -> Tensor:
        return torch.from_numpy((embedding(release) - self.mean_) / self.scale_)
