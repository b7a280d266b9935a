"""What the two neighbour votes share: a gallery, brute-force search in chunks, and the number of neighbours."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from aiakit.contracts import Attack, Context, FloatArray, LabelledRelease, Release, batches
from aiakit.plugins.bases import embedding, mean_auc, sample_rows

CHUNK = 512  # probes compared together: with 20,000 samples of a gallery 40 MiB of products
JUDGES = 10_000  # samples of attacker-val on which the number of voters is chosen, at most


class NeighbourVote(Attack):
    """Each probe takes a vote among its nearest gallery samples; how many vote is chosen on attacker-val.

    A search costs (gallery)·D a probe, so the gallery is a random sample of at most ``gallery`` of attacker-train, and
    the number of voters is chosen on at most 10,000 of attacker-val. The search is one product of matrices in
    float32: where hundreds vote among 20,000, scikit-learn's ``NearestNeighbors`` takes two to three times as long.
    """

    def __init__(
        self,
        neighbours: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (5, 15, 50, 150, 400),
        gallery: Annotated[int, Field(ge=1)] = 20_000,
    ) -> None:
        self.neighbours = neighbours
        self.gallery = gallery

    @abstractmethod
    def weigh(self, products: NDArray[Any]) -> NDArray[Any]:
        """(N, k) votes of neighbours whose scalar products with the probe are these."""

    @abstractmethod
    def prepare(self, train: FloatArray) -> Any:
        """A fitted scikit-learn transformer of the inputs, after which the Euclidean distance tells who is near."""

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Keep the gallery, choose the number of votes on ``val``."""
        train = train[sample_rows(len(train), self.gallery, ctx.rng("gallery"))]
        self._threads, self._classes = ctx.threads, len(train.classes)
        self._scaler = self.prepare(embedding(train.release))
        self._ballots = np.eye(self._classes)[train.labels] * train.weights[:, None]
        self._sizes = sorted({min(k, len(train)) for k in self.neighbours})
        self._gallery = self._inputs(train.release)
        self._offsets = (self._gallery**2).sum(axis=1) / 2
        judges = val[sample_rows(len(val), JUDGES, ctx.rng("judges"))]
        self._best = int(np.argmax([mean_auc(poll, judges) for poll in self._polls(judges.release)]))
        return self

    def approximation(self, rows: int) -> str | None:
        """A gallery that is a sample."""
        return f"a gallery of {self.gallery:,}" if rows > self.gallery else None

    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K): the share of the votes for each class, each class weighing the same in the gallery."""
        return np.asarray(self._polls(release)[self._best])

    def _inputs(self, release: Release) -> FloatArray:
        return np.asarray(self._scaler.transform(embedding(release)), dtype=np.float32)

    def _polls(self, release: Release) -> NDArray[np.float64]:
        """(len(sizes), N, K) class probabilities for every number of voters."""
        polls = np.empty((len(self._sizes), len(release), self._classes))
        most = self._sizes[-1]
        for rows in batches(len(release), CHUNK):
            with threadpool_limits(self._threads):
                products = self._inputs(release[rows]) @ self._gallery.T
            gaps = self._offsets - products  # half the squared distance, but for a term of the probe alone
            found = np.argpartition(gaps, most - 1, axis=1)[:, :most]
            order = np.argsort(np.take_along_axis(gaps, found, axis=1), axis=1, kind="stable")
            found = np.take_along_axis(found, order, axis=1)
            votes = self.weigh(np.take_along_axis(products, found, axis=1))[:, :, None] * self._ballots[found]
            counts = np.cumsum(votes, axis=1)[:, [k - 1 for k in self._sizes]] + 1 / self._classes  # one vote for all
            polls[:, rows] = (counts / counts.sum(axis=2, keepdims=True)).transpose(1, 0, 2)
        return polls
