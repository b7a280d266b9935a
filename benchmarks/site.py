"""The site: a page of every board that is stored, with its figures as files, and a page that leads to them.

    python -m benchmarks.site [FOLDER]        # build/site; `make site` adds the documentation in FOLDER/docs
    python -m benchmarks.site --store NAME    # keep the pages of a board whose labels may not be handed on

A board is a folder of entries in ``benchmarks/board``. Its entries are taken at their word (``--trust``): a machine
that makes the site has computed none of them. Nothing is trained, and no host is asked for anything.

Entries on a data set whose labels may not be handed on are stored without them. Where ``AIAKIT_DATA`` holds that data
set, their labels are made again and all figures computed; elsewhere the pages are those that were kept in ``pages.zip``
beside the entries. Pages that are kept and say something else than the entries are an error wherever it can be seen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from aiakit.contracts import LoadSettings
from aiakit.datasets.parallel import usable_cores
from aiakit.errors import InputError
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.differences import differences
from aiakit.leaderboard.entry import entry_files, read_submission
from aiakit.leaderboard.gather import gather
from aiakit.leaderboard.labels import lacking_labels, write_labels
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import MOVED
from aiakit.leaderboard.writing import records as entries_of
from aiakit.report.board import CSV, INDEX, JSON, claimed_measured, write_board
from aiakit.report.board_entry import ENTRIES
from aiakit.report.calibration import shipped_calibrations
from aiakit.report.html import write_page
from aiakit.report.page import Page, Section
from aiakit.report.sections import lower_bounds, present
from aiakit.report.table import Cell, Column, Table, interval_cell, tabulated, to_cell
from aiakit.results.remembered import StatisticsCache
from aiakit.storage.cache import cache_folder
from aiakit.storage.documents import read_json
from benchmarks.kept import kept_document, pack, unpack

BOARDS = Path(__file__).parent / "board"
SITE = Path("build/site")
PAGES_KEPT = "pages.zip"  # in the folder of a board
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
    """A board whose pages were written. name : of its folder. document : its ``board.json``."""

    name: str
    document: Mapping[str, Any]

    def file(self, name: str) -> str:
        """The address of a file of the board from the first page."""
        return f"board/{self.name}/{name}"


def write_site(boards: Path, site: Path, data: Path | None = None) -> list[Written]:
    """Write the pages of all boards below a folder, which need not be there, and the page that leads to them.

    data : a folder of data sets by name, to make labels again of boards that are stored without.
    Raises InputError where a board cannot be read or the site not be written.
    """
    if (site / "board").is_dir():
        shutil.rmtree(site / "board")  # of boards that are no longer stored
    folders = [folder for folder in sorted(boards.iterdir()) if folder.is_dir()] if boards.is_dir() else []
    folders = [folder for folder in folders if entry_files(folder)]
    judged = [folder for folder in folders if _can_be_judged(folder, data)]
    _compute_all([path for folder in judged for path in entry_files(folder)])
    written = [_write_board(folder, site, folder in judged) for folder in folders]
    write_page(first_page(written), site, INDEX)
    return written


def _can_be_judged(folder: Path, data: Path | None) -> bool:
    """Whether the labels of its entries are there, or could be made again. Without its pages being kept, it must."""
    for entry in lacking_labels(folder):
        name = entry.protocol.dataset
        if data is not None and (data / name).is_dir():
            write_labels(folder, name, {"root": str(data / name)}, LoadSettings(32, cache_folder(), usable_cores()))
        elif (folder / PAGES_KEPT).is_file():
            return False
    return True  # or whoever reads its entries says what is missing


def _compute_all(paths: Sequence[Path]) -> None:
    """Compute the statistics of all entries, an entry a core; they are remembered, and read when boards are made."""
    if len(paths) > FEW and usable_cores() > 1:
        with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as pool:
            list(pool.map(_compute, paths))


def _compute(path: Path) -> None:
    with suppress(InputError):  # whoever reads it when its board is made says what is wrong with it
        verified(read_submission(path), StatisticsCache.of_user())


def _write_board(folder: Path, site: Path, judged: bool) -> Written:
    target = site / "board" / folder.name
    records = target / ENTRIES  # in the site itself, which stays whole where it is copied
    records.mkdir(parents=True)
    if judged:
        found = gather([folder])
        here = [replace(each, path=shutil.copyfile(each.path, records / each.path.name)) for each in found.submissions]
        board = make_board(here, found.reported, withdrawn=found.withdrawn, set_aside=found.set_aside, trust=True)
        write_board(board, target, shipped_calibrations(), home=Cell("aiakit", href=f"../../{INDEX}"))
    else:
        unpack(folder / PAGES_KEPT, target)
        for path, _ in entries_of(folder):
            shutil.copyfile(path, records / path.name)
    document = read_json(target / JSON)
    if judged and (folder / PAGES_KEPT).is_file():
        _require_same(folder, document)
    return Written(folder.name, document)


def _require_same(folder: Path, document: Mapping[str, Any]) -> None:
    """Raise InputError where the pages that are kept of a board say something else than its entries."""
    kept = kept_document(folder / PAGES_KEPT)
    for where, stated, computed in differences(_figures(kept), _figures(document), MOVED, JSON):
        raise InputError(
            f"{folder / PAGES_KEPT} is not of the entries beside it: {where} is {stated!r} there and {computed!r} by "
            f"their scores; python -m benchmarks.site --store {folder.name} keeps the pages anew"
        )


def _figures(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a board says, without its sentences and without what depends on the machine that looks."""
    rows = [
        {key: value for key, value in row.items() if key not in ("computed", "untrained")} for row in document["rows"]
    ]
    return {"rows": rows, **{key: document[key] for key in ("protocol", "power", "smallest_detectable", "reported")}}


