"""FARE: the cell of a fair decision tree, which bounds every attacker."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import nn

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release
from aiakit.defenses._fair_tree import grow, which_cell
from aiakit.defenses._identity import class_moments, identity_directions, person_means, require_pairs
from aiakit.defenses._people import person_weights
from aiakit.networks.autoencoder import Size
from aiakit.networks.serving import Affine, Cells
from aiakit.plugins.bases import Learned, Served

Array = NDArray[np.float64]


class Fare(Learned, Served, EmbeddingDefense):
    """Fairness with a restricted encoder (Jovanović, Balunović, Dimitrov, Vechev, "FARE: Provably Fair Representation
    Learning with Practical Certificates", ICML 2023, arXiv 2210.07213): the median of the cell of a decision tree.

    The tree is grown best first by the fair Gini impurity (1 − γ)·Gini(y) + γ·(1 − 1/K − Gini(s)), s the attribute and
    y the task. What takes k values tells an attacker which of k cells a face lies in, and no more: how differently the
    classes fall into the cells bounds the balanced accuracy of every attack on one image of a new person of the same
    population, whoever trained it. The bound is counted on people whom the tree was not grown on, and stands in the
    results of a run (``measures.certificate``). Several images of one person may tell more.

    The paper's task is a label with few values; here it is which of ``groups`` clusters of like people a face is of
    (k-means of people's means, their class's mean taken out). The tree splits the directions in which people of one
    class differ most, where the paper's splits columns of a table. Every person weighs alike, and in Gini(s) every
    class.

    Parameters
    ----------
    cells : k̄, most values that the release takes. people : n_min, fewest people in a cell.
    trade_off : γ, from 0 (the attribute does not count) to 1 (nothing else does, and nothing is split).
    groups : values of the task, at most the number of people. latent : directions that may be split.
    """

    summary = "cells of a decision tree that weighs identity against the class: bounds every attack on one image"
    learned = ("forms", "thresholds", "paths", "centres")
    needs_pairs = True

    def __init__(
        self,
        cells: Annotated[int, Field(ge=2, le=4096)] = 32,
        people: Annotated[int, Field(ge=1)] = 10,
        trade_off: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        groups: Annotated[int, Field(ge=2, le=1024)] = 16,
        latent: Size = 24,
    ) -> None:
        self.cells = cells
        self.people = people
        self.trade_off = trade_off
        self.groups = groups
        self.latent = latent

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Raises InputError where nobody has two images."""
        require_pairs(train, "fare")
        weights = person_weights(train.identity)
        with threadpool_limits(ctx.threads):
            x = train.embedding.astype(np.float64)
            directions = identity_directions(x, train.labels, train.identity, min(self.latent, x.shape[1]))
            places = x @ directions
            private = np.eye(len(train.classes))[train.labels] * weights[:, None]
            sums = private.sum(axis=0)
            private /= np.where(sums > 0, sums, 1) * np.count_nonzero(sums)
            task = self._groups(places, train, ctx) * (weights / weights.sum())[:, None]
            tree = grow(places, task, private, self.cells, self.people / weights.sum(), self.trade_off)
        self.forms_ = directions.T[tree.features]
        self.thresholds_, self.paths_ = tree.thresholds, tree.paths
        found = tree.cells(places)
        self.centres_ = np.stack([np.median(train.embedding[found == cell], axis=0) for cell in range(len(tree.paths))])
        return self

    def _groups(self, places: Array, train: Embeddings, ctx: Context) -> Array:
        """(N, groups) one-hot: the cluster of each row's person."""
        weights = person_weights(train.identity)
        who = places - class_moments(places, train.labels, len(train.classes), weights)[0][train.labels]
        people, first, person = np.unique(train.identity, return_index=True, return_inverse=True)
        count = min(self.groups, len(people))
        model = KMeans(count, n_init=4, random_state=ctx.seed_for("groups") % 2**32)
        return np.asarray(np.eye(count)[model.fit_predict(person_means(who, train.identity)[first])[person]])

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        goes_left = embedding.astype(np.float64) @ self.forms_.T <= self.thresholds_
        return Release(embedding=self.centres_[which_cell(goes_left, self.paths_)])

    def module(self) -> nn.Module:
        return nn.Sequential(Affine(self.forms_, -self.thresholds_), Cells(self.paths_, self.centres_))
