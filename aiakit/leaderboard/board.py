"""From entries on one protocol to a ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.gather import mismatch, other_data
from aiakit.leaderboard.schema import Entry, Reported
from aiakit.leaderboard.verify import verified
from aiakit.measures.comparison import paired_difference
from aiakit.measures.pareto import hypervolume, pareto_front
from aiakit.measures.statistics import exceeds_chance, smallest_detectable
from aiakit.results.document import verdict_of
from aiakit.results.objectives import joint_hypervolume, objectives_of
from aiakit.results.row import Row

SIGNIFICANCE = 0.05


@dataclass
class RankedEntry:
    """A release on a board.

    submission : what was submitted. row : its statistics, computed from its scores.
    label : its name, with the parameters that tell it from others.
    verdict : "leaks", "no leak found" or "no power", as of a run.
    rank : from 1; None where it has no attack, or its utility is below the floor. tied : whether others share it.
    hypervolume : what this release alone adds to what the board's releases cover of the privacy–utility plane.
    """

    submission: Submission
    row: Row
    label: str = ""
    rank: int | None = None
    tied: bool = False
    verdict: str | None = None
    pareto: bool = False
    hypervolume: float | None = None

    @property
    def entry(self) -> Entry:
        """The record of what was submitted."""
        return self.submission.entry

    @property
    def leakage(self) -> float | None:
        """Balanced accuracy of the strongest attack; guessing worse than chance is no privacy, and counts as chance."""
        if self.row.strongest is None:
            return None
        chance = 1 / len(self.entry.protocol.classes)
        return max(self.row.attacks[self.row.strongest].point["balanced_accuracy"], chance)

    @property
    def utility(self) -> float | None:
        """Verification accuracy against random impostors."""
        return self.row.utility["random"].point["accuracy"] if "random" in self.row.utility else None


@dataclass
class Board:
    """Releases, best first, and published figures beside them.

    hypervolume, hypervolume_ci95 : of all releases together, with its interval over people.
    power : attack → whether it beats chance on an undefended release of the board; without one it is not there.
    set_aside : what was found and could not stand on it, a line each.
    """

    places: list[RankedEntry]
    reported: list[Reported] = field(default_factory=list)
    min_utility: float | None = None
    hypervolume: float | None = None
    hypervolume_ci95: tuple[float, float] | None = None
    smallest_detectable: float | None = None
    power: dict[str, bool] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)

    @property
    def protocol(self) -> Any:
        return self.places[0].entry.protocol

    @property
    def attacks(self) -> list[str]:
        """The names of all attacks, in the order in which they first occur."""
        return list(dict.fromkeys(name for place in self.places for name in place.row.attacks))


def make_board(
    submissions: Sequence[Submission],
    reported: Sequence[Reported] = (),
    min_utility: float | None = None,
    set_aside: Sequence[str] = (),
) -> Board:
    """Rank entries by worst-case leakage among those whose utility reaches the floor.

    Every figure is computed from the scores. An entry shares the rank of the first release above it from which its
    strongest attack does not differ significantly (paired over people, two-sided, 5 %).
    set_aside : what was found beside them and cannot stand on this board, a line each.
    Raises InputError for entries of another protocol, and for entries whose figures are not those of their scores.
    """
    first = submissions[0]
    for reason in [
        *(mismatch(first, submission) for submission in submissions),
        *(other_data(first, figures) for figures in reported),
    ]:
        if reason is not None:
            raise InputError(reason)
    places = [RankedEntry(submission, verified(submission)) for submission in submissions]
    _label(places)
    _rank(places, min_utility)
    area, bounds = _mark_front(places) or (None, None)
    power = _power(places)
    for place in places:
        place.verdict = verdict_of(place.row, power.get)
    tensors = first.tensors
    detectable = smallest_detectable(
        np.asarray(tensors["test.labels"]), np.asarray(tensors["test.identity"]), len(first.entry.protocol.classes)
    )
    places.sort(key=lambda place: (place.rank is None, place.leakage is None, place.leakage, place.label))
    return Board(places, list(reported), min_utility, area, bounds, detectable, power, list(set_aside))


def _label(places: Sequence[RankedEntry]) -> None:
    """Name each release, with the parameters in which it differs from others of the same name, or with its run."""
    groups: dict[str, list[RankedEntry]] = {}
    for place in places:
        groups.setdefault(place.entry.release, []).append(place)
    for name, group in groups.items():
        options = [
            {f"{stage.name}.{key}": value for stage in place.entry.stages for key, value in stage.params.items()}
            for place in group
        ]
        known = dict.fromkeys(key for each in options for key in each)
        keys = [key for key in known if any(other.get(key) != options[0].get(key) for other in options)]
        told = [[f"{key}={chosen.get(key)}" for key in keys] for chosen in options]
        alike = Counter(map(tuple, told))
        origins = _origins([place.submission for place in group])
        for place, words, origin in zip(group, told, origins, strict=True):
            words = [*words, origin] if alike[tuple(words)] > 1 else words
            place.label = f"{name} ({', '.join(words)})" if words else name


def _origins(submissions: Sequence[Submission]) -> list[str]:
    """Where each comes from: the name of its run, or the end of the entry's; its whole path where these are alike."""
    short = [each.path.resolve().name if each.path.is_dir() else each.entry.name[-8:] for each in submissions]
    return [name if short.count(name) == 1 else str(each.path) for name, each in zip(short, submissions, strict=True)]


def _power(places: Sequence[RankedEntry]) -> dict[str, bool]:
    """Which attacks beat chance on an undefended release; those that none was probed with are left out."""
    power: dict[str, bool] = {}
    for place in places:
        if place.entry.release == REFERENCE:
            for name, statistics in place.row.attacks.items():
                power[name] = power.get(name, False) or exceeds_chance(statistics)
    return power


def _rank(places: Sequence[RankedEntry], min_utility: float | None) -> None:
    able = [
        place
        for place in places
        if place.leakage is not None
        and (min_utility is None or (place.utility is not None and place.utility >= min_utility))
    ]
    able.sort(key=lambda place: (place.leakage, place.label))
    leader: RankedEntry | None = None
    for number, place in enumerate(able, start=1):
        if leader is not None and _tied(leader.row, place.row):
            place.rank, place.tied, leader.tied = leader.rank, True, True
        else:
            place.rank, leader = number, place


def _tied(a: Row, b: Row) -> bool:
    assert a.strongest is not None
    assert b.strongest is not None
    return paired_difference(a.attacks[a.strongest], b.attacks[b.strongest]).p_value > SIGNIFICANCE


def _mark_front(places: Sequence[RankedEntry]) -> tuple[float, tuple[float, float]] | None:
    """Mark the front, and what each release alone adds to what all cover; the latter with its interval."""
    weighed = [(place, found) for place in places if (found := objectives_of(place.row)) is not None]
    total = joint_hypervolume([found for _, found in weighed])
    if total is None:
        return None
    privacy = np.array([found.privacy for _, found in weighed])
    utility = np.array([found.utility for _, found in weighed])
    for number, ((place, _), front) in enumerate(zip(weighed, pareto_front(privacy, utility), strict=True)):
        others = np.arange(len(weighed)) != number
        place.pareto = bool(front)
        place.hypervolume = total[0] - (hypervolume(privacy[others], utility[others]) if others.any() else 0.0)
    return total
