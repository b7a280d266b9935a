"""From entries on one protocol to a ranking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE
from aiakit.experiment.run import RUN, Run
from aiakit.leaderboard.entry import Submission, read_record, read_tensors
from aiakit.leaderboard.schema import Entry, Reported
from aiakit.leaderboard.submit import submissions_of
from aiakit.leaderboard.verify import verified
from aiakit.measures.comparison import Difference, holm, paired_difference
from aiakit.measures.statistics import smallest_detectable
from aiakit.results.objectives import front_of, objectives_of
from aiakit.results.remembered import StatisticsCache
from aiakit.results.row import Row
from aiakit.results.verdicts import SIGNIFICANCE, Verdict, evidence_of, power_of, shown_power, verdicts_of
from aiakit.storage.cache import cache_folder

MARGIN = 0.02  # of balanced accuracy, within which two releases count as equal
MEMORY = "statistics"  # of entries, in the user's folder for caches
TRUTH = ("dataset", "data", "attribute", "classes", "split", "pairs", "bootstrap_draws", "unit", "truth")
WORDS = {
    "unit": "unit of counting",
    "data": "fingerprint of the data",
    "truth": "labels, people or pairs",
    "pairs": "number of pairs",
}


@dataclass
class RankedEntry:
    """A release on a board.

    submission : what was submitted. row : its statistics, computed from its scores.
    label : its name, with the parameters that tell it from others.
    verdict : what is said of it beside all others of the board, as of a run.
    rank : from 1; None where it has no attack, is inverted, or its utility is below the floor. tied : whether others
    share it. apart : whether it is told apart from the release one place above, at 5 % over all such pairs.
    pareto, front_share : whether it is on the front, as measured and in which share of bootstrap draws.
    hypervolume : what this release alone adds to what the board's releases cover of the privacy–utility plane.
    """

    submission: Submission
    row: Row
    label: str = ""
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

    hypervolume : of all releases together.
    power : attack → whether it beats chance on an undefended release of the board; without one it is not there.
    """

    places: list[RankedEntry]
    reported: list[Reported] = field(default_factory=list)
    min_utility: float | None = None
    hypervolume: float | None = None
    smallest_detectable: float | None = None
    power: dict[str, bool] = field(default_factory=dict)

    @property
    def protocol(self) -> Any:
        return self.places[0].entry.protocol

    @property
    def attacks(self) -> list[str]:
        """The names of all attacks, in the order in which they first occur."""
        return list(dict.fromkeys(name for place in self.places for name in place.row.attacks))


def gather(paths: Sequence[Path]) -> tuple[list[Submission], list[Reported]]:
    """The entries that runs, folders and files hold, each name once, and the published figures.

    Raises InputError for a path that holds none, an unfinished run, a damaged or foreign file, a name found twice.
    """
    submissions: list[Submission] = []
    reported: list[Reported] = []
    for path in paths:
        for found in _read(path):
            if isinstance(found, Reported):
                reported.append(found)
            else:
                submissions.append(found)
    names: dict[str, Path] = {}
    for submission in submissions:
        name = submission.entry.name
        if name in names:
            raise InputError(f"{names[name]} and {submission.path} both hold the entry {name}: leave one of them out")
        names[name] = submission.path
    if not submissions:
        raise InputError(f"{', '.join(map(str, paths))}: no measured entry is there, so there is nothing to rank")
    return submissions, reported


def _read(path: Path) -> Iterable[Submission | Reported]:
    if (path / RUN).is_file():
        yield from submissions_of(Run.open(path))
    elif path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".json", ".toml") and file.is_file())
        runs = sorted(folder for folder in path.iterdir() if (folder / RUN).is_file())
        if not files and not runs:
            raise InputError(
                f"{path} holds neither entries nor runs: write some with aiakit leaderboard submit RUN -o DIR"
            )
        for file in [*files, *runs]:
            yield from _read(file)
    elif path.is_file():
        record = read_record(path)
        if isinstance(record, Reported):
            yield record
        else:
            yield Submission(record, read_tensors(path, record.scores), path)
    else:
        raise InputError(f"{path} is not there: name a run, a folder of entries, or an entry's JSON file")


