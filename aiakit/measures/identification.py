"""How often somebody is found in a gallery of people by their nearest neighbour, and at what price in false alarms.

Terms and definitions are those of ISO/IEC 19795-1 and of NIST's FRVT 1:N (Grother et al., NISTIR 8271). A gallery has
one image of each person. Nothing is trained: the similarity is the cosine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, IntArray, Statistics, number, numbers
from aiakit.measures.influence import mean_influence
from aiakit.measures.intervals import Estimate, share_estimate
from aiakit.measures.ranking import Ranking

GALLERIES = (10, 100)  # sizes that are looked at besides everybody
RANKS = (1, 10)
FPIR = 0.01
FEWEST_ALARMS = 10  # the FNIR is reported where at least so many false alarms are expected
HELD = 2**22  # similarities held at once: 32 MiB
LEVEL = 1e-9  # two cosines that differ by less are level: rounding makes no more


class TooFew(ValueError):
    """There are too few people, or images of them, to measure anything."""


class Search(NamedTuple):
    """What is searched for in a gallery.

    gallery : float (G, D). enrolled : int (G,), who they are, each once. probes : float (N, D). shown : int (N,), who.
    mated : bool (N,), the probes that look for their own person, who is enrolled with another image. Every probe is
    also searched for with its own person left out.
    """

    gallery: NDArray[Any]
    enrolled: NDArray[Any]
    probes: NDArray[Any]
    shown: NDArray[Any]
    mated: NDArray[np.bool_]


@dataclass(frozen=True)
class IdentificationStatistics(Statistics):
    """Means over repeats of ``rank_R_of_G``, the share of mated searches that find their person among the first R of G
    people, and ``fnir`` at a FPIR of 1 % among everybody; NaN where there are too few searches to tell.

    gallery : how many people are enrolled in all.
    """

    gallery: int

    @property
    def chance(self) -> dict[str, float]:
        """Metric → what it is where similarities are random."""
        rates = {name: rank / size for name, (rank, size) in ranks_of(self.gallery).items()}
        return rates | {"fnir": 1 - FPIR / self.gallery}

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "gallery": self.gallery,
            **{
                name: {"rate": number(value), "ci95": numbers(self.ci95(name)), "chance": self.chance[name]}
                for name, value in self.point.items()
            },
            "counts": {name: round(value, 1) for name, value in self.counts.items()},
            "caution": self.caution,
        }


def ranks_of(people: int) -> dict[str, tuple[int, int]]:
    """Metric → (rank, size of the gallery), where so many people are enrolled; everybody is the last gallery."""
    galleries = [size for size in GALLERIES if size < people] + [people]
    return {f"rank_{rank}_of_{size}": (rank, size) for size in galleries for rank in RANKS if rank < size}


def found_within(rank: int, size: int, others: int) -> FloatArray:
    """(others + 1,) the probability that a person is among the first ``rank`` of a random gallery of ``size`` people.

    By how many of all ``others`` are more alike than the person is: with k of them the number that is dealt into the
    gallery is hypergeometric. So no gallery has to be drawn.
    """
    more_alike, dealt = np.arange(others + 1), size - 1
    found = np.zeros(others + 1)
    for ahead in range(min(rank, size)):
        rest = dealt - ahead
        possible = (more_alike >= ahead) & (others - more_alike >= rest)
        several = more_alike[possible]
        log = _log_choices(several, ahead) + _log_choices(others - several, rest) - _log_choices(others, dealt)
        found[possible] += np.exp(log)
    return found


def _log_choices(of: IntArray | int, number: int) -> Any:
    """The logarithm of the number of ways to choose ``number`` of so many; scipy's own hypergeometric law takes minutes
    for a gallery of 100,000.
    """
    return gammaln(np.asarray(of) + 1.0) - gammaln(number + 1.0) - gammaln(np.asarray(of) - number + 1.0)


class _Placed(NamedTuple):
    """Of each probe: its person's similarity (NaN where not enrolled), the highest of another person, how many others
    are more alike, and how many are level.
    """

    mate: FloatArray
    best: FloatArray
    above: IntArray
    level: IntArray


def identification_statistics(repeats: Sequence[Search], bootstrap: IdentityBootstrap) -> IdentificationStatistics:
    """Every figure of identification, with its uncertainty over people.

    The searches of a person count once together. Of rank R in a random gallery of G people the rate is exact over all
    galleries, and ties are broken at random, so that a release which says nothing gives R/G. Its interval is that over
    people on both sides: who is looked for, and who is in the gallery. FNIR at FPIR: at the lowest threshold at which
    at most 1 % of searches for people who are not enrolled return somebody, the share of mated searches that do not
    return their person first and above it; its interval is that over those who are searched for.

    Parameters
    ----------
    repeats : searches for the same people, one a seed.
    bootstrap : made from the identities of test.

    Raises
    ------
    TooFew : no mated search, or fewer than two people enrolled. ValueError : somebody whom the bootstrap does not know.
    """
    first = repeats[0]
    if not first.mated.any():
        raise TooFew("nobody of test has two images")
    if len(first.enrolled) < 2:
        raise TooFew("a gallery of one person identifies nobody")
    people = bootstrap.positions(first.shown)
    wanted = ranks_of(len(first.enrolled))
    rates = [_rates(search, people, bootstrap, wanted) for search in repeats]
    names = [*wanted, "fnir"]
    per_repeat = {name: [found[name].point for found in rates] for name in names}
    mated = int(np.count_nonzero(first.mated))
    estimates = {name: _mean([found[name] for found in rates]) for name in names}
    draws = {name: bootstrap.sums(each.influence[:, None], np.arange(len(bootstrap.people)))[:, 0] + each.point
             for name, each in estimates.items()}  # fmt: skip
    hits = float(np.mean(per_repeat[f"rank_1_of_{len(first.enrolled)}"]))
    return IdentificationStatistics(
        point={name: float(np.mean(values)) for name, values in per_repeat.items()},
        draws=draws,
        per_repeat=per_repeat,
        bootstrap_key=bootstrap.key,
        seeds=(),
        estimates=estimates,
        counts={
            "mated_searches": float(mated),
            "mated_people": float(len(np.unique(people[first.mated]))),
            "non_mated_searches": float(len(people)),
            "errors": min(hits, 1 - hits) * mated,
            "effective_people": min(estimates[name].people for name in wanted),
        },
        gallery=len(first.enrolled),
    )


def _rates(
    search: Search, people: IntArray, bootstrap: IdentityBootstrap, wanted: dict[str, tuple[int, int]]
) -> dict[str, _Rate]:
    """The rates of one repeat with each person's influence on them."""
    unit = Search(_of_length_one(search.gallery), search.enrolled, _of_length_one(search.probes), *search[3:])
    placed = _placed(unit)
    mated, others = search.mated, len(search.enrolled) - 1
    weights, looked_for = once_a_person(people[mated]), people[mated]
    above, level = placed.above[mated], placed.level[mated]
    values, steps = [], []
    for rank, size in wanted.values():
        summed = np.concatenate([[0.0], np.cumsum(found_within(rank, size, others))])
        values.append(_at_random_among(summed, above, level))
        steps.append(values[-1] - _at_random_among(summed, np.maximum(above - 1, 0), level))
    weight = weights / weights.sum()
    of_gallery = _gallery_influence(unit, placed, weight[:, None] * np.stack(steps, axis=1))
    enrolled = bootstrap.positions(search.enrolled)
    found = {}
    for column, name in enumerate(wanted):
        influence, effectively = mean_influence(values[column], weights, looked_for, None, len(bootstrap.people))
        influence[enrolled] += of_gallery[:, column]
        point = float(np.clip(np.round(weight @ values[column], 8), 0, 1))  # of all, exactly 1
        found[name] = _Rate(point, influence, effectively)
    return found | {"fnir": _fnir(placed, search, people, len(bootstrap.people))}


