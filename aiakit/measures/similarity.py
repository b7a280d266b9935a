"""How alike two embeddings are, for a verifier that trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def cosine(left: FloatArray, right: FloatArray) -> FloatArray:
    """(P,) cosines of the rows of two (P, D) arrays; 0 where one of the two has no length."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    product = np.einsum("pd,pd->p", left, right)
    cosines: FloatArray = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
    return cosines


def euclidean(left: FloatArray, right: FloatArray) -> FloatArray:
    """(P,) distances of the rows of two (P, D) arrays, negative: higher is more alike, as of every similarity."""
    distances: FloatArray = -np.linalg.norm(left - right, axis=1)
    return distances


Formula = Callable[[FloatArray, FloatArray], FloatArray]
FORMULAS: Mapping[str, Formula] = {"cosine": cosine, "euclidean": euclidean}
