"""Templates of several images: of verification pairs, the enrolled side becomes several images of that person."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aiakit.contracts import IntArray
from aiakit.measures.verification import Pairs


class Templates(NamedTuple):
    """Q pairs of a template and a probe.

    pairs : int64 (Q,), which pairs they were made of. enrolled : int64 (Q, M), images of one person. probe : int64
    (Q,), the image that each is compared with, which is none of them.
    """

    pairs: IntArray
    enrolled: IntArray
    probe: IntArray


def enrol(pairs: Pairs, identity: IntArray, images: int, rng: np.random.Generator) -> Templates:
    """The pairs of which one side can be enrolled with so many images: that image, and others of the person at random.

    A person is enrolled who has one image more than the template, so that the same people are enrolled in genuine pairs
    and in impostor pairs; of two who can be, the left one.

    pairs : of image indices. identity : int64 (N,), of every image that may be enrolled; MISSING of all others.
    """
    order = np.argsort(identity, kind="stable")
    start = np.searchsorted(identity[order], identity)  # of each image's person, in the order
    size = np.searchsorted(identity[order], identity, side="right") - start
    enough = size > images
    chosen = np.flatnonzero(enough[pairs.left] | enough[pairs.right])
    left, right = pairs.left[chosen], pairs.right[chosen]
    first, probe = np.where(enough[left], left, right), np.where(enough[left], right, left)
    enrolled = np.empty((len(chosen), images), np.int64)
    for place, (image, other) in enumerate(zip(first, probe, strict=True)):
        own = order[start[image] : start[image] + size[image]]
        others = own[(own != image) & (own != other)]
        enrolled[place] = [image, *rng.permutation(others)[: images - 1]]
    return Templates(chosen, enrolled, probe)
