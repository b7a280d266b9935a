"""Entries of a run are written into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from aiakit.errors import InputError
from aiakit.experiment.command import without_folders
from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import Submission, content_of, read_submission
from aiakit.leaderboard.of_run import release_tensors, submissions_of
from aiakit.leaderboard.schema import Entry, Provenance
from aiakit.leaderboard.standing import note_computed, note_limits
from aiakit.leaderboard.writing import records, remove_files, write_submission, write_tensors
from aiakit.storage.documents import writing


@dataclass
class Submitted:
    """files : what was written. notes : what was there already and is left as it is, a line each."""

    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def provenance_of(submitter: str = "", link: str = "", version: str = "") -> Provenance:
    """Who hands an entry in, today. Raises InputError for what cannot stand on a board."""
    today = datetime.now(UTC).date().isoformat()
    try:
        return Provenance(submitter=submitter, link=link, version=version, date=today)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise InputError(f"--{found['loc'][0]} {found['input']!r} cannot be used: {found['msg']}") from None


def submit(
    run: Run,
    folder: Path,
    defense: str | None = None,
    with_release: bool = False,
    provenance: Provenance | None = None,
    replace: bool = False,
) -> Submitted:
    """Write the entries of a run into a folder; those that are there already are left as they are.

    replace : remove other entries of the same releases, under the same options, and data. with_release : also store
    the release of attacker-train, attacker-val and test, so that attacks can be trained again. provenance : who hands
    it in; the command is the run's. Raises InputError where the folder cannot be written to.
    """
    told = provenance or Provenance()
    command = None if run.command is None else without_folders(run.command)
    told = told.model_copy(update={"command": command})
    done, submissions = Submitted(), submissions_of(run, () if defense is None else (defense,))
    first, *others = (*(run.config.protected or (run.config.attribute,)), *run.config.protected_numbers)
    if others:
        done.notes.append(f"the entries say what is read of {first}; of {', '.join(others)} the run alone does")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for submission in submissions:
            entry = submission.entry.model_copy(update={"provenance": told})
            there = _already(folder / f"{entry.name}.json", submission, with_release)
            if there.note and (there.same or not replace):
                done.notes.append(there.note)
                continue
            before = [(path, other) for path, other in records(folder) if _alike(entry, other)] if replace else []
            if with_release:
                release = write_tensors(folder, f"{entry.name}.release", release_tensors(run, entry.release))
                entry = entry.model_copy(update={"submitted_release": release})
            written = write_submission(folder, entry, submission.tensors)
            if replace:
                _remove(before, written)
            done.files += [folder / file.file for file in written.entry.files] + [written.path]
            note_computed(written, [attack.name for attack in entry.attacks])
            note_limits(written)
    return done


def _alike(entry: Entry, other: Entry) -> bool:
    """Whether two entries are of one release of the same data, with no option that both have set otherwise."""
    ours, theirs = entry.protocol, other.protocol
    if (entry.release, ours.data, ours.attribute) != (other.release, theirs.data, theirs.attribute):
        return False
    stages = zip(entry.stages, other.stages, strict=False)
    return all(a.params[name] == b.params[name] for a, b in stages for name in a.params.keys() & b.params.keys())


def _remove(before: Sequence[tuple[Path, Entry]], written: Submission) -> None:
    """Remove the entries that another takes the place of."""
    for path, entry in before:
        if path != written.path:
            path.unlink()
        remove_files(path.parent, entry)


@dataclass(frozen=True)
class _There:
    """An entry of this name that is there already. note : what is to be said of it; "" where none is."""

    note: str = ""
    same: bool = False


def _already(path: Path, submission: Submission, with_release: bool) -> _There:
    if not path.exists():
        return _There()
    release = submission.entry.release
    try:
        there = read_submission(path)
    except InputError as error:
        return _There(f"{release} is not submitted, since a file of its name is there already: {error}")
    if content_of(there) != content_of(submission):
        return _There(f"{release} is there already, with other scores or attacks, and stays as it is: {path}")
    lacks = with_release and there.entry.submitted_release is None
    return _There(
        f"{release} is there already{' without its release, and stays so' if lacks else ''}: {path}", not lacks
    )
