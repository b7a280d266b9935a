"""k nearest neighbours in Euclidean distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from aiakit.attacks._neighbours import NeighbourVote
from aiakit.contracts import FloatArray


class KNN(NeighbourVote):
    """One vote each among the nearest in standardised coordinates."""

    presets = ("fast", "strong")
    summary = "k nearest neighbours in at most 20,000 gallery samples"

    def prepare(self, train: FloatArray) -> Any:
        """Every coordinate weighs the same."""
        return StandardScaler().fit(train)

    def weigh(self, products: NDArray[Any]) -> NDArray[Any]:
        """Equal votes."""
        return np.ones_like(products)
