"""What an attack is given to learn from: its embedding, a part of its rows, a seed for libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attack, Context, FloatArray, LabelledRelease, Release, batches


def embedding(release: Release) -> FloatArray:
    """float32 (N, D): the embedding that an attack with ``view = "embedding"`` or ``"inverted"`` is handed.

    >>> embedding(Release(embedding=np.zeros((3, 2), np.float32))).shape
    (3, 2)
    """
    found = release.inverted if release.embedding is None else release.embedding
    if found is None:
        raise ValueError("this attack reads embeddings and the release has none")
    return found


def sample_rows(
    count: int, most: int, rng: np.random.Generator, weights: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """``most`` of ``count`` rows drawn without replacement, in their order; every row where there are no more.

    weights : (count,), positive, what chances are proportional to; None: all alike.

    >>> sample_rows(3, 5, np.random.default_rng(0)), len(sample_rows(9, 5, np.random.default_rng(0)))
    (array([0, 1, 2]), 5)
    """
    if count <= most:
        return np.arange(count)
    return np.sort(rng.choice(count, most, replace=False, p=None if weights is None else weights / weights.sum()))


def subsample(evidence: LabelledRelease, most: int, ctx: Context, name: str) -> LabelledRelease:
    """At most so many samples of the evidence, the same ones under one context and name.

    ``train = subsample(train, 5_000, ctx, "rows")``
    """
    return evidence[sample_rows(len(evidence), most, ctx.rng(name))]


class Sampled(Attack):
    """Mixin: an attack that learns from at most ``rows`` samples, its option, and says so beside its results.

    ``class Forest(Sampled, GridAttack)``, with ``self.rows = rows`` in its ``__init__``.
    """

    rows: int

    def approximation(self, rows: int) -> str | None:
        """A sample."""
        return f"a sample of {self.rows:,}" if rows > self.rows else None


def in_chunks(predict: Callable[[Release], NDArray[Any]], release: Release, size: int = 2_048) -> NDArray[Any]:
    """(N, K) ``predict`` of a release, some rows at a time: what pictures are turned into may be larger than they.

    ``return in_chunks(super().predict_proba, release)``
    """
    parts = [predict(release[rows]) for rows in batches(len(release), size)]
    return np.concatenate(parts) if parts else predict(release)


def sklearn_seed(ctx: Context, *names: str | int) -> int:
    """The context's seed for a purpose, in scikit-learn's and xgboost's 31-bit range.

    ``RandomForestClassifier(random_state=sklearn_seed(ctx, "forest"))``
    """
    return ctx.seed_for(*names) % 2**31
