"""Risks that a run has measured, added to an entry of the same release that says nothing of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.experiment.config import Risk
from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import Submission, read_submission, read_tensors
from aiakit.leaderboard.gather import mismatch
from aiakit.leaderboard.of_run import release_tensors, submissions_of
from aiakit.leaderboard.packing import packed, unpacked
from aiakit.leaderboard.risks import PREFIX
from aiakit.leaderboard.schema import Entry, RiskInfo, schema_of
from aiakit.leaderboard.tensors import Tensors
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import rewrite
from aiakit.results.judge import SPLITS

ROUNDED = 2e-3  # as stored in half precision: of a probability, and of a similarity relative to the largest


def supply_risks(paths: Sequence[Path], run: Run) -> list[Path]:
    """Add the risks that a finished run has measured to entries of the same releases; its own attacks do not matter.

    That a release is the same is shown by what both have of it: the release itself where it was submitted, and the
    scores of the verifier and of attacks. Raises InputError where an entry is not sound or has a risk of these
    already, where the run is of another release, data or seeds, or nothing shows that it is of the same; then nothing
    is changed.
    """
    entries = [read_submission(path) for path in paths]
    made = {each.entry.release: each for each in submissions_of(run, [each.entry.release for each in entries])}
    found = [(submission, _supplied(submission, made[submission.entry.release], run)) for submission in entries]
    return [rewrite(submission, tensors, risks=risks, schema_version=schema_of(risks))
            for submission, (tensors, risks) in found]  # fmt: skip


def _supplied(
    submission: Submission, other: Submission, run: Run
) -> tuple[Tensors, Mapping[Risk, tuple[RiskInfo, ...]]]:
    """An entry's tensors and risks together with those of the run."""
    verified(submission)
    entry = submission.entry
    if not other.entry.risks:
        raise InputError(f"{run.folder} has measured no risk of {entry.release}: run it again with --risks all")
    twice = [risk for risk in other.entry.risks if risk in entry.risks]
    if twice:
        raise InputError(f"{submission.path} says something of {' and '.join(twice)} already")
    _require_same(submission, other, run)
    added = {name: part for name, part in other.tensors.items() if name.startswith(PREFIX)}
    return {**submission.tensors, **added}, {**entry.risks, **other.entry.risks}


def _require_same(submission: Submission, other: Submission, run: Run) -> None:
    """Raise InputError unless both are of one release."""
    entry, made = submission.entry, other.entry
    reason = mismatch(submission, other)
    if reason is None and entry.computing.seeds != made.computing.seeds:
        known, tried = (", ".join(map(str, each.computing.seeds)) for each in (entry, made))
        reason = f"{run.folder} is of the seeds {tried}, and {submission.path} of {known}"
    if reason is None and _stages(entry) != _stages(made):
        reason = f"{run.folder} made {entry.release} by another defense, or with other options, than {submission.path}"
    if reason is not None:
        raise InputError(f"these risks are not of the entry's release: {reason}")
    compared = 0
    for what, ours, theirs in _in_common(submission, other, run):
        compared += len(np.unique(ours)) > 1  # an attack that reads nothing says the same of every release
        if not _alike(ours, theirs):
            raise InputError(
                f"these risks are not of the entry's release: {what} of {run.folder} differs from that of "
                f"{submission.path}, so the release was made anew and is another"
            )
    if not compared:
        raise InputError(
            f"nothing shows that {run.folder} is of the release of {submission.path}: let it have the verifier, or one "
            "of the entry's attacks, with which their scores can be compared"
        )


def _stages(entry: Entry) -> list[Any]:
    """What made a release, without what its code said of itself."""
    return [(stage.kind, stage.name, stage.params, stage.files) for stage in entry.stages]


def _in_common(submission: Submission, other: Submission, run: Run) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """What both have of a release, with its name."""
    submitted = submission.entry.submitted_release
    if submitted is not None:
        ours, theirs = read_tensors(submission.path, submitted), release_tensors(run, submission.entry.release)
        for name in sorted(theirs.keys() & ours.keys()):
            yield f"{name} of the release", ours[name], theirs[name]
    mine, others = _scores(submission), _scores(other)
    for name in sorted(mine.keys() & others.keys()):
        yield name, mine[name], others[name]


def _scores(submission: Submission) -> dict[str, NDArray[Any]]:
    """A name that is the same in every entry → the scores of it, rounded as they are stored."""
    entry, found = submission.entry, dict[str, NDArray[Any]]()
    tensors: Tensors = unpacked(packed(submission.tensors))
    attacks = [(f"attack.{number}", entry.level, attack) for number, attack in enumerate(entry.attacks)
               if attack.left_after is None and not attack.external]  # fmt: skip
    attacks += [(f"beside.{number}", of.level, of) for number, of in enumerate(entry.beside) if of.people is None]
    for prefix, level, attack in attacks:
        told = f"{attack.name} ({level}, {json.dumps(attack.params, sort_keys=True)})"
        for repeat, seeds in enumerate(attack.repeats):
            for split in SPLITS:
                found[f"{told}, seeds {seeds}, on {split}"] = np.asarray(tensors[f"{prefix}.{repeat}.{split}"])
    return found | {name: part for name, part in tensors.items() if name.startswith("verifier.")}


def _alike(ours: NDArray[Any], theirs: NDArray[Any]) -> bool:
    """Whether two arrays say the same, up to the rounding with which scores are stored."""
    if ours.shape != theirs.shape:
        return False
    if ours.dtype.kind != "f" or not ours.size:
        return bool(np.array_equal(ours, theirs))
    largest = max(1.0, float(np.abs(ours).max()))
    return bool(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max() <= ROUNDED * largest)