def make_board(
    submissions: Sequence[Submission], reported: Sequence[Reported] = (), min_utility: float | None = None
) -> Board:
    """Rank entries by worst-case leakage among those whose utility reaches the floor.

    Every figure is computed from the scores. An entry shares the rank of the first release above it to which it is
    shown to be equivalent: the whole interval of the difference (paired over people) lies within ± ``MARGIN``.
    Raises InputError for entries of another protocol, and for entries whose figures are not those of their scores.
    """
    first = submissions[0]
    for submission in submissions[1:]:
        _require_same_protocol(first, submission)
    for figures in reported:
        _require_same_data(first, figures)
    memory = StatisticsCache(cache_folder() / MEMORY)
    places = [RankedEntry(submission, verified(submission, memory)) for submission in submissions]
    _label(places)
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
    )
    places.sort(key=lambda place: (place.rank is None, place.leakage is None, place.leakage, place.label))
    return Board(places, list(reported), min_utility, area, detectable, power)


def _require_same_protocol(first: Submission, other: Submission) -> None:
    a, b = first.entry.protocol, other.entry.protocol
    changed = [name for name in TRUTH if getattr(a, name) != getattr(b, name)]
    if changed:
        what = changed[0]
        old, new = (f"{getattr(protocol, what)}"[:60] for protocol in (a, b))
        raise InputError(
            f"{_place(other)} cannot stand on one board with {_place(first)}: "
            f"another {WORDS.get(what, what)} ({new}, not {old})"
        )


def _place(submission: Submission) -> str:
    """Where an entry is, and its release where a run holds several."""
    return f"{submission.path} ({submission.entry.release})" if submission.path.is_dir() else str(submission.path)


def _require_same_data(first: Submission, figures: Reported) -> None:
    protocol = first.entry.protocol
    stated = (figures.dataset.casefold(), figures.attribute.casefold())
    if stated != (protocol.dataset.casefold(), protocol.attribute.casefold()):
        raise InputError(
            f"the figures of {figures.source} are of {figures.attribute} on {figures.dataset}, "
            f"the board is of {protocol.attribute} on {protocol.dataset}"
        )


def _label(places: Sequence[RankedEntry]) -> None:
    """Name each release, with the parameters in which it differs from others of the same name."""
    groups: dict[str, list[RankedEntry]] = {}
    for place in places:
        groups.setdefault(place.entry.release, []).append(place)
    for name, group in groups.items():
        options = [
            {f"{stage.name}.{key}": value for stage in place.entry.stages for key, value in stage.params.items()}
            for place in group
        ]
        keys = [key for key in options[0] if any(other.get(key) != options[0][key] for other in options)]
        for place, chosen in zip(group, options, strict=True):
            told = [f"{key}={chosen.get(key)}" for key in keys]
            if len(group) > 1:  # its seeds, libraries or attacks differ: the entry's own digest tells them apart
                told.append(place.entry.name[-8:])
            place.label = f"{name} ({', '.join(told)})" if told else name


def _judge(places: Sequence[RankedEntry]) -> dict[str, bool]:
    """Give every place its verdict, and say which attacks beat chance on an undefended release of the board."""
    controls = [place for place in places if place.entry.release == REFERENCE]
    powers = [power_of(place.row) for place in controls]
    able = any(powers) if powers else None
    for group in (controls, [place for place in places if place.entry.release != REFERENCE]):
        said = verdicts_of({number: evidence_of(place.row, able) for number, place in enumerate(group)})
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
        and not (place.verdict is not None and place.verdict.inverted)
        and (min_utility is None or (place.utility is not None and place.utility >= min_utility))
    ]
    able.sort(key=lambda place: (place.leakage, place.label))
    leader: RankedEntry | None = None
    for number, place in enumerate(able, start=1):
        if leader is not None and _difference(leader.row, place.row).equivalent(MARGIN):
            place.rank, place.tied, leader.tied = leader.rank, True, True
        else:
            place.rank, leader = number, place
    p_values = holm([_difference(above.row, below.row).p_value for above, below in pairwise(able)])
    for place, p_value in zip(able[1:], p_values, strict=True):
        place.apart = p_value <= SIGNIFICANCE


def _difference(a: Row, b: Row) -> Difference:
    assert a.strongest is not None
    assert b.strongest is not None
    return paired_difference(a.attacks[a.strongest], b.attacks[b.strongest])


def _mark_front(places: Sequence[RankedEntry]) -> float | None:
    """Mark the front, and what each release alone adds to what all cover, which is returned."""
    weighed = [(place, found) for place in places if (found := objectives_of(place.row, place.verdict)) is not None]
    front = front_of([found for _, found in weighed])
    if front is None:
        return None
    marks = zip(front.on_front, front.shares, front.adds, strict=True)
    for (place, _), mark in zip(weighed, marks, strict=True):
        place.pareto, place.front_share, place.hypervolume = mark
    return front.hypervolume
