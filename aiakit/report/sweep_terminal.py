"""A sweep on a terminal, from its document."""

from __future__ import annotations

from typing import Any

from aiakit.report.conclusion import conclusion_of_sweep
from aiakit.report.grid import print_grid, say
from aiakit.report.remarks import problems, remarks
from aiakit.report.sweep import points_table, summary
from aiakit.report.terminal import stdout

Row = dict[str, Any]


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
    print_grid(out, points_table(document, reference=True).texts())
    for line in (summary(document), *remarks({**document, "rows": rows})):
        say(out, line)
