"""The section of parts of test: the strongest attack on each class and on each group that was asked for."""

from __future__ import annotations

from aiakit.report.details import parts_of
from aiakit.report.page import Heading, Section, Table, interval_cell, to_cell
from aiakit.report.source import Source


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
    rows = [
        [*map(to_cell, (row["release"], part, value, figures["people"], figures["images"])),
         interval_cell(figures["balanced_accuracy"], figures["ci95"])]
        for row in found
        for part, value, figures in parts_of(row)
    ]  # fmt: skip
    table = Table("part-table", "The strongest attack on parts of test.", headings, rows, True)
    return Section("parts", "Parts of test", (), (), [table])
