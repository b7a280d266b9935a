"""What a fitted encoder or defense offers that can be put into service without aiakit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


class Served(ABC):
    """Mixin: a fitted plugin whose ``module()`` does what ``encode`` or ``release`` does, for ``aiakit export``.

    The module takes a float32 embedding (N, D), or uint8 photographs (N, H, W, 3), and returns the embedding, or the
    embedding and the uint8 picture (N, 3, H, W). ``aiakit.networks.serving`` has the pieces. A defense that takes the
    mean (D,) away::

        class Centre(Learned, Served, EmbeddingDefense):
            def module(self):
                return Affine(np.eye(len(self.mean_)), -self.mean_)
    """

    @abstractmethod
    def module(self) -> nn.Module:
        """The fitted plugin as a module on the CPU. It draws nothing: noise is an input (``NoisedBall``)."""
