"""Votes by cosine similarity in a labelled gallery of protected templates (Osorio-Roig et al., 2111.12405)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import Normalizer

from aiakit.attacks._neighbours import NeighbourVote
from aiakit.contracts import FloatArray


class SimilarityVote(NeighbourVote):
    """Compares templates as a face recogniser does, so it works wherever recognition still works.

    Lookalikes tend to share soft biometrics: the most similar gallery templates vote with their similarity.
    """

    presets = ("strong",)
    summary = "top-k cosine similarity vote in at most 20,000 gallery templates"

    def prepare(self, train: FloatArray) -> Any:
        """Templates at unit length and otherwise as they are: a recogniser compares them untouched."""
        return Normalizer().fit(train)

    def weigh(self, products: NDArray[Any]) -> NDArray[Any]:
        """Cosine similarity, opposite templates having none."""
        return np.asarray(np.maximum(products, 0))
