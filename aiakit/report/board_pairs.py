"""The section of a board's page in which two releases are chosen and compared."""

from __future__ import annotations

from aiakit.leaderboard.board import Board
from aiakit.leaderboard.pairing import pairs_of
from aiakit.measures.comparison import Difference
from aiakit.report.page import Section
from aiakit.report.table import Cell, Choice, Heading, Table, interval_cell, to_cell

TEXT = (
    "Choose two releases. Their differences are paired over people: what the same people have in common cancels, so "
    "releases may differ although their intervals overlap. Nothing is corrected for how many pairs are looked at."
)


def pair_section(board: Board) -> list[Section]:
    """Every two releases, to choose from; nothing where there is one."""
    found = pairs_of(board)
    if not found:
        return []
    headings = [
        Heading("first"),
        Heading("second"),
        Heading("leakage, second − first [95 %]", True, "Balanced accuracy of the strongest attack on each"),
        Heading("p", True, "Two-sided"),
        Heading("utility, second − first [95 %]", True, "Accuracy of 1:1 verification against random impostors"),
        Heading("p", True, "Two-sided"),
    ]
    rows = [
        [to_cell(pair.first.label), to_cell(pair.second.label), *_cells(pair.leakage), *_cells(pair.utility)]
        for pair in found
    ]
    caption = "Every two releases; positive: the second leaks more, or serves more."
    names = [(pair.first.label, pair.second.label) for pair in found]
    return [
        Section(
            "pairs",
            "Two releases compared",
            [TEXT],
            tables=[
                Table("pair-table", caption, headings, rows, filters=[Choice("First", names), Choice("Second", names)])
            ],
        )
    ]


def _cells(difference: Difference | None) -> list[Cell]:
    if difference is None:
        return [to_cell(None), to_cell(None)]
    return [interval_cell(difference.point, difference.ci95, sign=True), to_cell(difference.p_value)]
