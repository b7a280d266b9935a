"""What a change of ``benchmarks/board`` would do to the boards, as Markdown for whoever decides on it.

    python -m benchmarks.joining BASE [--again] [--tolerance 0.05]

Of every entry that differs from the commit BASE: whether its figures are those of its scores, and the row that it would
get. ``--again`` also makes each anew where that needs no files: the command of the entry, for its release alone and its
first seed. Exit 1 where an entry is refused, or where one that was there is changed or removed.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiakit.cli.main import main as aiakit_main
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.leaderboard.board import RankedEntry, make_board
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.gather import gather
from aiakit.leaderboard.scores import statistics_row
from aiakit.report.board_tables import document
from aiakit.results.document import document_of_run
from benchmarks.tables import table_of

BOARDS = Path("benchmarks/board")
NEEDS_NO_FILES = "synthetic"
LIMIT = 3 * 2**20  # bytes of one file: what is handed in stays in the repository for ever
OWN = ("--defense", "--seeds", "--out", "--name", "--jobs")  # options of a command that are given here instead


@dataclass
class Answer:
    """lines : what is to be said, in Markdown. refused : why the change cannot be taken as it is."""

    lines: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        refused = [f"- **refused**: {line}" for line in self.refused]
        return "\n".join([*self.lines, "", *(refused or ["Nothing is refused."])])


def changed(base: str) -> Iterator[tuple[str, Path]]:
    """(A, M or D, file) of what the commits since another change below the boards."""
    asked = ["diff", "--name-status", "--no-renames", "-z", f"{base}...HEAD", "--", str(BOARDS)]
    told = subprocess.run([shutil.which("git") or "git", *asked], check=True, capture_output=True, text=True).stdout
    words = told.split("\0")
    yield from zip(words[::2], map(Path, words[1::2]), strict=False)


def answer(base: str, again: bool, tolerance: float) -> Answer:
    """What is to be said of a change since a commit."""
    found, boards = Answer(), dict[Path, list[Path]]()
    for status, path in changed(base):
        if path.suffix == ".json" and status == "A":
            boards.setdefault(path.parent, []).append(path)
        if status != "D" and path.stat().st_size > LIMIT:
            size = f"{path.stat().st_size / 2**20:.1f} MiB, and may take {LIMIT / 2**20:g}"
            found.refused.append(f"{path} takes {size}: compare fewer --pairs, or leave out attacks that are weak")
        if path.suffix in (".json", ".safetensors") and status != "A":
            found.refused.append(f"{path} was there before and is {'removed' if status == 'D' else 'changed'}")
    for folder, paths in boards.items():
        _of_board(folder, paths, found, again, tolerance)
    return found


def _of_board(folder: Path, paths: Sequence[Path], found: Answer, again: bool, tolerance: float) -> None:
    gathered = gather([folder])
    found.refused += gathered.set_aside
    board = make_board(gathered.submissions, gathered.reported, trust=True)
    told = document(board)
    new = [number for number, place in enumerate(board.places) if place.submission.path in paths]
    found.lines += [f"### {folder.name}", "", table_of({**told, "rows": [told["rows"][number] for number in new]}), ""]
    for number in new:
        place = board.places[number]
        if place.lacks:
            found.lines.append(f"- `{place.label}` takes no rank: not measured by {', '.join(place.lacks)}")
        if again:
            _again(place, found, tolerance)


def _again(place: RankedEntry, found: Answer, tolerance: float) -> None:
    """Run the command of an entry for its release and its first seed, and compare."""
    entry = place.entry
    command = list(entry.provenance.command or ())
    if entry.protocol.dataset != NEEDS_NO_FILES or command[:1] != ["run"]:
        found.lines.append(f"- `{place.label}` was not made again: that needs the data set, or its command")
        return
    with tempfile.TemporaryDirectory() as out:
        own = ["--defense", entry.release, "--seeds", "1", "--jobs", "1", "--out", out, "--name", "again"]
        with contextlib.chdir(place.submission.path.parent), contextlib.redirect_stdout(sys.stderr):
            code = aiakit_main([*without(command, OWN), *own])
        if code:
            found.refused.append(f"{entry.release} cannot be made again: its command ends with {code}")
            return
        rows = document_of_run(Run.open(Path(out) / "again"))["rows"]
    row = next(row for row in rows if row["release"] == entry.release)
    for what, stated, now in compared(place.submission, row):
        line = f"{entry.release}: {what} {stated:.3f} in the entry, {now:.3f} made again"
        if abs(stated - now) > tolerance:
            found.refused.append(f"{line}, more than {tolerance:g} apart")
        else:
            found.lines.append(f"- {line}")


def without(command: Sequence[str], options: Sequence[str]) -> list[str]:
    """The arguments of a command without some of its options, each of which takes a value."""
    kept, skip = [], False
    for argument in command:
        if skip:
            skip = False
        elif argument in options:
            skip = True
        elif argument.partition("=")[0] not in options:
            kept.append(argument)
    return kept


def compared(submission: Submission, row: Any) -> Iterator[tuple[str, float, float]]:
    """(what, stated, made again) of the first seed: the strongest attack of the entry, and verification.

    An attack that is not the strongest of one seed may be left out of later folds there: the one that is stands for it.
    """
    entry = submission.entry
    stated = entry.figures["strongest"]
    if stated is not None:
        attacks = row["attacks"] if row["level"] == entry.level else row["knowledge"][entry.level]
        strongest = max(attacks, key=lambda name: attacks[name]["val_balanced_accuracy"])
        name = stated["attack"] if stated["attack"] in attacks else strongest
        yield name, stated["per_seed"][0], attacks[name]["per_seed"][0]
    of_first = {name: part for name, part in submission.tensors.items()
                if not name.startswith("verifier.") or name.startswith("verifier.0.")}  # fmt: skip
    alone = statistics_row(entry.model_copy(update={"attacks": (), "beside": ()}), of_first)
    for kind, found in alone.utility.items():
        if kind in row["utility"]:
            yield f"verification, {kind}", found.point["accuracy"], row["utility"][kind]["accuracy"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--tolerance", type=float, default=0.05)
    asked = parser.parse_args()
    try:
        found = answer(asked.base, asked.again, asked.tolerance)
    except InputError as error:
        print(f"benchmarks.joining: {error}", file=sys.stderr)
        return 2
    print(found)
    return int(bool(found.refused))


if __name__ == "__main__":
    sys.exit(main())
