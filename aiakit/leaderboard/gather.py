"""What a board is made of: the entries that runs, folders and files hold, each once, and what cannot stand on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiakit.errors import InputError
from aiakit.experiment.run import RUN, Run
from aiakit.leaderboard.entry import Submission, content_of, entry_files, read_record, read_scores
from aiakit.leaderboard.of_run import submissions_of
from aiakit.leaderboard.schema import ProtocolInfo, Reported, Withdrawn
from aiakit.leaderboard.verify import verified
from aiakit.results.remembered import StatisticsCache
from aiakit.storage.documents import printable

TRUTH = (
    "dataset", "data", "attribute", "classes", "split", "pairs", "bootstrap_draws", "unit", "truth", "bayes_ceiling",
)  # fmt: skip
WORDS = {
    "unit": "unit of counting",
    "data": "fingerprint of the data",
    "truth": "labels, people or pairs",
    "pairs": "number of pairs",
    "bayes_ceiling": "Bayes ceiling",
}


@dataclass
class Gathered:
    """What was found: measured entries with their statistics, published figures, and what cannot stand beside them.

    withdrawn : a line for each entry that was. set_aside : a line for each, which names the file or run and says why.
    unreadable : how many of these are unfinished or damaged; the others were judged by another protocol.
    """

    submissions: list[Submission] = field(default_factory=list)
    reported: list[Reported] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    unreadable: int = 0


def gather(paths: Sequence[Path]) -> Gathered:
    """The entries that runs, folders and files hold, verified; equal ones count once.

    A run that is not finished and a file that is damaged are set aside, and so is what was judged by another protocol
    than most entries. Raises InputError for a path that is not there or holds nothing, and where nothing is left.
    """
    found = Gathered()
    memory = StatisticsCache.of_user()
    for place in [place for path in paths for place in _places(path)]:
        try:
            _read(place, found, memory)
        except InputError as error:
            found.set_aside.append(printable(" ".join(str(error).split())))
            found.unreadable += 1
    _require_some(paths, found)
    found.submissions = _unequal(found.submissions)
    _keep_one_protocol(found)
    return found


def _places(path: Path) -> list[Path]:
    """The runs and entry files that a path stands for."""
    if path.is_file() or (path / RUN).is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"{path} is not there: name a run, a folder of entries, or an entry's JSON file")
    places = [*entry_files(path), *sorted(folder for folder in path.iterdir() if (folder / RUN).is_file())]
    if not places:
        raise InputError(f"{path} holds neither entries nor runs: write some with aiakit leaderboard submit RUN -o DIR")
    return places


def _read(place: Path, found: Gathered, memory: StatisticsCache) -> None:
    if place.is_dir():
        found.submissions += submissions_of(Run.open(place))
        return
    record = read_record(place)
    if isinstance(record, Reported):
        found.reported.append(record)
    elif isinstance(record, Withdrawn):
        found.withdrawn.append(f"{record.name} ({record.release}), on {record.date}: {record.reason}")
    else:
        submission = Submission(record, read_scores(place, record), place)
        found.submissions.append(replace(submission, row=verified(submission, memory)))


def _require_some(paths: Sequence[Path], found: Gathered) -> None:
    if found.submissions:
        return
    if found.set_aside:
        more = len(found.set_aside) - 1
        raise InputError(found.set_aside[0] + (f" (and {more} more cannot be read)" if more else ""))
    raise InputError(f"{', '.join(map(str, paths))}: no measured entry is there, so there is nothing to rank")


def _unequal(submissions: Sequence[Submission]) -> list[Submission]:
    """Each once; of copies the first."""
    first: dict[str, Submission] = {}
    for submission in submissions:
        first.setdefault(content_of(submission), submission)
    return list(first.values())


def _keep_one_protocol(found: Gathered) -> None:
    """Keep the protocol that most entries were judged by, of equally many the first; set the others aside."""
    groups: list[list[Submission]] = []
    for submission in found.submissions:
        group = next((group for group in groups if mismatch(group[0], submission) is None), None)
        if group is None:
            groups.append([submission])
        else:
            group.append(submission)
    kept = found.submissions = max(groups, key=len)
    others = [str(mismatch(kept[0], other)) for group in groups if group is not kept for other in group]
    found.set_aside += list(dict.fromkeys(others))  # the releases of one run have one reason
    foreign = [other_attribute(kept[0], figures) for figures in found.reported]
    found.set_aside += [reason for reason in foreign if reason is not None]
    found.reported = [figures for figures, reason in zip(found.reported, foreign, strict=True) if reason is None]


def mismatch(first: Submission, other: Submission) -> str | None:
    """Why the other entry cannot stand on one board with the first; None where it can."""
    a, b = first.entry.protocol, other.entry.protocol
    audits = all(submission.entry.audits for submission in (first, other))  # which go by the names of their files
    changed = [name for name in differing(a, b) if not (audits and name == "dataset")]
    if not changed:
        return None
    what = changed[0]
    length = 12 if what == "data" else 60  # as much of a digest as tells two apart
    old, new = (f"{getattr(protocol, what)}"[:length] for protocol in (a, b))
    return (
        f"{other.path} cannot stand on one board with {first.path}: another {WORDS.get(what, what)} ({new}, not {old})"
    )


def differing(a: ProtocolInfo, b: ProtocolInfo) -> list[str]:
    """By what of ``TRUTH`` two protocols differ; machines may round a ceiling otherwise."""
    pairs = {name: (getattr(a, name), getattr(b, name)) for name in TRUTH}
    return [name for name, (one, other) in pairs.items() if one != other and not _alike(one, other)]


def _alike(one: object, other: object) -> bool:
    return isinstance(one, float) and isinstance(other, float) and math.isclose(one, other, abs_tol=1e-6)


def other_attribute(first: Submission, figures: Reported) -> str | None:
    """Why published figures do not belong beside this entry; None where they are of its attribute, on whatever data."""
    attribute = first.entry.protocol.attribute
    if figures.attribute.casefold() == attribute.casefold():
        return None
    return f"the figures of {figures.source} are of {figures.attribute}, the board is of {attribute}"
