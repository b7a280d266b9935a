"""PE-MIU: the blocks of a template in random order."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release
from aiakit.errors import InputError
from aiakit.plugins.bases import Learned


class PeMiu(Learned, EmbeddingDefense):
    """Privacy enhancement by minimum information units (Terhörst et al., IEEE Access 2020).

    A template is cut into blocks of equal size, and every release puts them in a new random order. Attackers that
    expect a variable at its place are confused; matchers align two templates first, by the assignment of blocks that
    makes them most alike (``similarity``). Nothing is removed: each block still says what it said, a block's place can
    be guessed from its values, and statistics that do not depend on the order are untouched (Osorio-Roig et al.,
    arXiv 2111.12405, find about 90 % of genders). A verifier that compares templates as they stand loses its utility.

    Parameters
    ----------
    block : variables in a block; must divide the embedding's dimensions.
    """

    summary = "blocks of the template in random order: nothing is removed"
    stochastic = True

    def __init__(self, block: Annotated[int, Field(ge=1, le=4096)] = 8) -> None:
        self.block = block

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        features = train.embedding.shape[1]
        if features % self.block or features == self.block:
            raise InputError(
                f"pe-miu.block={self.block} does not cut {features} dimensions into two or more equal blocks: "
                "choose a smaller divisor"
            )
        return self

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        blocks = self._blocks(embedding)
        order = np.argsort(rng.random(blocks.shape[:2]), axis=1)
        return Release(embedding=np.take_along_axis(blocks, order[:, :, None], axis=1).reshape(embedding.shape))

    def similarity(self, left: FloatArray, right: FloatArray) -> NDArray[np.float64]:
        """Cosine similarities (N,) of the rows of two releases (N, D), after the best assignment of blocks."""
        products = np.einsum("nid,njd->nij", self._blocks(left), self._blocks(right)).astype(np.float64)
        best = np.array([matrix[linear_sum_assignment(matrix, maximize=True)].sum() for matrix in products])
        return np.asarray(best / np.maximum(np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1), 1e-30))

    def _blocks(self, embedding: FloatArray) -> FloatArray:
        return embedding.reshape(len(embedding), -1, self.block)
