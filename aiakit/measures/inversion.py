"""How much of undefended images a reconstruction from released ones has, beside a constant reconstruction.

Attacks on templates are judged as in Mai, Cao, Yuen and Jain, *On the reconstruction of face images from deep face
templates* (IEEE TPAMI 2019): of type I, where a reconstruction is compared with the image that it was made from, and of
type II, where it is compared with another image of the same person. An attack succeeds where the similarity reaches the
threshold at which a system of undefended images accepts so many strangers (irreversibility, ISO/IEC 24745, 30136).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, IntArray, Statistics, few_people, number
from aiakit.measures.influence import mean_influence, people_mean
from aiakit.measures.intervals import Estimate, share_estimate
from aiakit.measures.searching import once_a_person
from aiakit.measures.similarity import cosine

RATES = (0.001, 0.01)  # of false acceptance
FEWEST_ALARMS = 10  # pairs of strangers above a threshold that is looked at
STRANGERS = 1_000_000  # pairs, at most
TYPES = ("type_1", "type_2")


class Reconstructed(NamedTuple):
    """N images of test. true : float (N, D), undefended. found : float (N, D), what a decoder made of their release.

    constant : float (D,), the same for everybody. shown : int (N,), who. enrolled : bool (N,), one image of each.
    """

    true: NDArray[Any]
    found: NDArray[Any]
    constant: NDArray[Any]
    shown: NDArray[Any]
    enrolled: NDArray[np.bool_]


@dataclass(frozen=True)
class InversionStatistics(Statistics):
    """``cosine`` to the true images, ``baseline`` that of the constant, ``gain`` the difference, and, where there are
    people enough, ``type_T_at_FAR``, the success of attacks.

    chance : the success of the constant. thresholds : FAR → the cosine.
    """

    chance: dict[str, float]
    thresholds: dict[float, float]

    def ci95(self, metric: str) -> tuple[float, float]:
        """The 95 % interval over people."""
        return self.people_ci95(metric)

    @property
    def caution(self) -> str | None:
        """Why intervals are not to be relied on; None where people are enough."""
        return few_people(self.counts)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            **{name: self._figure(name) for name in ("cosine", "baseline", "gain")},
            "success": {name: {**self._figure(name), "chance": self.chance[name]} for name in self.chance},
            "thresholds": {f"{rate:g}": value for rate, value in self.thresholds.items()},
            "counts": {name: round(value, 1) for name, value in self.counts.items()},
            "caution": self.caution,
        }

    def _figure(self, name: str) -> dict[str, Any]:
        return {"value": number(self.point[name]), "ci95": [number(end) for end in self.ci95(name)]}


def inversion_statistics(images: Reconstructed, bootstrap: IdentityBootstrap) -> InversionStatistics:
    """Every figure with its uncertainty over people, whose images count once together.

    The threshold of a rate of false acceptance is that of the enrolled images of test, each compared with others, and
    moves with who they are; one above which fewer than ten pairs lie is not looked at.

    Raises ValueError for somebody whom the bootstrap does not know.
    """
    true, found = (np.asarray(points, np.float64) for points in (images.true, images.found))
    constant = np.broadcast_to(np.asarray(images.constant, np.float64), true.shape)
    people, count = bootstrap.positions(images.shown), len(bootstrap.people)
    weights = once_a_person(people)
    alike = {"cosine": cosine(found, true), "baseline": cosine(constant, true)}
    alike["gain"] = alike["cosine"] - alike["baseline"]
    estimates = {name: people_mean(values, weights, people, count) for name, values in alike.items()}
    strangers = _Strangers.of(true[images.enrolled], people[images.enrolled])
    thresholds = {rate: strangers.threshold(rate) for rate in RATES if strangers.pairs * rate >= FEWEST_ALARMS}
    other = _enrolled_of(images)
    chance = {}
    for kind, of, against in (("type_1", np.arange(len(true)), np.arange(len(true))), ("type_2", *other)):
        scores, usual = cosine(found[of], true[against]), cosine(constant[of], true[against])
        for rate, threshold in thresholds.items() if len(of) else ():
            share, name = once_a_person(people[of]), f"{kind}_at_{rate:g}"
            estimates[name] = _success(scores, share, people[of], strangers, rate, count)
            chance[name] = float(share @ (usual >= threshold) / share.sum())
    rows = np.arange(count)
    return InversionStatistics(
        point={name: each.point for name, each in estimates.items()},
        draws={name: each.point + bootstrap.sums(each.influence[:, None], rows)[:, 0]
               for name, each in estimates.items()},
        per_repeat={name: [each.point] for name, each in estimates.items()},
        bootstrap_key=bootstrap.key,
        estimates=estimates,
        counts={"images": float(len(true)), "people": float(len(np.unique(people))),
                "effective_people": estimates["cosine"].people},
        seeds=(),
        chance=chance,
        thresholds=thresholds,
    )  # fmt: skip


class _Strangers(NamedTuple):
    """Undefended images of two people each. scores : (M,), cosines. left, right : (M,), positions of who is shown.

    pairs : how many of them are different.
    """

    scores: FloatArray
    left: IntArray
    right: IntArray
    pairs: float

    @classmethod
    def of(cls, enrolled: FloatArray, people: IntArray) -> _Strangers:
        """Of an image of each person (P, D): all pairs, or many of them."""
        count = len(enrolled)
        rng = np.random.default_rng(count)
        shifts = np.asarray(1 + rng.permutation(max(count - 1, 0))[: max(1, STRANGERS // count)], np.int64)
        scores = [cosine(enrolled, np.roll(enrolled, shift, axis=0)) for shift in shifts]
        right = [np.roll(people, shift) for shift in shifts]
        twice = 2 if len(shifts) == count - 1 else 1  # of all shifts each pair comes twice
        none: list[Any] = [np.zeros(0)]
        return cls(
            np.concatenate(scores or none),
            np.tile(people, len(shifts)),
            np.concatenate(right or [people[:0]]),
            sum(map(len, scores)) / twice,
        )

    def threshold(self, rate: float) -> float:
        """The cosine that this share of pairs exceeds."""
        return float(np.quantile(self.scores, 1 - rate))


def _success(
    scores: FloatArray, weights: FloatArray, people: IntArray, strangers: _Strangers, rate: float, count: int
) -> Estimate:
    """The share of reconstructions (N,) that reach the threshold of a rate of false acceptance.

    The threshold moves with who the strangers are: the success by its slope over the rate.
    """
    low, threshold, high = (strangers.threshold(each) for each in (rate / 2, rate, 2 * rate))
    reached = (scores >= threshold).astype(np.float64)
    influence, effectively = mean_influence(reached, weights, people, None, count)
    accepted = (strangers.scores > threshold).astype(np.float64)
    alarms = mean_influence(accepted, np.ones(len(accepted)), strangers.left, strangers.right, count)[0]
    gained = weights @ ((scores >= high).astype(np.float64) - (scores >= low)) / weights.sum()
    influence = influence - alarms * gained / (1.5 * rate)
    value = float(weights @ reached / weights.sum())
    return share_estimate(value, influence, effectively, np.inf, few_decide=True)


def _enrolled_of(images: Reconstructed) -> tuple[IntArray, IntArray]:
    """The images that are not enrolled, and of each the one that is of the same person."""
    enrolled, others = np.flatnonzero(images.enrolled), np.flatnonzero(~images.enrolled)
    order = np.argsort(images.shown[enrolled])
    place = np.searchsorted(images.shown[enrolled][order], images.shown[others])
    return others, enrolled[order][place]
