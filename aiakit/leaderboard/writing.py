"""Entries are written: scores packed, the tensor files first, then the JSON file that names them."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.leaderboard.beside import AnotherLevelReadsMore
from aiakit.leaderboard.differences import differences
from aiakit.leaderboard.entry import Submission, entry_files, read_record
from aiakit.leaderboard.left_out import shows_left_out
from aiakit.leaderboard.packing import PRECISIONS, Tensors, packed, unpacked
from aiakit.leaderboard.schema import Entry, FileRef, Withdrawn
from aiakit.leaderboard.scores import figures_of, statistics_row
from aiakit.leaderboard.tensors import FOLDS
from aiakit.results.judge import SPLITS
from aiakit.results.remembered import StatisticsCache
from aiakit.results.row import Row
from aiakit.storage import tensorfile
from aiakit.storage.documents import writing
from aiakit.storage.store import file_digest, write_atomically

OF_RELEASE = ("attack.", "beside.", "risk.", "values.", "verifier.")  # how tensors begin that no two releases share
MOVED = 5e-4  # of a figure: less than this does not show where three digits are printed


def write_submission(folder: Path, entry: Entry, tensors: Tensors) -> Submission:
    """Write an entry with its scores in the lowest precisions in which none of its figures moves, no level reads more
    than the headline's, and attacks that were left out of later folds are still shown to be weaker.

    entry : its figures are those of ``tensors`` as they are. Those that are written are of the scores as stored, which
    differ by less than ``MOVED``.
    """
    compact = _compact(entry, tensors)
    refs = write_scores(folder, entry.name, compact.stored)
    entry = entry.model_copy(update={"figures": figures_of(compact.row), **refs})
    return Submission(entry, unpacked(compact.stored), write_entry(entry, folder), compact.row)


@dataclass(frozen=True)
class _Compact:
    """Tensors as they would be stored, and the statistics of these."""

    stored: dict[str, NDArray[Any]]
    row: Row


_PART = re.compile(rf"(?:attack|beside)\.\d+\.|{'|'.join(map(re.escape, OF_RELEASE))}")


def _compact(entry: Entry, tensors: Tensors) -> _Compact:
    """All in half precision where the entry stands so; else each part in the lowest in which it stands with all others
    as they are; where it does not with these together, all in one precision.

    A part is what one attack says, or all tensors of another kind.
    """
    *lower, exact = PRECISIONS
    parts = sorted({found[0] for found in map(_PART.match, tensors) if found})
    found = _standing(entry, tensors, dict.fromkeys(parts, lower[0]))
    if found:
        return found
    as_they_are = dict.fromkeys(parts, exact)
    able = {
        part: next((p for p in lower if _standing(entry, tensors, {**as_they_are, part: p})), exact) for part in parts
    }
    for precisions in (as_they_are | able, *(dict.fromkeys(parts, each) for each in lower[1:])):
        found = _standing(entry, tensors, precisions)
        if found:
            return found
    return _in_precisions(entry, tensors, as_they_are)


def _standing(entry: Entry, tensors: Tensors, precisions: Mapping[str, Any]) -> _Compact | None:
    """None where a figure moves, or scores no longer show that the headline's level reads most and that an attack could
    be left out: both hang on a few people where two read alike.
    """
    try:
        found = _in_precisions(entry, tensors, precisions)
    except AnotherLevelReadsMore:
        return None
    same = next(differences(entry.figures, figures_of(found.row), MOVED), None) is None
    return found if same and shows_left_out(entry, unpacked(found.stored)) else None


def _in_precisions(entry: Entry, tensors: Tensors, precisions: Mapping[str, Any]) -> _Compact:
    """precisions : how the name of a tensor begins → its floating type; of all others it is half."""
    stored: dict[str, NDArray[Any]] = {}
    for kind, precision in {**precisions, "": PRECISIONS[0]}.items():
        of_kind = {name: part for name, part in tensors.items() if name.startswith(kind) and name not in stored}
        stored |= packed(of_kind, precision)
    row = statistics_row(entry, unpacked(stored), StatisticsCache.of_user())
    return _Compact({name: stored[name] for name in tensors}, row)


def write_scores(folder: Path, name: str, stored: Tensors) -> dict[str, FileRef]:
    """Write packed tensors into three files: the scores, and what entries on one protocol share, who is on each sample
    and the labels of test.
    """
    hidden = {key: part for key, part in stored.items() if secret(key, FOLDS in stored)}
    scores = {key: part for key, part in stored.items() if key.startswith(OF_RELEASE)}
    people = {key: part for key, part in stored.items() if key not in hidden and key not in scores}
    parts = {"scores": (name, scores), "people": ("people", people), "truth": ("truth", hidden)}
    return {field: write_tensors(folder, stem, part) for field, (stem, part) in parts.items()}


def secret(name: str, cross_fitted: bool) -> bool:
    """Whether a tensor tells labels of test: themselves, and which of its people share one.

    cross_fitted : whether attacker-val are the same people.
    """
    splits = SPLITS if cross_fitted else ("test",)
    return any(name == f"{split}.labels" or name.startswith(f"pairs.{split}.same_attribute.") for split in splits)


def write_tensors(folder: Path, stem: str, tensors: Mapping[str, NDArray[Any]]) -> FileRef:
    """Write a tensor file named by its contents."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{stem}-") as draft:
        tensorfile.save(Path(draft.name), tensors)
        digest = file_digest(Path(draft.name))
        target = folder / f"{stem}.{digest[:12]}.safetensors"
        target.unlink(missing_ok=True)
        Path(draft.name).chmod(0o644)
        target.hardlink_to(draft.name)
    return FileRef(file=target.name, sha256=digest)


def write_entry(entry: Entry | Withdrawn, folder: Path) -> Path:
    """Write the JSON file of an entry whose tensor files are there already."""
    path = folder / f"{entry.name}.json"
    entry = entry.sealed() if isinstance(entry, Entry) else entry
    write_atomically(path, json.dumps(entry.model_dump(mode="json"), indent=1, allow_nan=False) + "\n")
    return path


def rewrite(submission: Submission, tensors: Tensors, **changed: Any) -> Path:
    """Write an entry with other scores: first these, then the entry that names them, then the old scores go.

    changed : fields of the entry. Raises InputError where the folder cannot be written to.
    """
    entry, folder = submission.entry.model_copy(update=changed), submission.path.parent
    entry = entry.model_copy(update={"figures": figures_of(statistics_row(entry, tensors))})
    with writing(folder):
        written = write_submission(folder, entry, tensors)
        if written.path == submission.path and written.entry.scores.file != submission.entry.scores.file:
            (folder / submission.entry.scores.file).unlink(missing_ok=True)
    return written.path


def remove_files(folder: Path, gone: Entry) -> None:
    """Remove the files of an entry that is no longer in a folder, but for those that others of the folder name."""
    kept = {ref for _, record in records(folder) for ref in record.files}
    for ref in set(gone.files) - kept:
        (folder / ref.file).unlink(missing_ok=True)


def records(folder: Path) -> Iterator[tuple[Path, Entry]]:
    """The entries of a folder that can be read."""
    for path in entry_files(folder):
        try:
            record = read_record(path)
        except InputError:
            continue
        if isinstance(record, Entry):
            yield path, record
