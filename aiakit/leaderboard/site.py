"""A board as one offline HTML page, with the entries beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiakit.experiment.document import measured
from aiakit.leaderboard.board import Board, Place
from aiakit.leaderboard.columns import (
    NONE,
    REPORTED_HEADINGS,
    Column,
    by_attack,
    headline,
    remarks,
    reported_rows,
    summary,
)
from aiakit.leaderboard.submit import IN_MEMORY
from aiakit.report import charts
from aiakit.report.calibration import Calibration, calibration_heatmap
from aiakit.report.page import Cell, Heading, Page, Section, Table, to_cell
from aiakit.report.sections import present

INDEX = "index.html"
TEXT = ("release", "attack", "verdict")  # keys of columns that hold no numbers


def board_page(board: Board, calibrations: Sequence[Calibration] = ()) -> Page:
    """The page of a board. calibrations : how much of known leaks the attacks find."""
    rows = [{**measured(place.row), "defense": place.label} for place in board.places]
    chance = 1 / len(board.protocol.classes)
    overview = Section(
        "board",
        "Leaderboard",
        (),
        present([charts.plane(rows), charts.dumbbell(rows, chance, board.smallest_detectable,
                                                     board.protocol.bayes_ceiling)]),
        [_table("board-table", "Releases, ranked by what they leak; each name leads to what was submitted.",
                summary(board), board)],
    )  # fmt: skip
    release = [column for column in summary(board) if column.key == "release"]
    attacks = Section(
        "attacks",
        "Every attack",
        (),
        present([charts.heatmap(rows, chance)]),
        [_table("attack-table", "Balanced accuracy on test of every attack; * is the strongest, † shows no power.",
                [*release, *by_attack(board)], board)],
    )  # fmt: skip
    sections = [
        overview,
        attacks,
        *_calibration(board, calibrations),
        *_reported(board),
        Section("limits", "How to read this", items=remarks(board)),
    ]
    sections += [_entry(number, place) for number, place in enumerate(board.places)]
    lead = ["Every figure on this page was computed from the per-sample scores of its entry."]
    return Page(f"{board.protocol.dataset}: privacy leaderboard", headline(board), lead, sections)


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


def _table(name: str, caption: str, columns: list[Column], board: Board) -> Table:
    headings = [Heading(column.heading, column.key not in TEXT, column.hint) for column in columns]
    rows = [
        [_cell(column, place, f"#entry-{number}") for column in columns] for number, place in enumerate(board.places)
    ]
    return Table(name, caption, headings, rows, filterable=True)


def _cell(column: Column, place: Place, link: str) -> Cell:
    value = place.rank if column.key == "rank" else column.value(place)
    return Cell(column.text(place), value, href=None if value is None else link)


def _reported(board: Board) -> list[Section]:
    if not board.reported:
        return []
    headings = [Heading(name, name.startswith("reported")) for name in REPORTED_HEADINGS]
    rows = [[to_cell(value) for value in row] for row in reported_rows(board)]
    table = Table("reported-table", "As published, on the authors' own protocol.", headings, rows)
    text = "These figures were not measured here: they stand beside the board and never rank."
    return [Section("reported", "Reported figures", [text], (), [table])]


def _entry(number: int, place: Place) -> Section:
    entry = place.entry
    external = [attack.name for attack in entry.attacks if attack.external]
    scores = "of a run" if entry.scores == IN_MEMORY else f"scores {entry.scores.sha256[:12]}"
    items = [
        f"Entry {entry.name}, {scores}, computed by aiakit {entry.computing.aiakit} "
        f"on {entry.computing.device} ({entry.computing.precision}) in {entry.computing.seconds:.1f} seconds.",
        f"Seeds {', '.join(map(str, entry.computing.seeds))}, {entry.computing.attack_seeds} of each attack.",
        f"Release submitted: {'no' if entry.submitted_release is None else 'yes, attacks can be trained again'}.",
        f"External attacks: {', '.join(external) if external else NONE}.",
    ]
    settings: dict[str, Any] = {
        "defense": [{stage.name: stage.params} for stage in entry.stages],
        "attacks": {attack.name: attack.params for attack in entry.attacks},
        "libraries": entry.computing.libraries,
    }
    code = json.dumps(settings, indent=1, ensure_ascii=False)
    return Section(f"entry-{number}", place.label, items=items, code=code, listed=False)
