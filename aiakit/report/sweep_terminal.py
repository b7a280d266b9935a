"""A sweep on a terminal, from its document."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from aiakit.report.grid import NONE, figure, with_interval
from aiakit.report.sweep import lead_of, summary
from aiakit.report.terminal import remarks, stdout
from aiakit.sweeps.space import in_short

Row = dict[str, Any]


def print_sweep(document: Row) -> None:
    """Print every point beside the undefended release, what they cover together, and the limits."""
    out = stdout()
    table = Table(
        title=f"{document['defense']} on {document['dataset']}, {document['attribute']}. Privacy: balanced accuracy of "
        "inference (lower is better). Utility: accuracy of 1:1 verification (higher is better)."
    )
    names = list(document["options"])
    for name in names:
        table.add_column(Text(name), justify="right")
    for heading in ("claimed", "strongest attack", "measured [95 %]", "gap", "utility, random [95 %]", "front"):
        table.add_column(heading, justify="left" if heading in ("strongest attack", "front") else "right")
    table.add_row("undefended", *[""] * (len(names) - 1), *map(Text, _figures(document["reference"])), "")
    for point in document["points"]:
        params = [Text(in_short(value)) for value in point["params"].values()]
        table.add_row(*params, *map(Text, _figures(point)), "●" if point["pareto"] else "")
    out.print(table)
    for line in (*lead_of(document), summary(document)):
        out.print(Text(line))
    for line in remarks({**document, "rows": [document["reference"], *document["points"]]}):
        out.print(Text(line))


def _figures(row: Row) -> list[str]:
    strongest, utility = row["strongest"], row["utility"].get("random")
    return [
        figure(row["claimed"] and row["claimed"]["balanced_accuracy"]),
        NONE if strongest is None else strongest["attack"],
        NONE if strongest is None else with_interval(strongest["balanced_accuracy"], strongest["ci95"]),
        figure(row["gap"], sign=True),
        NONE if utility is None else with_interval(utility["accuracy"], utility["ci95"]),
    ]
