"""The section of parts of test: the strongest attack on each class and on each group that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from aiakit.report.details import parts_of
from aiakit.report.page import Cell, Heading, Section, Table, interval_cell, to_cell
from aiakit.report.source import Row, Source


def parts_of_test(source: Source) -> Section | None:
    """The strongest attack on each release on parts of the people who were tested, where that was asked for."""
    found = [row for row in source.rows if "slices" in row]
    if not found:
        return None
    headings = [
        Heading("release"),
        Heading("part"),
        Heading("value"),
        Heading("people", True),
        Heading("images", True),
        Heading("balanced accuracy [95 %]", True, "In a class: its recall"),
    ]
    rows = [cells for row in found for cells in _cells(row)]
    table = Table("part-table", "The strongest attack on parts of test.", headings, rows, True)
    return Section("parts", "Parts of test", (), (), [table])


def _cells(row: Row) -> Iterator[list[Cell]]:
    for part, value, figures in parts_of(row):
        yield [
            Cell(row["release"], row["release"]),
            Cell(part, part),
            Cell(value, value),
            to_cell(figures["people"]),
            to_cell(figures["images"]),
            interval_cell(figures["balanced_accuracy"], figures["ci95"]),
        ]
