"""A sweep on a terminal, from its document."""

from __future__ import annotations

from typing import Any

from aiakit.report.conclusion import conclusion_of_sweep
from aiakit.report.grid import NONE, Grid, figure, measured, print_grid, say
from aiakit.report.remarks import problems, remarks
from aiakit.report.sweep import summary
from aiakit.report.terminal import stdout
from aiakit.sweeps.space import in_short

Row = dict[str, Any]
HEADINGS = ("strongest [95 %]", "utility [95 %]", "front", "claimed", "gap", "strongest attack")


def print_sweep(document: Row, quiet: bool = False) -> None:
    """Print what was found, every point beside the undefended release, what they cover together, and the limits.

    quiet : the conclusion alone, and what failed.
    """
    out = stdout()
    rows = [document["reference"], *document["points"]]
    say(out, conclusion_of_sweep(document), "bold")
    if quiet:
        for line in problems({**document, "rows": rows, "notes": []}):
            say(out, line)
        return
    out.print()
    names = list(document["options"])
    table = [["undefended", *[""] * (len(names) - 1), *_figures(document["reference"])]]
    table += [[*(in_short(value) for value in point["params"].values()), *_figures(point)] for point in rows[1:]]
    words = ("front", "strongest attack")
    print_grid(out, Grid("", (*names, *HEADINGS), table, words, len(names)))
    for line in (summary(document), *remarks({**document, "rows": rows})):
        say(out, line)


def _figures(row: Row) -> list[str]:
    best = row["strongest"]
    return [
        measured(best),
        measured(row["utility"].get("random"), "accuracy"),
        "●" if row.get("pareto") else "",
        figure(row["claimed"] and row["claimed"]["balanced_accuracy"]),
        figure(row["gap"], sign=True),
        NONE if best is None else best["attack"],
    ]
