"""From entries on one protocol to a ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE, RELEASE, RISKS, Risk
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.gather import mismatch, other_attribute
from aiakit.leaderboard.limits import without_limits
from aiakit.leaderboard.schema import Entry, Reported
from aiakit.leaderboard.standing import computed_here, lacking, levels_of, limits_computed_here, suite_of, untrained
from aiakit.leaderboard.verify import verified
from aiakit.measures.comparison import Difference, holm, paired_difference
from aiakit.measures.deciding import spread_of_folds
from aiakit.measures.statistics import AttackStatistics, smallest_detectable
from aiakit.results.document import judged, risks_as_json
from aiakit.results.glance import at_a_glance, risks_at_a_glance
from aiakit.results.objectives import front_of, objectives_of
from aiakit.results.row import Row, certified
from aiakit.results.verdicts import SIGNIFICANCE, Verdict, evidence_of, power_of, shown_power, verdicts_of

MARGIN = 0.02  # of balanced accuracy, within which two releases count as equal


@dataclass
class RankedEntry:
    """A release on a board.

    submission : what was submitted. row : its statistics, computed from its scores: of all attacks, or of those alone
    that this machine computed, where of these the strongest reads more; so that scores which are somebody's word can
    make a figure, a verdict and a rank worse, and never better.
    label : its name, with the parameters that tell it from others.
    verdict : what is said of it beside all others of the board, as of a run.
    computed : the attacks whose scores this machine computed. unproven : those apart from ``row``, which nobody trained
    here: they are shown, and change nothing. lacks : attacks of the board's suite that it was not measured by.
    untrained : those of the suite that are the submitter's word, though they could be trained again. said_limit : what
    no attack exceeds by the submitter's word, which is not shown. believed : whether its scores are more than a word,
    or the board goes by words.
    rank : from 1; None where it has no attack, its verdict does not rank, its utility is below the floor, it lacks an
    attack, one is untrained, or it is not believed. tied : whether others share it. apart : whether it is told apart
    from the release one place above, at 5 % over all such pairs.
    pareto, front_share : whether it is on the front, as measured and in which share of bootstrap draws.
    hypervolume : what this release alone adds to what the board's releases cover of the privacy–utility plane.
    """

    submission: Submission
    row: Row
    label: str = ""
    computed: frozenset[str] = frozenset()
    unproven: dict[str, AttackStatistics] = field(default_factory=dict)
    lacks: list[str] = field(default_factory=list)
    untrained: list[str] = field(default_factory=list)
    said_limit: float | None = None
    believed: bool = True
    rank: int | None = None
    tied: bool = False
    apart: bool | None = None
    verdict: Verdict | None = None
    pareto: bool = False
    front_share: float | None = None
    hypervolume: float | None = None

    @property
    def entry(self) -> Entry:
        """The record of what was submitted."""
        return self.submission.entry

    @property
    def stands(self) -> bool:
        """Whether its figures are comparable with those of the others, and more than somebody's word."""
        return self.believed and not self.lacks and not self.untrained

    @property
    def leakage(self) -> float | None:
        """Balanced accuracy of the attack that counts; worse than a guess is no privacy, and counts as chance."""
        found = self.row.headline
        return None if found is None else max(found.point["balanced_accuracy"], found.chance("balanced_accuracy"))

    @property
    def utility(self) -> float | None:
        """Verification accuracy against random impostors."""
        return self.row.utility["random"].point["accuracy"] if "random" in self.row.utility else None

    @cached_property
    def risks(self) -> dict[Risk, dict[str, Any]]:
        """Risk → its figure at a glance, or why there is none; of those that were asked for."""
        row = {"release": self.entry.release, "risks": risks_as_json(self.row.risks)}
        return {found["risk"]: found for found in risks_at_a_glance(row, self.row.risks)}


