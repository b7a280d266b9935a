"""Weights under which a person with many pictures counts no more than another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray


def person_weights(identity: IntArray, evenness: float = 1.0) -> NDArray[np.float64]:
    """(N,) weights 1/images^evenness: with 1 every person weighs alike, with 0 every image."""
    _, person, images = np.unique(identity, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1 / images[person] ** evenness
    return weights
