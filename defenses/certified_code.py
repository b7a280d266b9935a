"""A code of few values, which bounds every attacker."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from threadpoolctl import threadpool_limits
from torch import nn

from aiakit.contracts import Context, Embeddings, FloatArray, Release
from aiakit.defenses._people import person_weights
from aiakit.defenses.identity_transport import IdentityTransport
from aiakit.measures.certificate import certificate
from aiakit.networks.autoencoder import Size
from aiakit.networks.serving import Nearest

CODEBOOKS = 6  # that are tried
HELD_OUT = 3  # one in so many of the defender's people chooses


class CertifiedCode(IdentityTransport):
    """The nearest of ``values`` centres, in few directions of identity in which the classes look alike.

    What takes k values tells an attacker which of k cells a face lies in, and no more. How differently the classes fall
    into the cells bounds the balanced accuracy of every attack on one image, whoever trained it; the bound is counted
    on people whom nothing was fitted to, and stands in the results of a run (``measures.certificate``; the argument is
    that of FARE, Jovanović et al., ICML 2023, arXiv 2210.07213).

    1. ``identity-transport`` into ``latent`` directions: the fewer, the more each cell says of who it is.
    2. Codebooks by k-means, every person weighing alike, of two thirds of the defender's people.
    3. Of these the one that is bounded best on the held-out third.

    Parameters
    ----------
    values : how many values the release takes, at most those people's number: more verify better, and are bounded less
        tightly.
    latent : dimensions in which the cells lie. evenness : as in identity-transport.
    """

    summary = "one of few values, near in identity and balanced in the class: bounds every attack on one image"
    learned: ClassVar[tuple[str, ...]] = (*IdentityTransport.learned, "centres")

    def __init__(
        self,
        values: Annotated[int, Field(ge=2, le=4096)] = 32,
        latent: Size = 8,
        evenness: Annotated[float, Field(ge=0, le=1)] = 1.0,
    ) -> None:
        super().__init__(latent, evenness)
        self.values = values

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Raises InputError as identity-transport does."""
        people, person = np.unique(train.identity, return_inverse=True)
        learns = np.ones(len(people), bool)
        learns[ctx.rng("held out").permutation(len(people))[::HELD_OUT]] = False
        count = min(self.values, int(np.count_nonzero(learns)))
        super().fit(train, val, ctx)
        placed = super().release(train.embedding, ctx.rng("release")).embedding
        assert placed is not None
        own, other = learns[person], ~learns[person]
        weights = person_weights(train.identity[own])
        bounds, codebooks = [], []
        with threadpool_limits(ctx.threads):
            for number in range(CODEBOOKS):
                model = KMeans(count, n_init=1, random_state=ctx.seed_for("codebook", number) % 2**32)
                cells = model.fit(placed[own], sample_weight=weights).predict(placed[other])
                found = certificate(cells, train.labels[other], train.identity[other], len(train.classes))
                bounds.append(1.0 if found is None else found.bound)
                codebooks.append(model.cluster_centers_)
        self.centres_ = codebooks[int(np.argmin(bounds))].astype(np.float32)
        return self

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        placed = super().release(embedding, rng).embedding
        assert placed is not None
        return Release(embedding=self.centres_[pairwise_distances_argmin(placed, self.centres_)])

    def module(self) -> nn.Module:
        return nn.Sequential(super().module(), Nearest(self.centres_))
