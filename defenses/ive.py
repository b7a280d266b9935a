"""IVE: leave out the variables that a tree ensemble finds most telling."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from sklearn.ensemble import RandomForestClassifier
from torch import nn

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release
from aiakit.networks.serving import Affine
from aiakit.plugins.bases import Learned, Served

SAMPLES = 0.5  # share of the rows that a tree is grown on: half the time for the same ranking


class Ive(Learned, Served, EmbeddingDefense):
    """Incremental variable elimination (Terhörst et al., ICB 2019, "Suppressing gender and age in face templates").

    Each round trains a decision-tree ensemble on the variables that are left, ranks them by their mean decrease of
    impurity and eliminates the first ones. What the eliminated variables said of the attribute is often said by the
    others together: PrivacyProber (arXiv 2211.08864) recovers most of it.

    Parameters
    ----------
    eliminate : share of the variables that is left out in the end; at least one is, and at least one stays.
    rounds : in how many steps. trees : of each ensemble. depth : of each tree.
    """

    summary = "leaves out the variables that a tree ensemble ranks highest"
    learned = ("kept", "width")

    def __init__(
        self,
        eliminate: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        rounds: Annotated[int, Field(ge=1, le=1000)] = 5,
        trees: Annotated[int, Field(ge=1, le=10_000)] = 100,
        depth: Annotated[int, Field(ge=1, le=100)] = 10,
    ) -> None:
        self.eliminate = eliminate
        self.rounds = rounds
        self.trees = trees
        self.depth = depth

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        features = train.embedding.shape[1]
        doomed = min(max(round(self.eliminate * features), 1), features - 1)
        marks = np.linspace(0, doomed, self.rounds + 1).round().astype(int)
        kept = np.arange(features)
        for number, count in enumerate(ctx.track(np.diff(marks), "variable elimination")):
            if count == 0:
                continue
            forest = RandomForestClassifier(
                self.trees,
                max_depth=self.depth,
                max_samples=SAMPLES if len(train) * SAMPLES >= 50 else None,
                class_weight="balanced",
                n_jobs=ctx.threads,
                random_state=ctx.seed_for("ive", number) % 2**31,
            ).fit(train.embedding[:, kept], train.labels)
            least_telling_first = np.argsort(forest.feature_importances_, kind="stable")
            kept = np.sort(kept[least_telling_first[: len(kept) - count]])
        self.kept_, self.width_ = kept.astype(np.int64), np.array(features)
        return self

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        return Release(embedding=embedding[:, self.kept_])

    def module(self) -> nn.Module:
        return Affine(np.eye(int(self.width_))[self.kept_], np.zeros(len(self.kept_)))
