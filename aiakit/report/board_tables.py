"""A board as text: for a terminal, CSV and JSON, and its tables for other formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from aiakit.experiment.config import REFERENCE
from aiakit.leaderboard.board import Board
from aiakit.leaderboard.columns import (
    REPORTED_HEADINGS,
    Column,
    by_attack,
    headline,
    not_ranked,
    parameters,
    remarks,
    reported_rows,
    summary,
)
from aiakit.report.conclusion import conclude
from aiakit.report.formats import FORMATS
from aiakit.report.grid import Grid, plain, print_grid, say
from aiakit.report.risks import risk_summary
from aiakit.report.terminal import stdout
from aiakit.results.document import judged

SCHEMA = 1
WORDS = ("by", "verdict", "source", "note")  # headings of columns that hold no numbers
KEYS = ("rank", "release")  # columns that say what a row is of
SHORT = 3  # remarks that nobody may miss: how it is ranked, power, a lower bound
NARROW = (*KEYS, "strongest", "verdict", "utility_random")  # columns that a terminal has room for


def document(board: Board) -> dict[str, Any]:
    """The board as JSON."""
    return {
        "schema": SCHEMA,
        "of": headline(board),
        "conclusion": conclusion_of_board(board),
        "protocol": board.protocol.model_dump(mode="json"),
        "min_utility": board.min_utility,
        "hypervolume": board.hypervolume,
        "power": board.power,
        "smallest_detectable": board.smallest_detectable,
        "rows": [
            {
                "rank": place.rank,
                "tied": place.tied,
                "entry": place.entry.name,
                "release": place.label,
                "provenance": place.entry.provenance.model_dump(mode="json"),
                "stages": [stage.model_dump(mode="json") for stage in place.entry.stages],
                "computed": sorted(place.computed),
                "lacks": place.lacks,
                "untrained": place.untrained,
                "flag": place.entry.flag and place.entry.flag.model_dump(),
                "external": [attack.name for attack in place.entry.attacks if attack.external],
                "level": place.entry.level,
                "people_known": place.entry.people_known,
                **judged(place.row, place.verdict),
                "apart": place.apart,
                **({"at_a_glance": board.at_a_glance(place)} if place.row.risks else {}),
                "pareto": place.pareto,
                "front_share": place.front_share,
                "hypervolume": place.hypervolume,
                "seeds": len(place.entry.computing.seeds),
                "people": place.entry.protocol.people,
                "seconds": place.entry.computing.seconds,
            }
            for place in board.places
        ],
        "reported": [figures.model_dump(mode="json") for figures in board.reported],
        "remarks": remarks(board),
        "withdrawn": board.withdrawn,
        "set_aside": board.set_aside,
    }


def as_json(board: Board) -> str:
    """The board as JSON text."""
    return json.dumps(document(board), indent=2, allow_nan=False) + "\n"


def grids(board: Board) -> list[Grid]:
    """The tables of a board as text."""
    release = [column for column in summary(board) if column.key == "release"]
    tables = [
        _grid(headline(board), summary(board), board),
        _grid("Every attack, balanced accuracy on test (* the strongest)", [*release, *by_attack(board)], board),
    ]
    return [*tables, *risk_summary(glances(board)), *_reported(board)]


def _risks(board: Board) -> list[Grid]:
    """A line a release, where somebody asked for risks."""
    shown = [column for column in summary(board) if column.key in ("release", *board.risks)]
    return [_grid("Risks besides the attribute", shown, board)] if board.risks else []


def glances(board: Board) -> dict[str, Any]:
    """What every risk of the releases is at a glance, as the tables of risks take it."""
    return {"rows": [{"release": place.label, "at_a_glance": board.at_a_glance(place)} for place in board.places]}


def _reported(board: Board) -> list[Grid]:
    rows = [list(map(plain, row)) for row in reported_rows(board)]
    return [Grid("Reported figures, which do not rank", REPORTED_HEADINGS, rows, WORDS, 2)] if rows else []


def _grid(title: str, columns: Sequence[Column], board: Board) -> Grid:
    rows = [[column.text(place) for column in columns] for place in board.places]
    return Grid(
        title, [column.heading for column in columns], rows, WORDS, sum(column.key in KEYS for column in columns)
    )


def conclusion_of_board(board: Board) -> str:
    """What a board says, in one sentence."""
    defended: list[dict[str, Any]] = []
    undefended: list[dict[str, Any]] = []  # of several runs there are several
    proven = [place for place in board.places if place.believed and not place.untrained]
    for place in proven or board.places:
        row = {**judged(place.row, place.verdict), "release": place.label}
        (undefended if place.entry.release == REFERENCE else defended).append(row)
    chance = 1 / len(board.protocol.classes)
    return conclude(board.protocol.attribute, chance, defended, undefended[0] if undefended else None)


def print_board(board: Board, verbose: bool = False) -> None:
    """Print what was found and the ranks. verbose : with every column, every attack and every sentence."""
    out = stdout()
    say(out, conclusion_of_board(board), "bold")
    out.print()
    narrow = _grid("", [column for column in summary(board) if column.key in NARROW], board)
    for grid in grids(board) if verbose else [narrow, *_risks(board), *_reported(board)]:
        print_grid(out, grid)
    for line in remarks(board) if verbose else [*remarks(board)[:SHORT], *not_ranked(board)]:
        say(out, line)


def as_text(board: Board, style: str) -> str:
    """Its tables and remarks in a text format (``aiakit.report.formats.FORMATS``)."""
    return FORMATS[style](grids(board), remarks(board))


def as_csv(board: Board) -> str:
    """One table of plain values; an interval has columns of its own, and so has what a release was made with."""
    columns = [*summary(board), *by_attack(board)]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    names = []
    for column in columns:
        names += [column.key, *([f"{column.key}_low", f"{column.key}_high"] if column.interval else [])]
    table.writerow(["entry", "parameters", *map(csv_text, names)])
    for place in board.places:
        cells: list[Any] = [place.entry.name, csv_text(parameters(place.entry))]
        for column in columns:
            cells.append(csv_text(column.value(place)))
            if column.interval:
                cells += column.interval(place) or ("", "")
        table.writerow(cells)
    return out.getvalue()


def csv_text(value: Any) -> Any:
    """A cell that a spreadsheet does not take for a formula."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
