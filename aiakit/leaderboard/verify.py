"""Whether an entry's figures are those of its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiakit.errors import InputError
from aiakit.leaderboard.differences import differences
from aiakit.leaderboard.entry import Submission, entry_files, named_file, read_record
from aiakit.leaderboard.left_out import check_left_out
from aiakit.leaderboard.limits import check_limits
from aiakit.leaderboard.schema import Entry
from aiakit.leaderboard.scores import figures_of, statistics_row, truth_digest
from aiakit.results.remembered import StatisticsCache
from aiakit.results.row import Row
from aiakit.storage.documents import UNSOUND


def verified(submission: Submission, memory: StatisticsCache | None = None) -> Row:
    """The statistics of an entry, computed from its scores.

    memory : where statistics of the same scores may be remembered; None computes all of them.
    Raises InputError where scores are missing or do not fit, where a figure of the entry is another than theirs, and
    where what no attack is said to exceed cannot be.
    """
    entry, path = submission.entry, submission.path
    if submission.row is not None:
        return submission.row
    if entry.submitted_release is not None:
        named_file(path, entry.submitted_release)
    names = [attack.name for attack in entry.attacks if not attack.shows_claim]
    if len(set(names)) < len(names) or sum(attack.shows_claim for attack in entry.attacks) > 1:
        raise InputError(f"{path} names an attack twice")
    try:
        truth = truth_digest(submission.tensors)
        if truth != entry.protocol.truth:
            raise ValueError("the labels, identities or pairs beside it are not those that the entry names")
        check_left_out(entry, submission.tensors)
        row = statistics_row(entry, submission.tensors, memory)
    except UNSOUND as error:
        raise InputError(f"{path}: {error}") from None
    check_limits(submission, row)
    for where, stated, computed in differences(entry.figures, figures_of(row)):
        raise InputError(
            f"{path} is refused: {where} is {_short(stated)} in the entry, but {_short(computed)} from its scores"
        )
    return row


def measured_entries(path: Path) -> list[Path]:
    """The entries that a path stands for: a file itself, of a folder those with scores, and what cannot be read.

    Raises InputError for a folder without any.
    """
    if not path.is_dir():
        return [path]
    found = [file for file in entry_files(path) if _has_scores(file)]
    if not found:
        raise InputError(f"{path} holds no entry: write some with aiakit leaderboard submit RUN -o {path}")
    return found


def _has_scores(path: Path) -> bool:
    try:
        return isinstance(read_record(path), Entry)
    except InputError:
        return True  # whoever reads it is told why it cannot be


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
