"""A wide, regularised perceptron."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from aiakit.networks.blocks import MLP
from aiakit.plugins.bases import NetworkOnEmbeddings


class WideMLP(NetworkOnEmbeddings):
    """Three hidden layers of 512 units with batch norm and dropout, early stop on attacker-val."""

    presets = ("strong",)
    summary = "MLP 512-512-512 with batch norm and dropout, early stop"

    def __init__(self, epochs: Annotated[int, Field(ge=1)] = 30, members: Annotated[int, Field(ge=1)] = 1) -> None:
        self.epochs = epochs
        self.members = members

    def network(self, features: int, classes: int) -> nn.Module:
        return MLP([features, 512, 512, 512, classes], dropout=0.4, batch_norm=True)
