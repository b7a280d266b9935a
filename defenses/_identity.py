"""In which directions of an embedding people differ: what the closed forms keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from aiakit.contracts import Embeddings, IntArray
from aiakit.defenses._people import person_weights
from aiakit.errors import InputError

Array = NDArray[np.float64]

RIDGE = 1e-3  # of the mean variance within people, so that the scatter can be inverted


def require_pairs(train: Embeddings, name: str) -> None:
    """Raises InputError where nobody has two images: then nothing says how one person's images differ."""
    if len(np.unique(train.identity)) == len(train):
        raise InputError(f"{name} needs people with two images, and nobody has two")


def class_moments(x: Array, labels: IntArray, classes: int, weights: Array) -> tuple[Array, Array]:
    """Weighted means (K, D) and covariances (K, D, D) of the classes."""
    means, covariances = np.empty((classes, x.shape[1])), np.empty((classes, x.shape[1], x.shape[1]))
    for label in range(classes):
        own = labels == label
        share = weights[own] / weights[own].sum()
        means[label] = share @ x[own]
        offsets = x[own] - means[label]
        covariances[label] = (offsets * share[:, None]).T @ offsets
    return means, covariances


def identity_directions(x: Array, labels: IntArray, identity: IntArray, count: int) -> Array:
    """(D, count) directions of greatest scatter between people of one class relative to that within people.

    Fisher's discriminant of identity, the classes' means taken out first; every person weighs alike.
    """
    even = person_weights(identity)
    x = x - class_moments(x, labels, int(labels.max()) + 1, even)[0][labels]
    _, person, images = np.unique(identity, return_inverse=True, return_counts=True)
    several = images[person] > 1
    offsets = (x - person_means(x, identity))[several]
    freedom = 1 / (images[person][several] - 1)  # a person's scatter is divided by the images it is free to vary with
    within = (offsets * freedom[:, None]).T @ offsets / np.count_nonzero(images > 1)
    total = (x * even[:, None]).T @ x / even.sum()
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    last = x.shape[1] - 1
    vectors: Array = eigh(total, within, subset_by_index=(last + 1 - count, last))[1]
    return vectors[:, ::-1]


def person_means(x: Array, identity: IntArray) -> Array:
    """(N, D), each row the mean of its person's rows."""
    people, person, images = np.unique(identity, return_inverse=True, return_counts=True)
    sums = np.zeros((len(people), x.shape[1]))
    np.add.at(sums, person, x)
    return np.asarray((sums / images[:, None])[person])