@dataclass
class Board:
    """Releases, best first, and published figures beside them.

    hypervolume : of all releases together.
    power : attack → whether it beats chance on an undefended release of the board; without one it is not there.
    withdrawn, set_aside : what was found and does not stand on it, a line each.
    """

    places: list[RankedEntry]
    reported: list[Reported] = field(default_factory=list)
    min_utility: float | None = None
    hypervolume: float | None = None
    smallest_detectable: float | None = None
    power: dict[str, bool] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)

    @property
    def protocol(self) -> Any:
        return self.places[0].entry.protocol

    @property
    def risks(self) -> list[Risk]:
        """The risks that were asked of some release."""
        return [risk for risk in RISKS if any(risk in place.row.risks for place in self.places)]

    def at_a_glance(self, place: RankedEntry) -> list[dict[str, Any]]:
        """What is read of the attribute, and every risk, of a release; nothing where no risk was asked for."""
        if not place.row.risks:
            return []
        row = {**judged(place.row, place.verdict), "release": place.entry.release}
        of = {
            "attribute": self.protocol.attribute,
            "chance": 1 / len(self.protocol.classes),
            "smallest_detectable": self.smallest_detectable,
            "numeric": {},  # entries hold none
        }
        return [*at_a_glance(row, of, ()), *place.risks.values()]

    @property
    def attacks(self) -> list[str]:
        """The names of all attacks, in the order in which they first occur."""
        return list(dict.fromkeys(name for place in self.places for name in (*place.row.attacks, *place.unproven)))


def make_board(
    submissions: Sequence[Submission],
    reported: Sequence[Reported] = (),
    min_utility: float | None = None,
    withdrawn: Sequence[str] = (),
    set_aside: Sequence[str] = (),
    suite: Collection[str] | None = None,
    trust: bool = False,
) -> Board:
    """Rank entries by worst-case leakage among those whose utility reaches the floor.

    Every figure is computed from the scores. A rank is for releases that were measured by the whole suite
    (``suite_of``; ``suite`` names its attacks), by scores that this machine has computed, in a run or again (``trust``
    takes the others at their word). An entry shares the rank of the first release above it to which it is shown to be
    equivalent: the whole interval of the difference (paired over people) lies within ± ``MARGIN``.
    withdrawn, set_aside : what was found beside them and does not stand on this board, a line each.
    Raises InputError for entries of another protocol, and for entries whose figures are not those of their scores.
    """
    first = submissions[0]
    for reason in [
        *(mismatch(first, submission) for submission in submissions),
        *(other_attribute(first, figures) for figures in reported),
    ]:
        if reason is not None:
            raise InputError(reason)
    places = [_place(submission, trust) for submission in submissions]
    _label(places)
    believed = [place.entry for place in places if place.believed]
    required, levels = suite_of(believed, suite), levels_of(believed)
    for place in places:
        place.lacks = lacking(place.entry, required, levels)
        place.untrained = [] if trust else untrained(place.entry, required, place.computed)
    power = _judge(places)
    _rank(places, min_utility)
    area = _mark_front(places)
    tensors, protocol = first.tensors, first.entry.protocol
    tests = max(1, sum(place.entry.release != REFERENCE for place in places))
    detectable = smallest_detectable(
        np.asarray(tensors["test.labels"]),
        np.asarray(tensors["test.identity"]),
        len(protocol.classes),
        protocol.unit,
        SIGNIFICANCE / tests,
        widened=spread_of_folds(protocol.split.folds),
    )
    places.sort(key=lambda place: (place.rank is None, place.leakage is None, place.leakage, place.label))
    return Board(places, list(reported), min_utility, area, detectable, power, list(withdrawn), list(set_aside))


def _place(submission: Submission, trust: bool) -> RankedEntry:
    """A release with what counts of it, and what does not set apart."""
    row, computed = verified(submission), computed_here(submission)
    said = None if trust or limits_computed_here(submission) else certified(row)
    row = row if said is None else without_limits(row)
    added = {attack.name for attack in submission.entry.attacks if attack.external} - computed
    own, known = (
        replace(row, attacks={name: found for name, found in row.attacks.items() if chosen(name)})
        for chosen in (lambda name: name not in added, computed.__contains__)
    )
    counting = known if _reads_more(known, own) else own
    return RankedEntry(
        submission,
        counting,
        computed=computed,
        unproven={name: found for name, found in row.attacks.items() if name not in counting.attacks},
        said_limit=said,
        believed=trust or any(attack.name in computed for attack in submission.entry.attacks if not attack.external),
    )


def _reads_more(row: Row, other: Row) -> bool:
    """Whether the strongest attack of a row reads more than that of another; none reads nothing."""
    first, second = (
        -1.0 if each.headline is None else each.headline.point["balanced_accuracy"] for each in (row, other)
    )
    return first > second


