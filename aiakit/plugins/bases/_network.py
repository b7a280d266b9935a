"""What the attacks that train a network on embeddings share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import nn

from aiakit.contracts import Attack, Context, IntArray, LabelledRelease, Release
from aiakit.networks.training import fit_classifier, forward_in_batches, seeded
from aiakit.plugins.bases._samples import embedding


class NetworkOnEmbeddings(Attack):
    """Base: standardise on attacker-train, train ``members`` networks from different seeds, average their logits.

    Each network is trained by weighted cross-entropy and stops early on attacker-val's weighted log-loss. In training
    an input moves as images of one person differ, times ``jitter``: networks remember the people whom they have seen.
    A whole attack, embeddings (N, D) → probabilities (N, K)::

        class Linear(NetworkOnEmbeddings):
            summary = "one linear layer"
            epochs = 30

            def network(self, features, classes):
                return nn.Linear(features, classes)
    """

    members: int = 1
    jitter: ClassVar[float] = 0.0
    epochs: int
    batch_size: ClassVar[int] = 128
    rate: ClassVar[float] = 1e-3
    weight_decay: ClassVar[float] = 1e-2
    patience: ClassVar[int] = 6

    @abstractmethod
    def network(self, features: int, classes: int) -> nn.Module:
        """A fresh network: (N, features) → logits (N, classes)."""

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self.ctx_ = ctx
        observed = embedding(train.release)
        self.mean_ = observed.mean(0)
        self.scale_ = np.maximum(observed.std(0), 1e-6)
        inputs = self._standardise(train.release).to(ctx.device)
        val_inputs = self._standardise(val.release)
        self.networks_: list[nn.Module] = []
        for member in range(self.members):
            child = ctx.child("member", member)
            with seeded(child, "network"):
                network = self.network(observed.shape[1], len(train.classes)).to(ctx.device)
                self._train(network, inputs, train, val_inputs, val, child)
            self.networks_.append(network)
        return self

    def _train(
        self,
        network: nn.Module,
        inputs: torch.Tensor,
        train: LabelledRelease,
        val_inputs: torch.Tensor,
        val: LabelledRelease,
        ctx: Context,
    ) -> None:
        moves = within_people(inputs, train.identity)

        def batch(rows: torch.Tensor) -> torch.Tensor:
            chosen = inputs[rows.to(inputs.device)]
            if not (self.jitter and len(moves)):
                return chosen
            which, sizes = torch.randint(len(moves), rows.shape), self.jitter * torch.randn(len(rows), 1)
            return chosen + sizes.to(moves.device) * moves[which.to(moves.device)]

        fit_classifier(
            network,
            batch,
            train,
            lambda: forward_in_batches(network, val_inputs, ctx, 4096),
            val,
            ctx=ctx,
            label=type(self).__name__,
            epochs=self.epochs,
            batch_size=self.batch_size,
            rate=self.rate,
            weight_decay=self.weight_decay,
            patience=self.patience,
        )

    def predict_proba(self, release: Release) -> NDArray[Any]:
        inputs = self._standardise(release)
        logits = np.mean([forward_in_batches(network, inputs, self.ctx_, 4096) for network in self.networks_], axis=0)
        return np.asarray(softmax(logits.astype(np.float64), axis=1))

    def _standardise(self, release: Release) -> torch.Tensor:
        return torch.from_numpy((embedding(release) - self.mean_) / self.scale_)


def within_people(inputs: torch.Tensor, identity: IntArray) -> torch.Tensor:
    """(P, D) how two images differ of each of the P people who have several, over √2: with their scatter's covariance.

    inputs : (N, D). identity : (N,).
    """
    order = np.argsort(identity, kind="stable")
    same = np.diff(identity[order]) == 0
    first = np.flatnonzero(same & ~np.concatenate([[False], same[:-1]]))
    return (inputs[order[first]] - inputs[order[first + 1]]) / 2**0.5
