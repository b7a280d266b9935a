"""Entries as files: ``NAME.json`` and the tensor files that it names, side by side in one folder.

A tensor file is named by its contents and written before the JSON file that refers to it, so that an entry that can be
read is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from aiakit.datasets.fingerprint import array_digest
from aiakit.errors import InputError
from aiakit.experiment.config import Record
from aiakit.leaderboard.packing import Tensors, packed, unpacked
from aiakit.leaderboard.schema import REPORTED_SCHEMA, SCHEMA, WITH_RISKS, Entry, FileRef, Reported, Withdrawn
from aiakit.results.row import Row
from aiakit.storage import tensorfile
from aiakit.storage.documents import first_problem, read_json, read_toml
from aiakit.storage.store import file_digest

# What two entries of one release may differ in and still be the same: when and by whom it was made, and file names.
INCIDENTAL: Any = {
    **dict.fromkeys(
        ("name", "provenance", "scores", "people", "truth", "submitted_release", "figures", "flag", "seal"), True
    ),
    "computing": {"seconds"},
}


IN_MEMORY = FileRef(file="in-memory", sha256="0" * 64)


@dataclass(frozen=True)
class Submission:
    """An entry with its scores.

    path : the JSON file, or the run that it was made from. row : the statistics that its figures were made from just
    now; None where they come from a file, and are believed only once they are computed again.
    """

    entry: Entry
    tensors: Tensors
    path: Path
    row: Row | None = None

    @property
    def of_run(self) -> bool:
        """Whether it was made in memory, of a run on this machine."""
        return self.entry.scores == IN_MEMORY


KINDS: dict[str, tuple[type[Record], tuple[int, ...]]] = {
    "measured": (Entry, (SCHEMA, WITH_RISKS)),
    "withdrawn": (Withdrawn, (SCHEMA,)),
    "reported": (Reported, (REPORTED_SCHEMA,)),
}


def read_record(path: Path) -> Entry | Withdrawn | Reported:
    """The record of a JSON or TOML file. Raises InputError for anything that is none."""
    content = read_toml(path) if path.suffix == ".toml" else read_json(path)
    if not isinstance(content, dict) or str(content.get("kind")) not in KINDS:
        raise InputError(f"{path} is no leaderboard entry: its kind must be {', '.join(KINDS)}")
    kind, reads = KINDS[content["kind"]]
    version = content.get("schema_version")
    if version not in reads:
        earlier = isinstance(version, int) and version < reads[0]
        way = "submit its run again with this version" if earlier else "update aiakit"
        known = " and ".join(map(str, reads))
        raise InputError(f"{path} has the schema version {version!r}, this aiakit reads {known}: {way}")
    try:
        record: Any = kind.model_validate(content)
    except ValidationError as error:
        problem = first_problem(error)
        raise InputError(f"{path} is no sound entry: {problem}") from None
    if isinstance(record, Entry) and record.seal != record.sealed().seal:
        raise InputError(f"{path} is not as it was written: its seal is of another text; submit its run again")
    return record  # type: ignore[no-any-return]


def read_submission(path: Path) -> Submission:
    """An entry with its scores. Raises InputError where scores are missing or are not those of the entry."""
    record = read_record(path)
    if isinstance(record, Reported):
        raise InputError(f"{path} holds reported figures, which have no scores")
    if isinstance(record, Withdrawn):
        raise InputError(f"{path} was withdrawn on {record.date} ({record.reason}), and has no scores")
    return Submission(record, read_scores(path, record), path)


def read_scores(path: Path, entry: Entry) -> dict[str, NDArray[Any]]:
    """The scores of the entry at ``path`` and the truth that they are judged by. Raises InputError without either."""
    stored = read_tensors(path, entry.scores)
    for ref in (entry.people, entry.truth):
        if ref is not None and ref == entry.truth and not (path.parent / ref.file).exists():
            raise InputError(
                f"{path} cannot be judged without the labels of test, which {ref.file} holds: ask for that file, or "
                f"make it from the data set (aiakit leaderboard labels {path.parent} --dataset NAME)"
            )
        stored |= {} if ref is None else read_tensors(path, ref)
    return unpacked(stored)


def entry_files(folder: Path) -> list[Path]:
    """The files of a folder that may be entries, withdrawn ones or published figures."""
    return sorted(file for file in folder.iterdir() if file.suffix in (".json", ".toml") and file.is_file())


def read_tensors(path: Path, ref: FileRef) -> dict[str, NDArray[Any]]:
    """A tensor file that the entry at ``path`` names."""
    return tensorfile.load(named_file(path, ref))


def named_file(path: Path, ref: FileRef) -> Path:
    """A file that the entry at ``path`` names. Raises InputError where it is not there, or another."""
    file = path.parent / ref.file  # a plain name, says the schema: it cannot lead out of the folder
    try:
        digest = file_digest(file)
    except OSError as error:
        raise InputError(f"{file}, which {path.name} refers to, cannot be read ({error.strerror})") from None
    if digest != ref.sha256:
        raise InputError(f"{file} is not the file that {path.name} was written with: its checksum is another")
    return file


def content_of(submission: Submission) -> str:
    """A digest of what was released, attacked and scored: equal for copies, wherever and whenever they were made.

    It is of the scores as they would be stored, so that a run and the entry of it are one.
    """
    entry = submission.entry.model_dump(mode="json", exclude=INCIDENTAL)
    if submission.entry.audits:
        del entry["protocol"]["dataset"]  # the name of the audited file: two audits may share their reference
    tensors = sorted(packed(submission.tensors).items())
    return array_digest(entry, *(part for name, values in tensors for part in (name, values)))
