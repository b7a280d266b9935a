"""The in-loop attacker's own network, trained afresh on what was released."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from aiakit.networks.blocks import MLP
from aiakit.plugins.bases import NetworkOnEmbeddings


class GenderMLP(NetworkOnEmbeddings):
    """An MLP with one hidden layer of 64 units: the poster's gender classifier, of the same shape as AIA's attacker."""

    summary = "the in-loop attacker's network, trained afresh on the release"
    presets = ("strong",)

    def __init__(self, epochs: Annotated[int, Field(ge=1)] = 40) -> None:
        self.epochs = epochs

    def network(self, features: int, classes: int) -> nn.Module:
        return MLP([features, 64, classes])
