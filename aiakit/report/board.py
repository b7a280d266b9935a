"""A board as one offline HTML page, whose figures lead to the entries and runs that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from altair.utils.schemapi import debug_mode

from aiakit.datasets.pairs import IMPOSTOR_KINDS
from aiakit.leaderboard.board import Board, RankedEntry
from aiakit.leaderboard.columns import (
    REPORTED_HEADINGS,
    by_attack,
    data_of,
    headline,
    remarks,
    reported_rows,
    summary,
)
from aiakit.leaderboard.columns import Column as Said
from aiakit.leaderboard.scores import similarities
from aiakit.report import charts
from aiakit.report.board_entry import ENTRIES, IN_ENTRY, entry_page, entry_section, named
from aiakit.report.board_pairs import pair_section
from aiakit.report.board_tables import as_csv, as_json, conclusion_of_board, glances
from aiakit.report.calibration import Calibration, calibration_heatmap
from aiakit.report.curves import det
from aiakit.report.html import write_page
from aiakit.report.page import Page, Section
from aiakit.report.risks import glance_table
from aiakit.report.sections import lower_bounds, present
from aiakit.report.table import Cell, Choice, Column, Floor, Heading, Table, tabulated, to_cell
from aiakit.report.theme import Chart
from aiakit.results.document import judged
from aiakit.results.figures import det_curve
from aiakit.storage.documents import writing
from aiakit.storage.store import write_atomically

INDEX = "index.html"
JSON, CSV = "board.json", "board.csv"  # beside it
FIRST = ("release", "strongest", "verdict", "rank", "attack", "claimed", "gap")  # columns, in this order
ELSEWHERE = (*IN_ENTRY, "seeds", "seconds")  # that section has words of its own for these
WEAK = "†"
TEXT = ("release", "attack", "verdict")  # keys of columns that hold no numbers


def write_board(
    board: Board,
    folder: Path,
    calibrations: Sequence[Calibration] = (),
    figures: bool = False,
    home: Cell | None = None,
) -> list[Path]:
    """Write the page of a board into a folder, and the same figures as JSON and CSV beside it; the files.

    calibrations, home : as for ``board_page``. figures : also write each chart, as ``write_page`` does. Raises
    InputError where the folder cannot be written to.
    """
    paths = write_page(board_page(board, calibrations, folder, home), folder, INDEX, figures)
    with writing(folder):
        for name, text in ((JSON, as_json(board)), (CSV, as_csv(board))):
            write_atomically(folder / name, text)
            paths.append(folder / name)
    if home is not None:
        for section, place in named(board):
            back = Cell(_title(board), href=f"../{INDEX}#{section}")
            page = entry_page(section, place, board, folder / ENTRIES, back)
            paths += write_page(page, folder / ENTRIES, _page_of(section))
    return paths


def _page_of(section: str) -> str:
    """The file of an entry's page, by the id of its section: both are made of the entry's name."""
    return f"{section.removeprefix('entry-')}.html"


def _title(board: Board) -> str:
    return f"{data_of(board)}: privacy leaderboard"


@debug_mode(False)  # as for the report of a run
def board_page(
    board: Board, calibrations: Sequence[Calibration] = (), folder: Path | None = None, home: Cell | None = None
) -> Page:
    """The page of a board. calibrations : how much of known leaks the attacks find.

    folder : where it will lie, so that links to entries and runs are relative; without one they are left out.
    home : a link to the page that leads here, of a site in which every entry has a page of its own.
    """
    rows = _rows(board)
    chance = 1 / len(board.protocol.classes)
    drawn = [
        charts.plane(rows, len(board.protocol.classes)),
        claimed_measured(rows, board.protocol.model_dump(), board.smallest_detectable),
    ]
    data = [] if folder is None else [Cell(f"These figures as {name}", href=name) for name in (JSON, CSV)]
    overview = Section("board", "Leaderboard", (), present(drawn), [_board_table(board)], data)
    attacks = Section(
        "attacks",
        "Every attack",
        (),
        present([charts.heatmap(rows, chance), charts.seeds(rows)]),
        [_attack_table(board)],
    )
    sections = [
        overview,
        attacks,
        *_risks(board),
        *pair_section(board),
        *_verification(board),
        *_calibration(board, calibrations),
        *_reported(board),
        *_not_there(board),
        Section("limits", "How to read this", items=remarks(board)),
    ]
    sections += [
        entry_section(section, place, board, folder, "" if home is None else f"{ENTRIES}/{_page_of(section)}")
        for section, place in named(board)
    ]
    lead = [
        conclusion_of_board(board),
        "Every figure on this page was computed from the per-sample scores of its entry, and leads to it.",
        lower_bounds(board.smallest_detectable),
    ]
    return Page(_title(board), headline(board), lead, sections, home)


def claimed_measured(
    rows: Sequence[dict[str, Any]], protocol: Mapping[str, Any], smallest_detectable: float | None
) -> Chart | None:
    """The picture of what every release claims and leaks. rows, protocol : as in the JSON of a board."""
    return charts.dumbbell(rows, 1 / len(protocol["classes"]), smallest_detectable, protocol["bayes_ceiling"])


def _rows(board: Board) -> list[dict[str, Any]]:
    return [{**judged(place.row, place.verdict), "release": place.label} for place in board.places]


def _in_order(columns: list[Said]) -> list[Said]:
    """What everybody looks for first, so that it is seen on a narrow screen too."""
    shown = [column for column in columns if column.key not in ELSEWHERE]
    return sorted(shown, key=lambda column: FIRST.index(column.key) if column.key in FIRST else len(FIRST))


def _attack_table(board: Board) -> Table:
    """A row for each attack on each release: a column an attack would not fit a screen."""
    records = [
        (f"#{section}", place, attack)
        for section, place in named(board)
        for attack in by_attack(board)
        if attack.value(place) is not None
    ]
    columns = [
        Column("release", lambda r: to_cell(r[1].label, href=r[0]), False),
        Column("attack", lambda r: to_cell(r[2].heading), False),
        Column("balanced accuracy [95 %]", lambda r: _cell(r[2], r[1], r[0], WEAK)),
        Column("shows power", lambda r: to_cell({True: "yes", False: "no", None: None}[board.power.get(r[2].heading)]),
               False),
    ]  # fmt: skip
    caption = "Balanced accuracy on test of every attack; * is the strongest."
    return tabulated("attack-table", caption, columns, records, keys=2, filterable=True)


def _risks(board: Board) -> list[Section]:
    """What releases say besides the attribute, where somebody asked."""
    if not board.risks:
        return []
    return [Section("risks", "Every risk", tables=[glance_table(glances(board), choice=True)])]


def _seen(board: Board, place: RankedEntry) -> list[str]:
    """Under which names of the field of risks a release is shown."""
    glance = board.at_a_glance(place)
    seen = [found["risk"] for found in glance if found.get("seen")]
    return seen or (["none of those measured"] if glance else ["not asked"])


def _verification(board: Board) -> list[Section]:
    """The errors of the verifiers."""
    curves = [
        det_curve(place.label, kind, *found)
        for place in board.places
        for kind in IMPOSTOR_KINDS
        if (found := similarities(place.submission.tensors, kind)) is not None
    ]
    meanings = {"random": "random impostors", "same_attribute": f"impostors of the same {board.protocol.attribute}"}
    drawn = present([det(curves, kind, meaning) for kind, meaning in meanings.items()])
    return [Section("verification", "Verification", (), drawn)] if drawn else []


def _calibration(board: Board, calibrations: Sequence[Calibration]) -> list[Section]:
    """What the attacks are known to find: without it, "nothing was found" could be said by any attack."""
    if not calibrations:
        return []
    tried = {name for one in calibrations for row in one.document["rows"] for name in row["attacks"]}
    unknown = [name for name in board.attacks if name not in tried]
    paragraphs = ["The suite of attacks on leaks whose Bayes accuracy is known, measured apart from this board by "
                  + " and ".join(one.made_by for one in calibrations) + "."]  # fmt: skip
    if unknown:
        paragraphs.append(f"Not calibrated there: {', '.join(unknown)}.")
    heatmaps = [calibration_heatmap(one.document, f"calibration-{number}") for number, one in enumerate(calibrations)]
    return [Section("calibration", "What the attacks can find", paragraphs, heatmaps)]


def _board_table(board: Board) -> Table:
    """The columns of a board, each row with links to what was submitted."""

    def linked(said: Said) -> Callable[[tuple[str, RankedEntry]], Cell]:
        return lambda record: _cell(said, record[1], record[0])

    columns = [
        Column(said.heading, linked(said), said.key not in TEXT, said.hint) for said in _in_order(summary(board))
    ]
    records = [(f"#{section}", place) for section, place in named(board)]
    caption = "Releases, ranked by what they leak; each name leads to what was submitted."
    levels = [[place.entry.level] for place in board.places]
    utilities = [place.utility for place in board.places]
    filters: list[Choice | Floor] = [Choice("Strongest attacker", levels)] if len({*map(tuple, levels)}) > 1 else []
    if board.risks:
        filters.append(Choice("Risk that is seen", [_seen(board, place) for place in board.places]))
    if any(utility is not None for utility in utilities):
        filters.append(Floor("Utility at least", utilities))
    return tabulated("board-table", caption, columns, records, filterable=True, filters=filters)


def _cell(said: Said, place: RankedEntry, link: str, without: str = "") -> Cell:
    """without : a mark that is left out."""
    value = place.rank if said.key == "rank" else said.value(place)
    text, interval = said.text(place).replace(without, "") if without else said.text(place), ""
    if said.interval is not None:
        text, bracket, bounds = text.partition(" [")
        interval = bracket.strip() + bounds
    return Cell(text, value, href=None if value is None else link, interval=interval)


def _reported(board: Board) -> list[Section]:
    if not board.reported:
        return []
    headings = [Heading(name, name.startswith("reported")) for name in REPORTED_HEADINGS]
    rows = [[to_cell(value) for value in row] for row in reported_rows(board)]
    table = Table("reported-table", "As published, on the authors' own protocol.", headings, rows)
    text = (
        "These figures were not measured here: they stand beside the board and never rank. They are of other people, "
        "pairs or attacks: no figure above is better or worse than one of them."
    )
    return [Section("reported", "Reported figures", [text], (), [table])]


def _not_there(board: Board) -> list[Section]:
    """What was found and does not stand on the board: a reader should know that it is missing."""
    lines = [*(f"Withdrawn: {line}" for line in board.withdrawn), *(f"Set aside: {line}" for line in board.set_aside)]
    if not lines:
        return []
    return [Section("not-there", "Not on this board", ["These were found beside the entries above."], items=lines)]
