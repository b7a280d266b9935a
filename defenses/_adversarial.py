"""What the trained encoders of embeddings share: the network, what is to be kept, the loop, and the adversary."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Embeddings, FloatArray, Release
from aiakit.defenses._networks import OnStandardised
from aiakit.networks.autoencoder import Epochs, Size
from aiakit.networks.blocks import MLP, SiameseHead, contrastive_loss
from aiakit.networks.training import PairSampler, descend, fit_loop, forward_in_batches, steps_per_epoch
from aiakit.plugins.bases import Served

Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
BATCH = 128
HIDDEN = 256
MARGIN = 1.0


class ResidualEncoder(nn.Module):
    """(N, ``features``) → (N, ``out``): a linear path, which starts as a random rotation, beside a hidden layer."""

    def __init__(self, features: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, out, bias=False)
        nn.init.orthogonal_(self.linear.weight)
        self.hidden = MLP([features, HIDDEN, out])

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.linear(inputs) + self.hidden(inputs)
        return outputs


class TrainedEncoder(OnStandardised):
    """Base: an encoder trained with L = L_rec + α·L_Siamese + the subclass's privacy term.

    Inputs are standardised on the defender's people. L_rec is the mean squared error of a decoder that predicts the
    standardised embedding from the latent, L_Siamese the contrastive loss of a matcher on the latent. Decoder and
    matcher are thrown away after training.

    Parameters
    ----------
    alpha : weight of the matcher's loss. beta : weight of the privacy term.
    latent : dimensions of the release. epochs : passes over the data. rate : Adam's learning rate.
    """

    needs_pairs = True

    def __init__(
        self, alpha: Weight = 1.0, beta: Weight = 1.0, latent: Size = 64, epochs: Epochs = 30, rate: Rate = 1e-3
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.latent = latent
        self.epochs = epochs
        self.rate = rate

    @abstractmethod
    def represent(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The latent (B, latent) of standardised inputs (B, D) while training, and losses of its own, a scalar."""

    def privacy(self, latent: Tensor, labels: Tensor, progress: float) -> Tensor:
        """The term that is added to the encoder's loss; ``progress`` runs from 0 to 1 over the training."""
        return latent.new_zeros(())

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The subclass's parameters that descend the loss, as Adam takes them."""
        return [{"params": self.modules_["encoder"].parameters()}]

    def _train(self, train: Embeddings, inputs: Tensor, ctx: Context) -> None:
        counts = np.bincount(train.labels, minlength=len(train.classes))
        balance = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        self.class_weights_ = torch.tensor(balance, dtype=torch.float32, device=ctx.device)
        labels = torch.from_numpy(train.labels).to(ctx.device)
        decoder = MLP([self.latent, HIDDEN, inputs.shape[1]]).to(ctx.device)
        matcher = SiameseHead(self.latent).to(ctx.device)
        helpers = itertools.chain(decoder.parameters(), matcher.parameters())
        keeper = torch.optim.Adam([*self.parameter_groups(), {"params": helpers}], lr=self.rate)
        pairs = PairSampler(train.identity, ctx.seed_for("pairs"))
        rows_a_step = BATCH // 2  # each row brings its partner
        total = self.epochs * steps_per_epoch(len(train), rows_a_step)
        done = itertools.count()

        def step(rows: Tensor) -> Tensor:
            partners, different = pairs.partners(rows)
            both = torch.cat([rows, partners]).to(ctx.device)
            latent, own_loss = self.represent(inputs[both])
            matching = contrastive_loss(matcher(latent), different, MARGIN)
            kept = F.mse_loss(decoder(latent), inputs[both]) + self.alpha * matching
            privacy = self.privacy(latent, labels[both], next(done) / total)
            return descend(keeper, kept + own_loss + privacy)

        fit_loop(
            step,
            module=nn.ModuleList([self.modules_, decoder, matcher]),
            count=len(train),
            batch_size=rows_a_step,
            epochs=self.epochs,
            ctx=ctx,
            label=type(self).__name__,
        )


class AdversarialEncoder(Served, TrainedEncoder):
    """Base: an encoder that is trained against a classifier of the private attribute.

    The latent is batch-normalised without learned scale, so that the encoder cannot win by shrinking it. The
    adversary's loss is cross-entropy in which every class weighs the same.

    Parameters
    ----------
    adversary_rate : the adversary's learning rate; ten times the encoder's, since an encoder as fast as its adversary
        runs away from it and removes even less. The others as of TrainedEncoder.
    """

    def __init__(
        self,
        alpha: Weight = 1.0,
        beta: Weight = 1.0,
        latent: Size = 64,
        epochs: Epochs = 30,
        rate: Rate = 3e-4,
        adversary_rate: Rate = 3e-3,
    ) -> None:
        super().__init__(alpha, beta, latent, epochs, rate)
        self.adversary_rate = adversary_rate

    def modules(self, features: int, classes: int) -> dict[str, nn.Module]:
        encoder = nn.Sequential(ResidualEncoder(features, self.latent), nn.BatchNorm1d(self.latent, affine=False))
        return {"encoder": encoder, "adversary": MLP([self.latent, 64, classes])}

    def represent(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        latent = self.modules_["encoder"](inputs)
        return latent, latent.new_zeros(())

    def adversary_loss(self, latent: Tensor, labels: Tensor) -> Tensor:
        losses = F.cross_entropy(self.modules_["adversary"](latent), labels, reduction="none")
        return (losses * self.class_weights_[labels]).mean()

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        return Release(embedding=self._apply(self.modules_["encoder"], embedding))

    def module(self) -> nn.Module:
        return nn.Sequential(self._standardising(), self.modules_["encoder"])

    def claim(self, release: Release) -> NDArray[Any] | None:
        assert release.embedding is not None
        logits = forward_in_batches(self.modules_["adversary"], torch.from_numpy(release.embedding), self.ctx_, 4096)
        probabilities: NDArray[Any] = torch.softmax(torch.from_numpy(logits).double(), 1).numpy()
        return probabilities
