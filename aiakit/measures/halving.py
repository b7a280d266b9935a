"""Successive halving: which attacks need not be tried further, since they are not the strongest.

The rule of Jamieson and Talwalkar (AISTATS 2016, arXiv 1502.07943), with a test in place of a fixed share: whoever is
behind, by chance alone, goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.deciding import Known
from aiakit.measures.units import Unit, sample_weights

RUNGS = 2  # folds after which attacks may go; later ones save little
LEAST = 2  # attacks that stay: the strongest and the runner-up
CERTAINTY = 0.99  # that no attack goes which is as strong as another
NO_WIDTH = 1e-9
DRAWS = 1000


def learned_in(fold: NDArray[Any]) -> NDArray[Any]:
    """The fold in which each sample is attacker-val, of the fold in which it is tested: the one before."""
    return (fold - 1) % (int(fold.max()) + 1)


def in_order(parts: Sequence[NDArray[Any]], learned: NDArray[Any]) -> NDArray[Any]:
    """The scores of the first folds, a part each, as one array in the order of the samples that they are of."""
    scores = np.empty((len(learned), parts[0].shape[1]))
    for number, part in enumerate(parts):
        scores[learned == number] = part
    return scores


def outdone(
    asked: Iterable[str],
    proba: Mapping[str, Sequence[NDArray[Any]]],
    labels: NDArray[Any],
    identity: NDArray[Any],
    fold: NDArray[Any],
    classes: int,
    unit: Unit = "person",
) -> dict[str, str]:
    """Of the attacks that are asked for, those that are certainly weaker than the strongest, with its name.

    A difference in balanced accuracy is certain that is larger, in its standard errors, than the largest among all
    pairs of attacks is in 99 % of bootstrap draws of people where none differ (max-T; Romano and Wolf 2005): that the
    strongest was looked for, and that many are compared, is in it. It is about these people and these fits, and not
    about an attack that is strong in these folds only. The strongest and the runner-up are never among them.

    proba : attack → (N, K) probabilities on attacker-val of each of its repeats. labels, identity, fold : int (N,);
    samples are decided by those of other folds where there are any. classes : K. unit : what counts once.
    """
    if len(proba) <= LEAST or len(np.unique(labels)) < 2:
        return {}
    weights, folds = sample_weights(identity, labels, unit), fold if len(np.unique(fold)) > 1 else None
    known, bootstrap = Known(labels, weights, folds), IdentityBootstrap(identity, DRAWS)
    images = (np.eye(classes)[labels] * weights[:, None])[:, np.unique(labels)]
    drawn = bootstrap.sums(images, bootstrap.rows)

    def right(name: str) -> NDArray[Any]:
        return np.asarray(images * np.mean([known.decide(p, p, folds) == labels for p in proba[name]], axis=0)[:, None])

    hits = {name: right(name) for name in proba}
    recall = {name: float((of.sum(axis=0) / images.sum(axis=0)).mean()) for name, of in hits.items()}
    order = sorted(proba, key=lambda name: recall[name], reverse=True)
    point = np.array([recall[name] for name in order])
    draws = np.stack([_recall(bootstrap.sums(hits[name], bootstrap.rows), drawn) for name in order], axis=1)
    draws = draws[np.isfinite(draws).all(axis=1)]
    if not len(draws):  # of a class so rare that no draw holds it
        return {}
    ahead = point[:, None] - point  # of whom, by how much
    apart = draws[:, :, None] - draws[:, None, :] - ahead
    width = np.maximum(apart.std(axis=0), NO_WIDTH)
    farthest = np.quantile((apart / width).max(axis=(1, 2)), CERTAINTY)
    behind = {name: (ahead[:, place] / width[:, place]).max() > farthest for place, name in enumerate(order)}
    return {name: order[0] for name in asked if name not in order[:LEAST] and behind[name]}


def _recall(hits: NDArray[Any], images: NDArray[Any]) -> NDArray[Any]:
    """(draws,) mean recall; NaN where a draw lacks a class."""
    return np.asarray(np.divide(hits, images, out=np.full(hits.shape, np.nan), where=images > 0).mean(axis=1))
