"""How often somebody is found in a gallery of people by their nearest neighbour, and at what price in false alarms.

Terms and definitions are those of ISO/IEC 19795-1 and of NIST's FRVT 1:N (Grother et al., NISTIR 8271). A gallery has
one image of each person. Nothing is trained: the similarity is the cosine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln

from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, IntArray, Statistics, number, numbers
from aiakit.measures.influence import mean_influence
from aiakit.measures.intervals import Estimate, share_estimate
from aiakit.measures.ranking import Ranking
from aiakit.measures.searching import (
    LEVEL,
    FirstPlaces,
    Placed,
    Search,
    first_places,
    leave_out,
    of_length_one,
    once_a_person,
    own_places,
    placed_in,
    require_enough,
    similarities,
)

GALLERIES = (10, 100)  # sizes that are looked at besides everybody
RANKS = (1, 10)
FPIR = 0.01
FNIR = "fnir"
FEWEST_ALARMS = 10  # the FNIR is reported where at least so many false alarms are expected


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
        return rates | {FNIR: 1 - FPIR / self.gallery}

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
    require_enough(first)
    people = bootstrap.positions(first.shown)
    rates = [_rates(search, people, bootstrap) for search in repeats]
    found = _statistics(rates, people[first.mated], bootstrap, len(first.enrolled))
    return replace(found, counts={**found.counts, "non_mated_searches": float(len(people))})


def first_statistics(repeats: Sequence[FirstPlaces], bootstrap: IdentityBootstrap) -> IdentificationStatistics:
    """The one figure of these that says how often the first of everybody is the right one.

    Parameters and errors as of ``identification_statistics``; repeats : what ``first_places`` says of such searches.
    """
    first = repeats[0]
    name = first_of(len(first.enrolled))
    rates = [{name: _first_rate(places, bootstrap)} for places in repeats]
    return _statistics(rates, bootstrap.positions(first.people), bootstrap, len(first.enrolled))


def first_of(people: int) -> str:
    """The metric that says how often somebody is the first of so many, where these are everybody."""
    return f"rank_1_of_{people}"


def _statistics(
    rates: Sequence[Mapping[str, _Rate]], mated: IntArray, bootstrap: IdentityBootstrap, gallery: int
) -> IdentificationStatistics:
    """The means of the rates of each repeat. mated : (M,), positions of the people who are looked for."""
    names = list(rates[0])
    per_repeat = {name: [found[name].point for found in rates] for name in names}
    estimates = {name: _mean([found[name] for found in rates]) for name in names}
    draws = {name: bootstrap.sums(each.influence[:, None], np.arange(len(bootstrap.people)))[:, 0] + each.point
             for name, each in estimates.items()}  # fmt: skip
    hits = float(np.mean(per_repeat[first_of(gallery)]))
    return IdentificationStatistics(
        point={name: float(np.mean(values)) for name, values in per_repeat.items()},
        draws=draws,
        per_repeat=per_repeat,
        bootstrap_key=bootstrap.key,
        seeds=(),
        estimates=estimates,
        counts={
            "mated_searches": float(len(mated)),
            "mated_people": float(len(np.unique(mated))),
            "errors": min(hits, 1 - hits) * len(mated),
            "effective_people": min(each.people for name, each in estimates.items() if name != FNIR),
        },
        gallery=gallery,
    )


def _rates(search: Search, people: IntArray, bootstrap: IdentityBootstrap) -> dict[str, _Rate]:
    """The rates of one repeat with each person's influence on them."""
    unit = of_length_one(search)
    placed = placed_in(unit)
    mated, others = search.mated, len(search.enrolled) - 1
    first, wanted = first_of(len(search.enrolled)), ranks_of(len(search.enrolled))
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
    found[first] = _first_rate(first_places(unit, placed), bootstrap)
    return found | {FNIR: _fnir(placed, search, people, len(bootstrap.people))}


def _first_rate(places: FirstPlaces, bootstrap: IdentityBootstrap) -> _Rate:
    """How often the first of everybody is the right one, with each person's influence on it.

    It hangs on who is enrolled where exactly one is more alike: without that person the right one would be the first,
    or one of those who are level.
    """
    looked_for, enrolled = bootstrap.positions(places.people), bootstrap.positions(places.enrolled)
    values = (places.above == 0) / (places.level + 1.0)
    weights = once_a_person(looked_for)
    influence, effectively = mean_influence(values, weights, looked_for, None, len(bootstrap.people))
    near = places.above == 1
    several = 1 + places.level[near]
    steps = -weights[near] / weights.sum() / several
    usual = (1 + places.level[near] / 2) / (len(enrolled) - 1) * steps
    ends = np.cumsum(several)
    beyond = np.full(len(places.ahead), 0.5)
    beyond[ends - several] = 1
    influence[enrolled] -= usual.sum()
    np.add.at(influence, looked_for[near], usual)
    np.add.at(influence, enrolled[places.ahead], beyond * np.repeat(steps, several))
    point = float(np.clip(np.round(weights @ values / weights.sum(), 8), 0, 1))
    return _Rate(point, influence, effectively)


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


def _at_random_among(summed: FloatArray, above: IntArray, level: IntArray) -> FloatArray:
    """(N,) the mean of a table over the places that a person may have among those who are level.

    summed : (places + 1,), running sums of the table.
    """
    return np.asarray((summed[above + level + 1] - summed[above]) / (level + 1))


def _gallery_influence(search: Search, placed: Placed, steps: FloatArray) -> FloatArray:
    """(G, M) how far each rate moves with who is in the gallery.

    steps : (mated, M), what a rate loses by one more person who is more alike than the one looked for, by weight. Of
    two who are level each counts as half.
    """
    mated = np.flatnonzero(search.mated)
    place = np.full(len(search.probes), -1)
    place[mated] = np.arange(len(mated))
    own, others = own_places(search), len(search.enrolled) - 1
    share = (placed.above[mated] + placed.level[mated] / 2) / others
    usual = share[:, None] * steps
    found: FloatArray = np.tile(-usual.sum(axis=0), (len(search.enrolled), 1))
    np.add.at(found, own[mated], usual)
    for rows, part, similarity in similarities(search, mated):
        leave_out(similarity, own[rows], part)
        bar = placed.mate[rows, None]
        beyond = ((similarity > bar + LEVEL).astype(np.float64) + (similarity >= bar - LEVEL)) / 2
        found[part] += beyond.T @ steps[place[rows]]
    return found


def _fnir(placed: Placed, search: Search, people: IntArray, count: int) -> _Rate:
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
