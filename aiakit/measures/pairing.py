"""Pairs of images in two releases by which linkers are compared: how often a person is more alike than a stranger."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from aiakit.measures.maps import FloatArray, IntArray, of_length_one

MOST = 2000  # images, on either side


class ProbePairs(NamedTuple):
    """Which images of two releases are compared.

    enrolled : of each person one, in the target. probes : others in the source. place : whom each shows among them.
    """

    enrolled: IntArray
    probes: IntArray
    place: IntArray

    @classmethod
    def of(cls, people: IntArray, same: bool, rng: np.random.Generator) -> ProbePairs | None:
        """Other images of the same people; of releases that differ the same images where nobody has two. None where
        nothing can be told.

        people : (N,), who each image shows. same : whether both releases are one.
        """
        order = rng.permutation(len(people))
        enrolled = order[np.unique(people[order], return_index=True)[1]][:MOST]
        _, place = np.unique(people, return_inverse=True)
        others = np.setdiff1d(np.flatnonzero(place < len(enrolled)), enrolled)
        if not len(others) and not same:
            others = enrolled
        others = rng.permutation(others)[:MOST]
        return cls(enrolled, others, place[others]) if len(others) and len(enrolled) > 1 else None

    def area(self, source: FloatArray, target: FloatArray) -> float:
        """The area under the ROC curve of the cosines of these points: (N, D) of the source and of the target."""
        scores = of_length_one(source[self.probes]) @ of_length_one(target[self.enrolled]).T
        own = np.zeros(scores.shape, bool)
        own[np.arange(len(scores)), self.place] = True
        ranks, mated = rankdata(scores.ravel())[own.ravel()], len(scores)
        return float((ranks.sum() - mated * (mated + 1) / 2) / (mated * (scores.size - mated)))