class _Rate(NamedTuple):
    """A rate, the influence (P,) of each person on it, and how many people it effectively rests on."""

    point: float
    influence: FloatArray
    people: float


def _mean(rates: Sequence[_Rate]) -> Estimate:
    """The mean over repeats with its interval.

    What a search gives is a mean over galleries, so that there may be more observations behind it than searches.
    """
    point, people = (float(np.mean([getattr(rate, what) for rate in rates])) for what in ("point", "people"))
    influence = np.mean([rate.influence for rate in rates], axis=0)
    return share_estimate(point, influence, people, np.inf, few_decide=True)


def once_a_person(people: IntArray) -> FloatArray:
    """(N,) weights by which the samples of a person count once together. people : (N,), who each is of."""
    _, place, count = np.unique(people, return_inverse=True, return_counts=True)
    return np.asarray(1 / count[place], np.float64)


def _at_random_among(summed: FloatArray, above: IntArray, level: IntArray) -> FloatArray:
    """(N,) the mean of a table over the places that a person may have among those who are level.

    summed : (places + 1,), running sums of the table.
    """
    return np.asarray((summed[above + level + 1] - summed[above]) / (level + 1))


def _of_length_one(points: NDArray[Any]) -> FloatArray:
    """Points at length 1; those without a length are as unlike everybody, by a cosine of 0."""
    points = np.asarray(points, np.float64)
    length = np.linalg.norm(points, axis=1, keepdims=True)
    found: FloatArray = np.divide(points, length, out=np.zeros_like(points), where=length > 0)
    return found


