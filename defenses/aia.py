"""AIA, the Adversarial Image Anonymizer, as its poster describes it."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Faces, Release, State
from aiakit.networks.autoencoder import AutoencoderDefense, Epochs, Size, latent_health, reconstruction_loss
from aiakit.networks.blocks import MLP, SiameseHead, contrastive_loss, load_state, state_of
from aiakit.networks.training import (
    PairSampler,
    Pixels,
    autocast,
    descend,
    fit_classifier,
    fit_loop,
    forward_in_batches,
    seeded,
)

Weight = Annotated[float, Field(ge=0)]
BATCH = 128
PRETRAIN_EPOCHS = 20


class AIA(AutoencoderDefense):
    """An autoencoder, an in-loop attacker and a Siamese matcher, trained with L = L_AE + α·L_Siamese − β·L_Adv.

    Each model is pre-trained alone; then all are fine-tuned together: in every batch the attacker takes a step that
    lowers L_Adv on the latents, and autoencoder and matcher take a step that lowers L. L_Adv is the class-balanced
    cross-entropy of the private attribute. −L_Adv has no lower bound, so it stops counting above ``bound`` times the
    entropy of a uniform guess (the poster gives no bound).

    Parameters
    ----------
    alpha, beta : weights of the matcher's and the attacker's loss.
    latent : dimensions of the latent. width : channels of the first convolution.
    epochs : how often each picture is seen in the autoencoder's pre-training, and again in the joint training.
    margin : m of the contrastive loss.
    rate, adversary_rate : learning rates of autoencoder and matcher, and of the attacker, in the joint training.
    """

    summary = "adversarial autoencoder as published: L_AE + alpha*L_Siamese - beta*L_Adv"
    needs_pairs = True

    def __init__(
        self,
        alpha: Weight = 1.0,
        beta: Weight = 1.0,
        latent: Size = 128,
        width: Size = 24,
        epochs: Epochs = 8,
        margin: Annotated[float, Field(gt=0)] = 1.0,
        rate: Annotated[float, Field(gt=0)] = 5e-4,
        adversary_rate: Annotated[float, Field(gt=0)] = 1e-3,
        bound: Annotated[float, Field(gt=0)] = 2.0,
    ) -> None:
        super().__init__(latent, width, epochs)
        self.alpha = alpha
        self.beta = beta
        self.margin = margin
        self.rate = rate
        self.adversary_rate = adversary_rate
        self.bound = bound

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        self.prepare(train, ctx)
        self._fresh_heads(len(train.classes))
        latents = torch.from_numpy(self.encode(train.images)).to(ctx.device)
        with seeded(ctx, "aia"):
            self._fresh_heads(len(train.classes))
            self._pretrain_adversary(latents, train, val)
            self._pretrain_matcher(latents, train)
            self._finetune(train)
        return self

    def _fresh_heads(self, classes: int) -> None:
        self.adversary_ = MLP([self.latent, 64, classes]).to(self.ctx_.device)
        self.matcher_ = SiameseHead(self.latent).to(self.ctx_.device)

    def _pretrain_adversary(self, latents: Tensor, train: Faces, val: Faces) -> None:
        val_latents = torch.from_numpy(self.encode(val.images))
        fit_classifier(
            self.adversary_,
            lambda rows: latents[rows.to(latents.device)],
            train,
            lambda: forward_in_batches(self.adversary_, val_latents, self.ctx_),
            val,
            ctx=self.ctx_,
            label="in-loop attacker",
            epochs=PRETRAIN_EPOCHS,
            batch_size=BATCH,
            rate=1e-3,
            weight_decay=1e-4,
            patience=None,
        )

    def _pretrain_matcher(self, latents: Tensor, train: Faces) -> None:
        pairs = PairSampler(train.identity, self.ctx_.seed_for("matcher pairs"))
        optimizer = torch.optim.Adam(self.matcher_.parameters(), lr=1e-3)

        def step(rows: Tensor) -> Tensor:
            partners, different = pairs.partners(rows)
            points = [self.matcher_(latents[side.to(latents.device)]) for side in (rows, partners)]
            return descend(optimizer, contrastive_loss(torch.cat(points), different, self.margin))

        fit_loop(
            step,
            module=self.matcher_,
            count=len(train),
            batch_size=BATCH,
            epochs=PRETRAIN_EPOCHS,
            ctx=self.ctx_,
            label="matcher",
        )

    def _finetune(self, train: Faces) -> None:
        ctx, device = self.ctx_, torch.device(self.ctx_.device)
        pixels = Pixels(train.images, ctx)
        labels = torch.from_numpy(train.labels).to(device)
        weights = torch.from_numpy(train.weights.astype(np.float32)).to(device)
        ceiling = self.bound * math.log(len(train.classes))
        pairs = PairSampler(train.identity, ctx.seed_for("joint pairs"))
        everything = torch.nn.ModuleList([self.model_, self.adversary_, self.matcher_])
        keeper = torch.optim.Adam(itertools.chain(self.model_.parameters(), self.matcher_.parameters()), lr=self.rate)
        attacker = torch.optim.Adam(self.adversary_.parameters(), lr=self.adversary_rate)

        def adversary_loss(latent: Tensor, rows: Tensor) -> Tensor:
            losses = F.cross_entropy(self.adversary_(latent), labels[rows], reduction="none")
            return (losses * weights[rows]).mean()

        def step(rows: Tensor) -> Tensor:
            partners, different = pairs.partners(rows)
            both = torch.cat([rows, partners])
            images, both = pixels.batch(both), both.to(device)
            with autocast(ctx):
                latent, logits = self.model_(images)
            latent = latent.float()

            descend(attacker, adversary_loss(latent.detach(), both))
            matching = contrastive_loss(self.matcher_(latent), different, self.margin)
            loss = (
                reconstruction_loss(logits, images)
                + self.alpha * matching
                - self.beta * adversary_loss(latent, both).clamp(max=ceiling)
            )
            return descend(keeper, loss)

        fit_loop(
            step,
            module=everything,
            count=len(train),
            batch_size=BATCH // 2,  # each row brings its partner: the network sees BATCH pictures
            epochs=math.ceil(self.epochs / 2),  # as a row and as a partner, a picture is seen twice an epoch
            ctx=ctx,
            label="joint training",
            health=lambda: latent_health(self.model_, pixels, ctx),
        )

    def claim(self, release: Release) -> NDArray[Any] | None:
        assert release.embedding is not None
        logits = forward_in_batches(self.adversary_, torch.from_numpy(release.embedding), self.ctx_)
        probabilities: NDArray[Any] = torch.softmax(torch.from_numpy(logits), 1).numpy()
        return probabilities

    def state_dict(self) -> State:
        return {
            **super().state_dict(),
            **state_of(self.adversary_, "adversary."),
            **state_of(self.matcher_, "matcher."),
        }

    def load_state_dict(self, state: State) -> Self:
        super().load_state_dict(state)
        biases = sorted(name for name in state if name.startswith("adversary.") and name.endswith("bias"))
        if not biases:
            raise ValueError("the state has no in-loop attacker")
        self._fresh_heads(len(state[biases[-1]]))
        load_state(self.adversary_, state, "adversary.")
        load_state(self.matcher_, state, "matcher.")
        return self
