"""Tables of what releases cost to make, and of how much results move with the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

from aiakit.report.links import to_attack, to_computed
from aiakit.report.page import Cell, Heading, Table, to_cell
from aiakit.report.source import Source

Row = dict[str, Any]


def cost_table(source: Source) -> Table | None:
    """Seconds and memory of every release; None where nobody trained any (an audit)."""
    seeds = source.document["seeds"]
    made = [row for row in source.rows if row["peak_mib"] is not None]
    if not made:
        return None
    headings = [
        Heading("release"),
        Heading("fit, seconds", True, "Training the defense, with the pieces that it shares with others"),
        Heading("release, seconds", True, "Releasing every image of the data set"),
        Heading("peak memory, MiB", True, "Of the process that made the release, libraries and memory maps included"),
        Heading("everything, seconds", True, "With the verifier and every attack"),
    ]
    table = [
        [
            Cell(
                row["release"],
                row["release"],
                href=to_computed(source, source.figures.releases.get(row["release"], [])),
            ),
            to_cell(float(row["fit_seconds"]), 1),
            to_cell(float(row["release_seconds"]), 1),
            to_cell(float(row["peak_mib"]), 0),
            to_cell(float(row["seconds"]), 1),
        ]
        for row in made
    ]
    caption = f"What it takes to make the releases ({seeds} seed{'s' if seeds > 1 else ''} together)."
    return Table("cost-table", caption, headings, table)


def variance_table(rows: Sequence[Row]) -> Table | None:
    """Standard deviations between defense seeds and between attack seeds; None where there are not two of each."""
    headings = [
        Heading("release"),
        Heading("attack"),
        Heading(
            "between defense seeds", True, "Standard deviation of balanced accuracy: another training of the defense"
        ),
        Heading(
            "between attack seeds", True, "Standard deviation of balanced accuracy: another training of the attack"
        ),
    ]
    table = [
        [Cell(row["release"], row["release"]), Cell(name, name)]
        + [
            to_cell(sqrt(found["variance"][kind]), href=to_attack(number, row, name))
            for kind in ("defense_seeds", "attack_seeds")
        ]
        for number, row in enumerate(rows)
        for name, found in row["attacks"].items()
        if "variance" in found
    ]
    if not table:
        return None
    caption = "How much of an attack's result the seed of the defense decides, and how much its own."
    return Table("variance-table", caption, headings, table, True)
