"""Whether a submitted release is of the people and the labels of its entry.

Whoever submits a release writes who is on it and what attacks learn from. By labels that were exchanged between people
every attack on any release guesses, once and again: that it reaches the same shows nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.leaderboard.entry import Submission, read_tensors
from aiakit.leaderboard.labels import Data
from aiakit.leaderboard.tensors import FOLDS, Tensors

ROWS = {"val": "rows.attacker-val", "test": "rows.test"}  # of a release, by how entries call the splits
TRAIN = "rows.attacker-train"
UNKNOWN = (
    "the labels of attacker-train are the submitter's word: no entry on dealt splits holds them. Name the data set "
    "(--dataset), and they are compared; until then no attack counts as trained again"
)


def read_release(submission: Submission) -> Tensors:
    """The release of an entry. Raises InputError where it has none, or one of other people or labels."""
    entry, path = submission.entry, submission.path
    if entry.submitted_release is None:
        raise InputError(f"{path} holds no release: submit it with --with-release")
    release = read_tensors(path, entry.submitted_release)
    lacking = [name for name in (TRAIN, *ROWS.values(), "labels", "identity") if name not in release]
    if lacking:
        raise InputError(f"the release of {path} lacks {lacking[0]}")
    images = np.shape(release["identity"])
    other = [name for name, part in release.items() if name[0].isdigit() and np.shape(part)[:1] != images]
    if other:
        raise InputError(f"the release of {path} is not sound: {other[0]} has not one row for each of its identities")
    for what, stated, own in _twice_told(submission, release):
        if not np.array_equal(stated, own):
            raise InputError(f"the release of {path} is of other people: its {what} differ from those of the entry")
    return release


def _twice_told(submission: Submission, release: Tensors) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    """What both the release and the entry say: what it is, as the release has it, as the entry does."""
    truth = submission.tensors
    if FOLDS in truth:  # everybody, whose labels are those of the entry
        rows = np.sort(np.concatenate([np.ravel(release[name]) for name in (TRAIN, *ROWS.values())]))
        return [
            ("identities", release["identity"], truth["test.identity"]),
            ("folds", release.get("folds", np.empty(0, np.int64)), truth[FOLDS]),
            ("rows", rows, np.arange(len(truth[FOLDS]))),
        ]
    told = {split: {what: _of(release, name, what) for what in ("labels", "identity")} for split, name in ROWS.items()}
    return [
        ("labels of attacker-val", told["val"]["labels"], truth["val.labels"]),
        *((f"identities of {split}", told[split]["identity"], truth[f"{split}.identity"]) for split in ROWS),
    ]


def _of(release: Tensors, rows: str, what: str) -> NDArray[Any]:
    """What a release says of some of its rows; of rows that are not there, nothing."""
    chosen, told = np.asarray(release[rows]), np.atleast_1d(release[what])
    if chosen.dtype.kind not in "iu" or (len(chosen) and (chosen.min() < 0 or chosen.max() >= len(told))):
        return np.empty(0, told.dtype)
    return np.take(told, chosen)


def learns_from_its_labels(submission: Submission, data: Data | None) -> bool:
    """Whether it is known that attacks learn from the labels of the data set, and not from whatever was submitted.

    Cross-fitted people are all judged, so that the entry has their labels; of dealt splits only ``data`` tells those of
    attacker-train. Raises InputError where they are others, or the entry is of other data.
    """
    release = read_release(submission)
    if FOLDS in submission.tensors:
        return True
    if data is None:
        return False
    for what, own in data.labels_of(submission.entry).train.items():
        if not np.array_equal(_of(release, TRAIN, what), own):
            raise InputError(
                f"{submission.path} is refused: the {what} of attacker-train in its release are not those of "
                f"{data.faces.name}"
            )
    return True
