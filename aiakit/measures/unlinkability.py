"""Whether two releases of one person under different keys can be told to show one person (ISO/IEC 24745, 30136).

The measures are those of Gomez-Barrero et al., *General framework to evaluate unlinkability in biometric template
protection systems* (IEEE TIFS 2018): with LR(s) = p(s | mated) / p(s | non-mated) and even odds beforehand,
D↔(s) = 0 where LR(s) ≤ 1 and 2 LR(s) / (1 + LR(s)) − 1 above, and D_sys = ∫ D↔(s) p(s | mated) ds: 0 where nothing can
be linked, 1 where everything can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from aiakit.measures.bootstrap import (
    FloatArray,
    IdentityBootstrap,
    IntArray,
    Statistics,
    few_people,
    number,
    numbers,
)
from aiakit.measures.influence import UNSEEN, mean_influence
from aiakit.measures.intervals import CONFIDENCE, Estimate, logit_estimate
from aiakit.measures.searching import TooFew, once_a_person
from aiakit.measures.similarity import cosine

FEWEST = 3  # people: with two there is one way of pairing strangers, and nothing to compare it with
SHIFTS = 50  # ways of pairing everybody with somebody else, at least, where there are so many
NON_MATED = 100_000  # pairs, at least, where there are so many
NULLS = 100  # ways of pairing strangers that are taken for mated, at most
FOLDS = 10
HALF = 0.5  # linked: above it the interval is near its ceiling
TOGETHER = 2**12  # pairs that are compared at once
# Bins by the share of non-mated pairs below: eighths, and in either tail halves of halves, since mated pairs lie there.
TAIL = 2.0 ** -np.arange(4, 13)
LEVELS = np.concatenate([[0], TAIL[::-1], np.arange(1, 8) / 8, 1 - TAIL, [1]])


class Linked(NamedTuple):
    """P people in one release and N images of them in another.

    enrolled : float (P, D), an image of each person. people : int (P,), who. probes : float (N, D), other images of
    them in the other release. shown : int (N,), who.
    """

    enrolled: NDArray[Any]
    people: NDArray[Any]
    probes: NDArray[Any]
    shown: NDArray[Any]


class Binned(NamedTuple):
    """Pairs by the bin of similarity that each is in, of K bins.

    mated : int (N,), of each probe with its own person. strangers : int (S, N), with somebody else, a way of pairing
    each. edges : (K + 1,), the bins' in the scale of similarity, by which nothing is computed.
    """

    mated: IntArray
    strangers: IntArray
    edges: FloatArray


@dataclass(frozen=True)
class LinkageStatistics(Statistics):
    """``d_sys``: 0 where mated pairs are scored as strangers are, 1 where all are linked.

    null : (mean, its 95 % quantile) of what is found where nothing is linked. edges : (K + 1,), of the bins of
    similarity. local : (K,), D↔ in each.
    """

    null: tuple[float, float]
    edges: FloatArray
    local: FloatArray

    @property
    def caution(self) -> str | None:
        """Why the interval is not to be relied on; None where people are enough."""
        return few_people(self.counts)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "d_sys": number(self.point["d_sys"]),
            "ci95": numbers(self.ci95("d_sys")),
            "chance": 0.0,
            "null": list(self.null),
            "local": {"similarity": self.edges.tolist(), "d": self.local.tolist()},
            "counts": {name: round(value, 1) for name, value in self.counts.items()},
            "caution": self.caution,
        }


def linkability(mated: FloatArray, non_mated: FloatArray) -> FloatArray:
    """(K,) D↔ in bins that hold these shares (K,) of mated and of non-mated pairs; 0 in one that holds neither."""
    together = mated + non_mated
    difference = np.maximum(mated - non_mated, 0)
    return np.asarray(np.divide(difference, together, out=np.zeros_like(together), where=together > 0))


def linkage_statistics(linked: Linked, bootstrap: IdentityBootstrap, rng: np.random.Generator) -> LinkageStatistics:
    """D_sys between two releases by the cosine of their images, with its uncertainty over people.

    A mated pair is an enrolled image and another image of that person; in a non-mated pair each probe meets somebody
    else, so many places further in a circle of the people: every person occurs as often. The images of a person count
    once together.

    D_sys of histograms is biased upwards, since it finds something in noise too. So the ratio of likelihoods is learned
    from nine tenths of the people and judged on the others: with g(a, c) = a (a − c) / (a + c) for a > c, else 0, of
    the shares a of mated and c of non-mated pairs in a bin, D_sys = Σ a ∂g/∂a + c ∂g/∂c, and with slopes of any other
    ratio less. What is expected is therefore at most D_sys, and the estimate may be below 0.

    Parameters
    ----------
    bootstrap : made from the identities of test. rng : chooses who meets whom.

    Raises
    ------
    TooFew : fewer than three people with two images. ValueError : somebody whom the bootstrap does not know.
    """
    meetings = _Meetings.of(linked.shown, rng)
    return _statistics(_binned(linked, meetings), meetings, bootstrap)


def binned(linked: Linked, rng: np.random.Generator) -> Binned:
    """All that ``linkage_statistics`` takes of similarities. Raises TooFew as it does."""
    return _binned(linked, _Meetings.of(linked.shown, rng))


def linkage_of_bins(
    pairs: Binned, shown: IntArray, bootstrap: IdentityBootstrap, rng: np.random.Generator
) -> LinkageStatistics:
    """The same statistics. shown : (N,), who the probes show. rng : in the state in which ``binned`` had it.

    Raises TooFew as ``linkage_statistics`` does, and ValueError where there are not so many pairs of these people.
    """
    meetings = _Meetings.of(shown, rng)
    if pairs.mated.shape != (len(shown),) or pairs.strangers.shape != meetings.others.shape:
        raise ValueError(f"{pairs.strangers.shape} pairs of strangers are not those of {len(shown)} images")
    if any(len(of) and not 0 <= of.min() <= of.max() < len(pairs.edges) - 1 for of in (pairs.mated, pairs.strangers)):
        raise ValueError("pairs are in a bin of similarity that is not there")
    return _statistics(pairs, meetings, bootstrap)


class _Meetings(NamedTuple):
    """Who meets whom. present : (P,), who is shown, ascending. place : (N,), which of them each probe shows.

    others : (S, N), whom each meets instead. fold : (N,), of the people.
    """

    present: IntArray
    place: IntArray
    others: IntArray
    fold: IntArray

    @classmethod
    def of(cls, shown: NDArray[Any], rng: np.random.Generator) -> _Meetings:
        present, place = np.unique(shown, return_inverse=True)
        if len(present) == 0:
            raise TooFew("nobody of test has two images")
        if len(present) < FEWEST:
            raise TooFew(f"{len(present)} of test have two images, and {FEWEST} people are needed")
        shifts = _shifts(len(present), len(shown), rng)
        others = (place + shifts[:, None]) % len(present)
        return cls(present, place, others, rng.permutation(len(present))[place] % FOLDS)


def _binned(linked: Linked, meetings: _Meetings) -> Binned:
    order = np.argsort(linked.people)
    enrolled = order[np.searchsorted(linked.people[order], meetings.present)]
    mated = _compared(linked, enrolled[meetings.place])
    strangers = np.stack([_compared(linked, enrolled[other]) for other in meetings.others])
    inner: FloatArray = np.unique(np.quantile(strangers, LEVELS))
    ends = ([min(mated.min(), strangers.min())], [max(mated.max(), strangers.max())])
    return Binned(_bin(mated, inner), _bin(strangers, inner), np.concatenate([ends[0], inner, ends[1]]))


def _statistics(pairs: Binned, meetings: _Meetings, bootstrap: IdentityBootstrap) -> LinkageStatistics:
    histogram = _Histogram(pairs, once_a_person(meetings.place), meetings.fold)
    found = histogram.of(pairs.mated)
    null = [histogram.of(one).d_sys for one in pairs.strangers[:NULLS]]
    positions = bootstrap.positions(meetings.present)
    who, count, ways = positions[meetings.place], len(bootstrap.people), len(pairs.strangers)
    influence, people = mean_influence(found.of_mated, histogram.weights, who, None, count)
    each = np.tile(histogram.weights, ways)
    slopes = found.of_strangers[pairs.strangers.ravel()]
    influence += mean_influence(slopes, each, np.tile(who, ways), positions[meetings.others.ravel()], count)[0]
    estimate = _estimate(found.d_sys, influence, people, float(np.std(null)))
    return LinkageStatistics(
        point={"d_sys": estimate.point},
        draws={"d_sys": estimate.point + bootstrap.sums(influence[:, None], np.arange(count))[:, 0]},
        per_repeat={"d_sys": [estimate.point]},
        bootstrap_key=bootstrap.key,
        seeds=(),
        estimates={"d_sys": estimate},
        counts={
            "mated_pairs": float(len(pairs.mated)),
            "mated_people": float(len(meetings.present)),
            "non_mated_pairs": float(pairs.strangers.size),
            "effective_people": people,
        },
        null=(float(np.mean(null)), float(np.quantile(null, CONFIDENCE))),
        edges=pairs.edges,
        local=found.local,
    )


class _Found(NamedTuple):
    """D_sys, D↔ (K,) in each bin, and the slopes of D_sys: of_mated (N,) at each pair, of_strangers (K,) in a bin."""

    d_sys: float
    local: FloatArray
    of_mated: FloatArray
    of_strangers: FloatArray


class _Histogram:
    """Compares N probes with strangers. weights : (N,) of the probes. fold : int (N,), of their people."""

    def __init__(self, pairs: Binned, weights: FloatArray, fold: IntArray) -> None:
        self.weights = weights / weights.sum()
        self.fold = fold
        self.bins = len(pairs.edges) - 1
        each = np.tile(self.weights / len(pairs.strangers), len(pairs.strangers))
        self.non_mated: FloatArray = self._shares(pairs.strangers.ravel(), each)

    def of(self, bins: IntArray) -> _Found:
        """What pairs that are taken for mated say. bins : (N,), of each."""
        mated = self._shares(bins, self.weights)
        of_mated, of_strangers = np.empty(len(bins)), np.zeros(len(mated))
        for fold in np.unique(self.fold):
            judged = self.fold == fold
            known = mated - self._shares(bins[judged], self.weights[judged])
            slopes = _slopes(known / known.sum(), self.non_mated)
            of_mated[judged] = slopes[0][bins[judged]]
            of_strangers += self.weights[judged].sum() * slopes[1]
        value = float(self.weights @ of_mated + self.non_mated @ of_strangers)
        return _Found(value, linkability(mated, self.non_mated), of_mated, of_strangers)

    def _shares(self, bins: IntArray, weights: FloatArray) -> FloatArray:
        return np.bincount(bins, weights, self.bins).astype(np.float64)


def _bin(scores: FloatArray, inner: FloatArray) -> IntArray:
    """The bin of each score between these edges; one at an edge belongs to the bin below it."""
    return np.searchsorted(inner, scores, "left").astype(np.int64)


def _slopes(mated: FloatArray, non_mated: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(K,) how D_sys moves with the share of mated, and of non-mated, pairs in each bin."""
    more = mated > non_mated
    square = np.where(more, (mated + non_mated) ** 2, 1.0)
    of_mated = np.where(more, (mated**2 + 2 * mated * non_mated - non_mated**2) / square, 0.0)
    return of_mated, np.where(more, -2 * mated**2 / square, 0.0)


