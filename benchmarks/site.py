"""The site: a page of every board that is stored, with its figures as files, and a page that leads to them.

    python -m benchmarks.site [FOLDER]        # build/site; `make site` adds the documentation in FOLDER/docs

A board is a folder of entries in ``benchmarks/board``. Its entries are taken at their word (``--trust``): a machine
that makes the site has computed none of them. Nothing is trained, and no host is asked for anything.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from aiakit.datasets.parallel import usable_cores
from aiakit.errors import InputError
from aiakit.leaderboard.board import Board, make_board
from aiakit.leaderboard.columns import headline
from aiakit.leaderboard.entry import entry_files, read_submission
from aiakit.leaderboard.gather import gather
from aiakit.leaderboard.verify import verified
from aiakit.report.board import CSV, INDEX, JSON, claimed_measured, write_board
from aiakit.report.board_entry import ENTRIES
from aiakit.report.board_tables import conclusion_of_board
from aiakit.report.calibration import shipped_calibrations
from aiakit.report.html import write_page
from aiakit.report.page import Page, Section
from aiakit.report.sections import lower_bounds, present
from aiakit.report.table import Cell, Column, Table, interval_cell, tabulated, to_cell
from aiakit.results.remembered import StatisticsCache

BOARDS = Path(__file__).parent / "board"
SITE = Path("build/site")
FEW = 8  # entries that are computed sooner than other processes begin
ABOUT = (
    "A defense turns face images into a release: an embedding, a picture, or both. aiakit trains attacks on every "
    "release after the fact, reports the strongest with intervals, and measures what the release is still good for."
)
COMMANDS = """\
# train a defense, attack what it releases, and read the report
aiakit run --defense aia --attacks all

# attack embeddings that exist already
aiakit audit embeddings.npz --labels people.csv --attribute gender --identity person

# rank what was found, or a folder of entries, on one page
aiakit leaderboard --html board
"""
PAGES = {
    "index": "Install, and a first run",
    "walkthrough": "From photographs to a gate for releases",
    "threat-model": "What a figure means: the threat model",
    "defenses": "Defenses",
    "attacks": "Attacks",
    "leaderboard": "Reading a board",
    "submitting": "Handing in an entry",
    "glossary": "Glossary",
}


@dataclass(frozen=True)
class Written:
    """A board whose page was written. name : of its folder."""

    name: str
    board: Board

    def file(self, name: str) -> str:
        """The address of a file of the board from the first page."""
        return f"board/{self.name}/{name}"


def write_site(boards: Path, site: Path) -> list[Written]:
    """Write the pages of all boards below a folder, which need not be there, and the page that leads to them.

    Raises InputError where a board cannot be read or the site not be written.
    """
    if (site / "board").is_dir():
        shutil.rmtree(site / "board")  # of boards that are no longer stored
    folders = [folder for folder in sorted(boards.iterdir()) if folder.is_dir()] if boards.is_dir() else []
    _compute_all([path for folder in folders for path in entry_files(folder)])
    written = [_write_board(folder, site) for folder in folders if entry_files(folder)]
    write_page(first_page(written), site, INDEX)
    return written


def _compute_all(paths: Sequence[Path]) -> None:
    """Compute the statistics of all entries, an entry a core; they are remembered, and read when boards are made."""
    if len(paths) > FEW and usable_cores() > 1:
        with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as pool:
            list(pool.map(_compute, paths))


def _compute(path: Path) -> None:
    with suppress(InputError):  # whoever reads it when its board is made says what is wrong with it
        verified(read_submission(path), StatisticsCache.of_user())


def _write_board(folder: Path, site: Path) -> Written:
    found = gather([folder])
    target = site / "board" / folder.name
    records = target / ENTRIES  # in the site itself, which stays whole where it is copied
    records.mkdir(parents=True)
    for submission in found.submissions:
        shutil.copyfile(submission.path, records / submission.path.name)
    here = [replace(submission, path=records / submission.path.name) for submission in found.submissions]
    board = make_board(here, found.reported, withdrawn=found.withdrawn, set_aside=found.set_aside, trust=True)
    write_board(board, target, shipped_calibrations(), home=Cell("aiakit", href=f"../../{INDEX}"))
    return Written(folder.name, board)


def first_page(written: Sequence[Written]) -> Page:
    """What leaks, in one picture: that of the board with most people. Three commands, the boards, the documentation."""
    lead, sections = [ABOUT], []
    if written:
        shown = max(written, key=lambda each: each.board.protocol.people).board
        lead += [f"{headline(shown)}. {conclusion_of_board(shown)}", lower_bounds(shown.smallest_detectable)]
        sections = [
            Section("leaks", "What leaks", (), present([claimed_measured(shown)])),
            Section("boards", "Boards", tables=[_board_table(written)]),
        ]
    else:
        lead.append("No board is stored here yet.")
    documentation = [Cell(text, href=f"docs/{page}.html") for page, text in PAGES.items()]
    sections += [
        Section("commands", "Three commands", code=COMMANDS),
        Section("docs", "Documentation", items=documentation),
    ]
    return Page("aiakit", "What face representations leak, measured", lead, sections)


def _board_table(written: Sequence[Written]) -> Table:
    """A row for each board."""

    def leaking(each: Written, at: int) -> Cell:
        counted = [place.counts for place in each.board.places if place.counts is not None]
        if not counted:
            return to_cell(None)
        found = sorted(counted, key=lambda one: one.point["balanced_accuracy"])[at]
        return interval_cell(
            found.point["balanced_accuracy"], found.ci95("balanced_accuracy"), href=f"{each.file(INDEX)}#board"
        )

    columns = [
        Column("board", lambda each: to_cell(each.name, href=each.file(INDEX)), False),
        Column("private attribute", lambda each: to_cell(each.board.protocol.attribute), False),
        Column("people", lambda each: to_cell(each.board.protocol.people)),
        Column("releases", lambda each: to_cell(len(each.board.places))),
        Column("least leaks [95 %]", lambda each: leaking(each, 0), hint="Balanced accuracy of its strongest attack"),
        Column("most leaks [95 %]", lambda each: leaking(each, -1), hint="Balanced accuracy of its strongest attack"),
        Column("as JSON", lambda each: Cell(JSON, JSON, each.file(JSON)), False),
        Column("as CSV", lambda each: Cell(CSV, CSV, each.file(CSV)), False),
    ]
    caption = "Every board that is stored. Each is of one data set, attribute and split."
    return tabulated("boards-table", caption, columns, written)


def main() -> int:
    """Write the site. 1 where a board holds what cannot stand on it, 2 where one cannot be read at all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", type=Path, default=SITE, metavar="FOLDER")
    site = parser.parse_args().site
    try:
        written = write_site(BOARDS, site)
    except InputError as error:
        print(f"benchmarks.site: {error}", file=sys.stderr)
        return 2
    aside = [f"{each.name}: set aside: {line}" for each in written for line in each.board.set_aside]
    for line in aside:
        print(line, file=sys.stderr)
    print(site / INDEX)
    return 1 if aside else 0


if __name__ == "__main__":
    sys.exit(main())
