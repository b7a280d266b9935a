"""What a change of ``benchmarks/board`` would do to the boards, as Markdown for whoever decides on it.

    python -m benchmarks.joining BASE [--again] [--tolerance 0.05]

Of every entry that differs from the commit BASE: whether its figures are those of its scores, the row that it would
get, what it lacks for a rank and in what it was measured otherwise than most, and whose rank it would take. ``--again``
also makes each anew where that needs no files: the command of the entry, for its release alone and its first seed.
Exit 1 where an entry is refused, or where a file that was there is changed or removed.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from aiakit.errors import InputError
from aiakit.leaderboard.board import Board, RankedEntry, make_board
from aiakit.leaderboard.gather import gather
from aiakit.leaderboard.schema import Entry
from aiakit.report.board_tables import document
from benchmarks.again import at_least, compared, made_again, not_as_its_command
from benchmarks.tables import table_of

BOARDS = Path("benchmarks/board")
NEEDS_NO_FILES = "synthetic"
LIMIT = 3 * 2**20  # bytes of one file: what is handed in stays in the repository for ever


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
        if status != "A":
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
    others = [submission for submission in gathered.submissions if submission.path not in paths]
    if others:
        ranked = {place.submission.path for place in make_board(others, trust=True).places if place.rank}
        lost = [place.label for place in board.places if place.submission.path in ranked and not place.rank]
        found.refused += [f"{label} would lose its rank" for label in lost]
    for number in new:
        place = board.places[number]
        found.lines += [f"- {line}" for line in standing(place, board)]
        found.refused += plugins_that_lack(place.entry, folder)
        if again:
            _again(place, found, tolerance)


def standing(place: RankedEntry, board: Board) -> Iterator[str]:
    """Where an entry stands, or why nowhere, and in what it was measured otherwise than most others."""
    if place.rank:
        yield f"`{place.label}` takes rank {place.rank} of {len(board.places)}{', with others' if place.tied else ''}"
    elif place.lacks:
        yield f"`{place.label}` takes no rank: not measured by {', '.join(place.lacks)}"
    elif place.verdict:
        yield f"`{place.label}` takes no rank: {place.verdict.text}"
    entries = [other.entry for other in board.places]
    usual = Counter(len(entry.computing.seeds) for entry in entries).most_common(1)[0][0]
    seeds = len(place.entry.computing.seeds)
    if seeds < usual:
        yield f"`{place.label}` was measured with {seeds} seed{'s' * (seeds > 1)}, most others with {usual}"
    asked = Counter(risk for entry in entries for risk in entry.risks)
    lacks = [risk for risk, count in asked.items() if 2 * count > len(entries) and risk not in place.entry.risks]
    if lacks:
        yield f"`{place.label}` was not asked for {', '.join(lacks)}, as most others were"


def plugins_that_lack(entry: Entry, folder: Path) -> Iterator[str]:
    """Files that the command of an entry names and that do not stand beside it as they were."""
    command = entry.provenance.command or ()
    named = [value for option, value in pairwise(command) if option == "--plugin"]
    named += [word.partition("=")[2] for word in command if word.startswith("--plugin=")]
    digests = {stage.sha256 for stage in entry.stages if stage.sha256}
    files = {Path(value.rpartition(":")[0] or value).name for value in named}
    there = {name: folder / name for name in sorted(files)}
    for name, path in there.items():
        if not path.is_file():
            yield f"{entry.release}: its plugin {name} does not stand beside it: copy it to {path}"
    found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in there.values() if path.is_file()}
    if there and all(path.is_file() for path in there.values()) and not digests <= found:
        yield f"{entry.release}: {', '.join(there)} beside it is not the file that the run was made with"


def _again(place: RankedEntry, found: Answer, tolerance: float) -> None:
    """Run the command of an entry for its release and its first seed, and compare."""
    entry = place.entry
    if entry.protocol.dataset != NEEDS_NO_FILES or (entry.provenance.command or ())[:1] != ("run",):
        found.lines.append(f"- `{place.label}` was not made again: that needs the data set, or its command")
        return
    try:
        again = made_again(place.submission)
    except InputError as error:
        found.refused.append(str(error))
        return
    found.refused += [f"{entry.release} has {reason}" for reason in not_as_its_command(entry, again.entry)]
    for what, stated, now in compared(place.submission, again):
        line = f"{entry.release}: {what} {stated:.3f} in the entry, {now:.3f} made again"
        if abs(stated - now) > tolerance:
            found.refused.append(f"{line}, more than {tolerance:g} apart")
        else:
            found.lines.append(f"- {line}")
    for what, stated, now in at_least(entry, again.entry):
        if now > stated + tolerance:
            found.refused.append(
                f"{entry.release}: {what} {stated:.3f} in the entry, {now:.3f} made again: more by over {tolerance:g}"
            )


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