def _shifts(people: int, probes: int, rng: np.random.Generator) -> IntArray:
    """By how many places in a circle of the people probes are moved to meet strangers."""
    wanted = min(people - 1, max(SHIFTS, -(-NON_MATED // probes)))
    return np.asarray(1 + rng.permutation(people - 1)[:wanted], np.int64)


def _compared(linked: Linked, enrolled: IntArray) -> FloatArray:
    """(N,) cosines of the probes and these enrolled images."""
    found = np.empty(len(enrolled))
    for start in range(0, len(found), TOGETHER):
        part = slice(start, start + TOGETHER)
        one, other = linked.enrolled[enrolled[part]], linked.probes[part]
        found[part] = cosine(np.asarray(one, np.float64), np.asarray(other, np.float64))
    return found


def _estimate(value: float, influence: FloatArray, people: float, spread: float) -> Estimate:
    """The value with its interval: symmetric in its log-odds where most is linked, else Student's.

    spread : the standard deviation where nothing is linked: near 0 it is chance that decides which bins count, which
    no influence knows of.
    """
    if value >= HALF:
        return logit_estimate(min(round(value, 9), 1.0), influence, people, UNSEEN)
    error = float(np.hypot(np.sqrt((influence**2).sum()), (1 - value) * spread))
    half = float(t.ppf((1 + CONFIDENCE) / 2, max(people - 1, 1))) * error
    return Estimate(value, value - half, value + half, influence, people)