def first_page(written: Sequence[Written]) -> Page:
    """What leaks, in one picture: that of the board with most people. Three commands, the boards, the documentation."""
    lead, sections = [ABOUT], []
    if written:
        shown = max((each.document for each in written), key=lambda board: board["protocol"]["people"])
        least = shown["smallest_detectable"]
        lead += [f"{shown['of']}. {shown['conclusion']}", lower_bounds(least)]
        sections = [
            Section("leaks", "What leaks", (), present([claimed_measured(shown["rows"], shown["protocol"], least)])),
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
        counted = [row["strongest"] for row in each.document["rows"] if row["strongest"] is not None]
        if not counted:
            return to_cell(None)
        found = sorted(counted, key=lambda one: one["balanced_accuracy"])[at]
        return interval_cell(
            found["balanced_accuracy"], tuple(found["balanced_accuracy_ci95"]), href=f"{each.file(INDEX)}#board"
        )

    columns = [
        Column("board", lambda each: to_cell(each.name, href=each.file(INDEX)), False),
        Column("private attribute", lambda each: to_cell(each.document["protocol"]["attribute"]), False),
        Column("people", lambda each: to_cell(each.document["protocol"]["people"])),
        Column("releases", lambda each: to_cell(len(each.document["rows"]))),
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
    parser.add_argument("--store", metavar="NAME", help="keep the pages of this board beside its entries")
    asked = parser.parse_args()
    data = os.environ.get("AIAKIT_DATA")
    try:
        if asked.store is not None:
            (BOARDS / asked.store / PAGES_KEPT).unlink(missing_ok=True)  # they are of other entries
        written = write_site(BOARDS, asked.site, None if data is None else Path(data))
        if asked.store is not None:
            print(pack(asked.site / "board" / asked.store, BOARDS / asked.store / PAGES_KEPT))
    except InputError as error:
        print(f"benchmarks.site: {error}", file=sys.stderr)
        return 2
    aside = [f"{each.name}: set aside: {line}" for each in written for line in each.document["set_aside"]]
    for line in aside:
        print(line, file=sys.stderr)
    print(asked.site / INDEX)
    return 1 if aside else 0


if __name__ == "__main__":
    sys.exit(main())
