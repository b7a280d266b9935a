"""A board as text: for a terminal, Markdown, CSV, JSON and LaTeX. Names that somebody chose are escaped in each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from aiakit.leaderboard.board import Board
from aiakit.leaderboard.columns import (
    NONE,
    REPORTED_HEADINGS,
    Column,
    by_attack,
    headline,
    parameters,
    remarks,
    reported_rows,
    summary,
)
from aiakit.report.terminal import stdout
from aiakit.results.document import judged

SCHEMA = 1
WIDE = 220  # columns where the output is no terminal
# Columns of text.
LEFT = ("release", "by", "source", "note", "method", "which is", "measure", "order", "verdict", "suite", "title",
        "data", "methods", "published figures", "sweep")  # fmt: skip
Grid = tuple[str, list[str], list[list[str]]]  # title, headings, rows
CONTROL = re.compile(r"[\x00-\x1f]")  # line ends, and what tabulate takes for a rule or a colour

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "–": "--",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "[": "{[}", "]": "{]}",
}  # fmt: skip


def document(board: Board) -> dict[str, Any]:
    """The board as JSON."""
    return {
        "schema": SCHEMA,
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
                "external": [attack.name for attack in place.entry.attacks if attack.external],
                **judged(place.row, place.verdict),
                "apart": place.apart,
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


def grids(board: Board) -> list[Grid]:
    """The tables of a board as text."""
    release = [column for column in summary(board) if column.key == "release"]
    tables = [
        _grid(headline(board), summary(board), board),
        _grid("Every attack, balanced accuracy on test (* the strongest)", [*release, *by_attack(board)], board),
    ]
    if board.reported:
        rows = [[_plain(value) for value in row] for row in reported_rows(board)]
        tables.append(("Reported figures, which do not rank", list(REPORTED_HEADINGS), rows))
    return tables


def _grid(title: str, columns: Sequence[Column], board: Board) -> Grid:
    rows = [[column.text(place) for column in columns] for place in board.places]
    return title, [column.heading for column in columns], rows


def _plain(value: Any) -> str:
    return NONE if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def print_board(board: Board) -> None:
    """Print the board on the terminal."""
    print_grids(grids(board), remarks(board))


def print_grids(tables: Sequence[Grid], lines: Sequence[str]) -> None:
    """Print tables, and lines below them, on the terminal."""
    out = stdout(WIDE)
    for title, headings, rows in tables:
        table = Table(title=Text(title))
        for heading in headings:
            table.add_column(Text(heading), justify="left" if heading in LEFT else "right")
        for row in rows:
            table.add_row(*map(Text, row))
        out.print(table)
    for line in lines:
        out.print(Text(line))


def as_markdown(board: Board) -> str:
    """Tables in GitHub's Markdown."""
    return markdown_of(grids(board), remarks(board))


def markdown_of(tables: Sequence[Grid], lines: Sequence[str]) -> str:
    """Tables, and paragraphs below them, in GitHub's Markdown."""
    blocks = [
        f"### {markdown_text(title)}\n\n{_drawn('pipe', markdown_text, headings, rows)}"
        for title, headings, rows in tables
    ]
    return "\n\n".join([*blocks, *map(markdown_text, lines)]) + "\n"


def _drawn(style: str, escape: Callable[[str], str], headings: list[str], rows: list[list[str]]) -> str:
    cells = [list(map(escape, row)) for row in rows]
    sides = ["left" if heading in LEFT else "right" for heading in headings]
    return tabulate(cells, list(map(escape, headings)), style, disable_numparse=True, colalign=sides)


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]#|~!$])", r"\\\1", CONTROL.sub(" ", text))
    return text.replace("://", ":\u200b//").replace("@", "@\u200b")  # no links, no mentions


def as_latex(board: Board) -> str:
    """Tables for the booktabs package."""
    blocks = []
    for title, headings, rows in grids(board):
        table = _drawn("latex_raw", latex_text, headings, rows)  # its booktabs style escapes by rules of its own
        for rule in ("top", "mid", "bottom"):
            table = table.replace(r"\hline", rf"\{rule}rule", 1)
        blocks.append("\n".join([rf"\begin{{table}}\caption{{{latex_text(title)}}}", table, r"\end{table}"]))
    return "\n\n".join([*blocks, *(f"% {line}" for line in remarks(board))]) + "\n"


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(LATEX.get(character, character) for character in CONTROL.sub(" ", text))


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