def _label(places: Sequence[RankedEntry]) -> None:
    """Name each release, with the options in which it differs from others of the same name, or else with the attacker
    or its run.
    """
    groups: dict[str, list[RankedEntry]] = {}
    for place in places:
        audited = place.entry.audits and place.entry.release == RELEASE
        name = place.entry.protocol.dataset if audited else place.entry.release
        groups.setdefault(name, []).append(place)
    for name, group in groups.items():
        told = _differing([_options(place.entry, name) for place in group])
        if max(Counter(map(tuple, told)).values()) > 1:
            told = _differing([{**_options(place.entry, name), "attacker": place.entry.level} for place in group])
        alike = Counter(map(tuple, told))
        origins = _origins([place.submission for place in group])
        for place, words, origin in zip(group, told, origins, strict=True):
            words = [*words, origin] if alike[tuple(words)] > 1 else words
            place.label = f"{name} ({', '.join(words)})" if words else name


def _options(entry: Entry, name: str) -> dict[str, Any]:
    """Option → value, of its stages in order; those of a stage other than ``name`` with the stage's name."""
    stages = () if entry.audits else entry.stages
    return {
        key if stage.name == name else f"{stage.name}.{key}": value
        for stage in stages
        for key, value in stage.params.items()
    }


def _differing(options: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """What tells some releases apart, in words: nothing of what they have in common."""
    known = dict.fromkeys(key for each in options for key in each)
    keys = [key for key in known if any(other.get(key) != options[0].get(key) for other in options)]
    return [[f"{key}={chosen.get(key)}" for key in keys] for chosen in options]


def _origins(submissions: Sequence[Submission]) -> list[str]:
    """Where each comes from: the name of its run, or the end of the entry's; its whole path where these are alike."""
    short = [each.path.resolve().name if each.path.is_dir() else each.entry.name[-8:] for each in submissions]
    return [name if short.count(name) == 1 else str(each.path) for name, each in zip(short, submissions, strict=True)]


def _judge(places: Sequence[RankedEntry]) -> dict[str, bool]:
    """Give every place its verdict, and say which attacks beat chance on an undefended release of the board."""
    ceilings = [place.entry.protocol.bayes_ceiling for place in places]
    ceiling = min((found for found in ceilings if found is not None), default=None)  # all are of the same data
    controls = [place for place in places if place.entry.release == REFERENCE]
    powers = [power_of(place.row) for place in controls if place.believed]
    able = any(powers) if powers else None
    for group in (controls, [place for place in places if place.entry.release != REFERENCE]):
        said = verdicts_of(
            {
                number: evidence_of(place.row, None if place.untrained else able, ceiling)  # by a part of the suite
                for number, place in enumerate(group)
            }
        )
        for number, place in enumerate(group):
            place.verdict = said[number]
    power: dict[str, bool] = {}
    for place in controls:
        for name, shown in shown_power(place.row).items():
            power[name] = power.get(name, False) or shown
    return power


def _rank(places: Sequence[RankedEntry], min_utility: float | None) -> None:
    able = [
        place
        for place in places
        if place.leakage is not None
        and place.stands
        and not (place.verdict is not None and not place.verdict.ranks)
        and (min_utility is None or (place.utility is not None and place.utility >= min_utility))
    ]
    able.sort(key=lambda place: (place.leakage, place.label))
    leader: RankedEntry | None = None
    for number, place in enumerate(able, start=1):
        if leader is not None and _difference(leader, place).equivalent(MARGIN):
            place.rank, place.tied, leader.tied = leader.rank, True, True
        else:
            place.rank, leader = number, place
    p_values = holm([_difference(above, below).p_value for above, below in pairwise(able)])
    for place, p_value in zip(able[1:], p_values, strict=True):
        place.apart = p_value <= SIGNIFICANCE


def _difference(a: RankedEntry, b: RankedEntry) -> Difference:
    assert a.row.headline is not None
    assert b.row.headline is not None
    return paired_difference(a.row.headline, b.row.headline)


def _mark_front(places: Sequence[RankedEntry]) -> float | None:
    """Mark the front, and what each release alone adds to what all cover, which is returned."""
    weighed = [
        (place, found)
        for place in places
        if place.stands and (found := objectives_of(place.row, place.verdict)) is not None
    ]
    front = front_of([found for _, found in weighed])
    if front is None:
        return None
    marks = zip(front.on_front, front.shares, front.adds, strict=True)
    for (place, _), mark in zip(weighed, marks, strict=True):
        place.pareto, place.front_share, place.hypervolume = mark
    return front.hypervolume
