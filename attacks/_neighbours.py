"""What the two neighbour votes share: a gallery, brute-force search in chunks, and the number of neighbours."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from aiakit.attacks._shared import CHUNK, embedding, sample_rows, separation
from aiakit.contracts import Attack, Context, Evidence, FloatArray, Release, batches


class NeighbourVote(Attack):
    """Each probe takes a vote among its nearest gallery samples; how many vote is chosen on attacker-val.

    A search costs (gallery)·D a probe, so the gallery is a random sample of at most ``gallery`` of attacker-train.
    """

    metric: ClassVar[str]

    def __init__(
        self,
        neighbours: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (5, 15, 50, 150, 400),
        gallery: Annotated[int, Field(ge=1)] = 20_000,
    ) -> None:
        self.neighbours = neighbours
        self.gallery = gallery

    @abstractmethod
    def weigh(self, distances: NDArray[Any]) -> NDArray[Any]:
        """(N, k) votes of neighbours at these distances."""

    @abstractmethod
    def prepare(self, train: FloatArray) -> Any:
        """A fitted scikit-learn transformer of the inputs."""

    def fit(self, train: Evidence, val: Evidence, ctx: Context) -> Self:
        """Keep the gallery, choose the number of votes on ``val``."""
        train = train[sample_rows(len(train), self.gallery, ctx.rng("gallery"))]
        self._threads, self._classes = ctx.threads, len(train.classes)
        self._scaler = self.prepare(embedding(train.release))
        self._ballots = np.eye(self._classes)[train.labels] * train.weights[:, None]
        self._sizes = sorted({min(k, len(train)) for k in self.neighbours})
        self._search = NearestNeighbors(
            n_neighbors=self._sizes[-1], metric=self.metric, algorithm="brute", n_jobs=ctx.threads
        ).fit(self._inputs(train.release))
        scores = self._polls(val.release)
        self._best = int(np.argmax([separation(poll, val.labels) for poll in scores]))
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K): the share of the votes for each class, each class weighing the same in the gallery."""
        return self._polls(release)[self._best]

    def _inputs(self, release: Release) -> FloatArray:
        return np.asarray(self._scaler.transform(embedding(release)), dtype=np.float32)

    def _polls(self, release: Release) -> NDArray[np.float64]:
        """(len(sizes), N, K) class probabilities for every number of voters."""
        polls = np.empty((len(self._sizes), len(release), self._classes))
        for rows in batches(len(release), CHUNK // 10):
            with threadpool_limits(self._threads):
                distances, found = self._search.kneighbors(self._inputs(release[rows]))
            votes = self.weigh(distances)[:, :, None] * self._ballots[found]
            counts = np.cumsum(votes, axis=1)[:, [k - 1 for k in self._sizes]] + 1 / self._classes  # one vote for all
            polls[:, rows] = (counts / counts.sum(axis=2, keepdims=True)).transpose(1, 0, 2)
        return polls
