"""People whose true figures are known: attacks on them, and verification of them.

A person has a trait that all of their images share and images that vary around it, so errors cluster by person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from aiakit.datasets.pairs import sample_pairs
from aiakit.measures import metrics
from aiakit.measures.influence import pair_weights
from aiakit.measures.ranking import Ranking
from aiakit.measures.verification import ScoredPairs, fit_threshold

Array = NDArray[Any]

# How many of the 5,749 people of Labeled Faces in the Wild have 1, 2, 3 … images.
LFW = {
    1: 4069, 2: 779, 3: 291, 4: 187, 5: 112, 6: 55, 7: 39, 8: 33, 9: 26, 10: 15, 11: 16, 12: 10, 13: 11, 14: 10, 15: 11,
    16: 3, 17: 8, 18: 5, 19: 7, 20: 5, 21: 4, 22: 5, 23: 3, 24: 3, 25: 1, 26: 2, 27: 1, 28: 2, 29: 2, 30: 2, 31: 2,
    32: 3, 33: 3, 35: 1, 36: 1, 37: 1, 39: 2, 41: 2, 42: 2, 44: 1, 48: 1, 49: 1, 52: 2, 53: 1, 55: 1, 60: 1, 71: 1,
    77: 1, 109: 1, 121: 1, 144: 1, 236: 1, 530: 1,
}  # fmt: skip
EVEN = 4  # images of everybody where all have as many
ALIKE = 0.5  # the share of the variance of a score that all images of a person have in common
SHARED = 0.7  # the correlation of what two attacks see
VAL_PEOPLE = 400


@dataclass(frozen=True)
class Cell:
    """One kind of test set. counts : "even" or "lfw". level : the true balanced accuracy, or AUC of verification.

    share : of people in class 1.
    """

    people: int
    counts: str
    level: float
    share: float = 0.5

    def images(self, rng: np.random.Generator) -> Array:
        """int (P,) how many images each person has."""
        if self.counts == "even":
            return np.full(self.people, EVEN)
        found = np.array(list(LFW.values()))
        return np.asarray(rng.choice(list(LFW), self.people, p=found / found.sum()))


@dataclass(frozen=True)
class Probed:
    """A test set and what attacks say of it. proba : one (N, 2) an attack."""

    identity: Array
    labels: Array
    proba: tuple[Array, ...]


@dataclass(frozen=True)
class Probes:
    """Attacks on one kind of test set, the strongest first; each of the others sees in part what it sees.

    Scores of the two classes are unit Gaussians, ``distance`` apart, so balanced accuracy at a threshold t is the mean
    of Φ(distance/2 − t) and Φ(distance/2 + t), and AUC Φ(distance/√2), whatever the numbers of images and of people.
    """

    cell: Cell
    levels: tuple[float, ...]

    def draw(self, rng: np.random.Generator) -> Probed:
        """People drawn from the population, with their images."""
        cell = self.cell
        identity = np.repeat(np.arange(cell.people), cell.images(rng))
        of_person = rng.permutation(np.arange(cell.people) < round(cell.share * cell.people)).astype(np.int64)
        labels = of_person[identity]
        attacks = len(self.levels)
        mix = np.sqrt(1 - SHARED**2) * np.eye(attacks)
        mix[:, 0] = [1.0, *[SHARED] * (attacks - 1)]
        person, image = mix @ rng.normal(size=(attacks, cell.people)), mix @ rng.normal(size=(attacks, len(identity)))
        noise = np.sqrt(ALIKE) * person[:, identity] + np.sqrt(1 - ALIKE) * image
        proba = []
        for level, part in zip(self.levels, noise, strict=True):
            p = expit(2 * (part + distance_of(level) * (labels - 0.5)))
            proba.append(np.stack([1 - p, p], axis=1))
        return Probed(identity, labels, tuple(proba))

    @cached_property
    def val(self) -> Probed:
        """Attacker-val: the same people in every trial, so that decisions are fixed and their true figures known."""
        return replace(self, cell=replace(self.cell, people=VAL_PEOPLE, counts="even")).draw(np.random.default_rng(1))

    def truth(self, attack: int) -> dict[str, float]:
        """The true figures of the numbered attack with the decision that val chooses."""
        distance = distance_of(self.levels[attack])
        offset = metrics.fit_decision(self.val.proba[attack], self.val.labels)[1]
        threshold = -offset / 2  # class 1 is named where 2x + offset > 0
        balanced = (norm.cdf(distance / 2 - threshold) + norm.cdf(distance / 2 + threshold)) / 2
        return {"balanced_accuracy": float(balanced), "auc": float(norm.cdf(distance / np.sqrt(2)))}


def distance_of(level: float) -> float:
    """How far apart two unit Gaussians are whose best balanced accuracy is ``level``."""
    return float(2 * norm.ppf(level))


DIMENSIONS = 8  # of a template
UNEVEN = 0.4  # standard deviation of the logarithm of how much a person's images vary
MANY = 200_000  # pairs of either kind by which the truth is known


@dataclass(frozen=True)
class Matcher:
    """Templates of people; the score of a pair is minus the distance of its two templates.

    Some people's images vary more than others', so errors cluster by person, on both sides of a pair.
    spread : the median over people of the standard deviation of their images, where people's own is 1.
    """

    cell: Cell
    spread: float

    @classmethod
    def of(cls, cell: Cell) -> Matcher:
        """The matcher whose true AUC is the level of the cell."""
        return cls(cell, spread_of(cell.level))

    def templates(self, identity: Array, people: int, rng: np.random.Generator) -> Array:
        """(N, D) templates of the images of so many people."""
        own = rng.normal(size=(people, DIMENSIONS))
        vary = np.exp(UNEVEN * rng.normal(size=people))
        within = rng.normal(size=(len(identity), DIMENSIONS)) * vary[identity, None]
        return np.asarray(own[identity] + self.spread * within)

    def draw(self, rng: np.random.Generator) -> tuple[Array, ScoredPairs]:
        """The identity of all images, and scored pairs sampled as a run samples them."""
        images = self.cell.images(rng)
        if images.max() < 2:
            images[0] = 2  # without a genuine pair there is nothing to measure
        identity = np.repeat(np.arange(self.cell.people), images)
        count = 10 * self.cell.people
        pairs = sample_pairs(identity, rng, count, count)
        z = self.templates(identity, self.cell.people, rng)
        return identity, ScoredPairs(
            scores(z[pairs.left], z[pairs.right]), pairs.same, identity[pairs.left], identity[pairs.right]
        )

    @cached_property
    def val(self) -> ScoredPairs:
        """Pairs of attacker-val, the same in every trial."""
        chosen = replace(self, cell=replace(self.cell, people=VAL_PEOPLE, counts="even"))
        return chosen.draw(np.random.default_rng(1))[1]

    @cached_property
    def truth(self) -> dict[str, float]:
        """AUC and EER of the population, from pairs of people of whom each gives one."""
        return self._population[0]

    @cached_property
    def threshold(self) -> float:
        """The threshold that val chooses."""
        return fit_threshold(self.val.scores, self.val.same, pair_weights(self.val.same, self.val.left))

    def accuracy(self) -> float:
        """The accuracy in the population at the threshold that val chooses."""
        found, same = self._population[1]
        accepted = found > self.threshold
        return float((accepted[same].mean() + (~accepted[~same]).mean()) / 2)

    @cached_property
    def _population(self) -> tuple[dict[str, float], tuple[Array, Array]]:
        rng = np.random.default_rng(0)
        identity = np.repeat(np.arange(MANY), 2)
        z = self.templates(identity, MANY, rng)
        first, second = z[::2], z[1::2]
        found = np.concatenate([scores(first, second), scores(first, np.roll(second, 1, axis=0))])
        same = np.arange(2 * MANY) < MANY
        ranking = Ranking(found, same)
        curves = ranking.curves(np.ones((1, MANY)), np.ones((1, MANY)))
        return {"auc": float(curves.auc()[0]), "eer": float(curves.eer()[0])}, (found, same)


@cache
def spread_of(level: float) -> float:
    """How much images must vary for an AUC of ``level``, by bisection."""
    low, high = 0.05, 5.0
    for _ in range(16):
        middle = float(np.sqrt(low * high))
        auc = Matcher(Cell(1, "even", level), middle).truth["auc"]
        low, high = (middle, high) if auc > level else (low, middle)
    return float(np.sqrt(low * high))


def scores(left: Array, right: Array) -> Array:
    """(P,) how alike two templates are."""
    return np.asarray(-np.linalg.norm(left - right, axis=1))
