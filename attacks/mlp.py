"""A multi-layer perceptron: the strongest general attack on what linear erasure leaves behind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from aiakit.networks.blocks import MLP
from aiakit.plugins.bases import NetworkOnEmbeddings


class MultiLayerPerceptron(NetworkOnEmbeddings):
    """Two hidden layers (256, 128), weight decay, early stop on attacker-val; the logits of three seeds averaged.

    In training a sample moves as images of one person differ (``NetworkOnEmbeddings.jitter``).
    """

    presets = ("fast", "strong")
    jitter = 0.4
    summary = "MLP 256-128 with jitter within people and early stop, three seeds averaged"

    def __init__(self, epochs: Annotated[int, Field(ge=1)] = 30, members: Annotated[int, Field(ge=1)] = 3) -> None:
        self.epochs = epochs
        self.members = members

    def network(self, features: int, classes: int) -> nn.Module:
        return MLP([features, 256, 128, classes], dropout=0.2)
