"""What the defenses share that are networks on standardised embeddings."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, State
from aiakit.networks.blocks import load_state, state_of
from aiakit.networks.serving import Affine, Single
from aiakit.networks.training import forward_in_batches, seeded


class OnStandardised(EmbeddingDefense):
    """Base: networks on embeddings that are standardised on the defender's people, which are all of the state."""

    @abstractmethod
    def modules(self, features: int, classes: int) -> dict[str, nn.Module]:
        """What the subclass trains and keeps, as new networks."""

    @abstractmethod
    def _train(self, train: Embeddings, inputs: Tensor, ctx: Context) -> None:
        """Train ``modules_`` in place; inputs : the standardised embeddings (N, D) on the context's device."""

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        self.mean_ = train.embedding.mean(0)
        self.scale_ = np.maximum(train.embedding.std(0), 1e-6)
        with seeded(ctx, "encoder"):
            self._begin(train.embedding.shape[1], len(train.classes), ctx)
            self._train(train, self._standardise(train.embedding).to(ctx.device), ctx)
        return self

    def _begin(self, features: int, classes: int, ctx: Context) -> None:
        self.ctx_, self.classes_ = ctx, classes
        self.modules_ = nn.ModuleDict(self.modules(features, classes)).to(ctx.device).eval()

    def _standardise(self, embedding: FloatArray) -> Tensor:
        return torch.from_numpy((embedding - self.mean_) / self.scale_)

    def _standardising(self) -> nn.Module:
        """What ``_standardise`` does, as a module in service."""
        return Single(Affine(np.diag(1 / self.scale_.astype(np.float64)), -self.mean_ / self.scale_))

    def _apply(self, function: Any, embedding: FloatArray) -> NDArray[np.float32]:
        """What a module makes of embeddings (N, D)."""
        return forward_in_batches(function, self._standardise(embedding), self.ctx_, 4096)

    def state_dict(self) -> State:
        learned = {"classes": np.array(self.classes_), "mean": self.mean_, "scale": self.scale_}
        return {**learned, **state_of(self.modules_, "modules.")}

    def load_state_dict(self, state: State) -> Self:
        for name in ("classes", "mean", "scale"):
            if name not in state:
                raise ValueError(f"the state has no {name}")
        self.mean_, self.scale_ = state["mean"], state["scale"]
        self._begin(len(self.mean_), int(state["classes"]), Context())
        load_state(self.modules_, state, "modules.")
        return self