def _blocks(search: Search, rows: IntArray) -> Iterator[tuple[IntArray, slice, FloatArray]]:
    """Similarities of some probes and the gallery, in parts: (which probes, which of the gallery, similarities)."""
    side = 2 ** (HELD.bit_length() // 2)
    for start in range(0, len(rows), side):
        chosen = rows[start : start + side]
        for first in range(0, len(search.gallery), HELD // side):
            part = slice(first, min(first + HELD // side, len(search.gallery)))
            yield chosen, part, search.probes[chosen] @ search.gallery[part].T


def _own(search: Search) -> IntArray:
    """(N,) the place of each probe's person in the gallery; −1 of those who are not enrolled."""
    order = np.argsort(search.enrolled)
    place = np.minimum(np.searchsorted(search.enrolled[order], search.shown), len(order) - 1)
    found = order[place]
    return np.where(search.enrolled[found] == search.shown, found, -1).astype(np.int64)


def _placed(search: Search) -> _Placed:
    """Where each probe is placed. search : of points of length 1."""
    own, everybody = _own(search), np.arange(len(search.probes))
    mate = np.where(own < 0, np.nan, np.einsum("nd,nd->n", search.probes, search.gallery[own]))
    best = np.full(len(own), -np.inf)
    above, level = np.zeros(len(own), np.int64), np.zeros(len(own), np.int64)
    for rows, part, similarity in _blocks(search, everybody):
        _leave_out(similarity, own[rows], part)
        best[rows] = np.maximum(best[rows], similarity.max(axis=1))
        bar = mate[rows, None]
        higher = np.count_nonzero(similarity > bar + LEVEL, axis=1)
        above[rows] += higher
        level[rows] += np.count_nonzero(similarity >= bar - LEVEL, axis=1) - higher
    return _Placed(mate, best, above, level)


def _leave_out(similarity: FloatArray, own: IntArray, part: slice) -> None:
    """Make nobody like themselves. similarity : of a block. own : of its probes, the place in the whole gallery."""
    inside = np.flatnonzero((own >= part.start) & (own < part.stop))
    similarity[inside, own[inside] - part.start] = -np.inf


def _gallery_influence(search: Search, placed: _Placed, steps: FloatArray) -> FloatArray:
    """(G, M) how far each rate moves with who is in the gallery.

    steps : (mated, M), what a rate loses by one more person who is more alike than the one looked for, by weight. Of
    two who are level each counts as half.
    """
    mated = np.flatnonzero(search.mated)
    place = np.full(len(search.probes), -1)
    place[mated] = np.arange(len(mated))
    own, others = _own(search), len(search.enrolled) - 1
    share = (placed.above[mated] + placed.level[mated] / 2) / others
    usual = share[:, None] * steps
    found: FloatArray = np.tile(-usual.sum(axis=0), (len(search.enrolled), 1))
    np.add.at(found, own[mated], usual)
    for rows, part, similarity in _blocks(search, mated):
        _leave_out(similarity, own[rows], part)
        bar = placed.mate[rows, None]
        beyond = ((similarity > bar + LEVEL).astype(np.float64) + (similarity >= bar - LEVEL)) / 2
        found[part] += beyond.T @ steps[place[rows]]
    return found


def _fnir(placed: _Placed, search: Search, people: IntArray, count: int) -> _Rate:
    """The FNIR at the FPIR and each person's influence on it; NaN where searches are too few to tell.

    The threshold moves with who is searched for without being enrolled: the FNIR by the slope of the curve there.
    """
    if len(people) * FPIR < FEWEST_ALARMS:
        return _Rate(float("nan"), np.zeros(count), 0.0)
    mated = search.mated
    returned = np.where(placed.above[mated] + placed.level[mated] == 0, placed.mate[mated], -np.inf)
    looked_for, weights = people[mated], (once_a_person(people[mated]), once_a_person(people))
    ranking = Ranking(np.concatenate([returned, placed.best]), np.arange(len(returned) + len(people)) < len(returned))
    curve = ranking.curves(weights[0][None, ranking.positives], weights[1][None, ranking.negatives - len(returned)])
    low, found, high = (float(curve.tpr_at_fpr(rate)[0]) for rate in (FPIR / 2, FPIR, 2 * FPIR))
    threshold = _upper_quantile(placed.best, weights[1], FPIR)
    missed = (returned <= threshold).astype(np.float64)
    influence, effectively = mean_influence(missed, weights[0], looked_for, None, count)
    alarms = mean_influence((placed.best > threshold).astype(np.float64), weights[1], people, None, count)[0]
    return _Rate(1 - found, influence + alarms * (high - low) / (1.5 * FPIR), effectively)


def _upper_quantile(scores: FloatArray, weights: FloatArray, rate: float) -> float:
    """The lowest of the scores above which at most this share lies, by weight."""
    order = np.argsort(scores)
    above = 1 - np.cumsum(weights[order]) / weights.sum()
    return float(scores[order][np.argmax(above <= rate * (1 + 1e-9))])
