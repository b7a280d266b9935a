"""A defense of embeddings: the classes are given one mean."""

from __future__ import annotations

from typing import Self

import numpy as np

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release, State


class SharedMean(EmbeddingDefense):
    """Projects out the directions in which the class means differ. Whatever else tells the classes apart stays."""

    summary = "projects out the directions between class means"

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        present = np.unique(train.labels)
        means = np.stack([train.embedding[train.labels == k].mean(axis=0, dtype=np.float64) for k in present])
        self._centre = means.mean(axis=0).astype(np.float32)
        _, size, directions = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
        self._directions = directions[size > 1e-9].astype(np.float32)
        return self

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        along = (embedding - self._centre) @ self._directions.T
        return Release(embedding=embedding - along @ self._directions)

    def state_dict(self) -> State:
        return {"centre": self._centre, "directions": self._directions}

    def load_state_dict(self, state: State) -> Self:
        if set(state) != {"centre", "directions"} or state["directions"].shape[1:] != state["centre"].shape:
            raise ValueError("the state must hold a centre (D,) and directions (M, D)")
        self._centre, self._directions = state["centre"], state["directions"]
        return self
