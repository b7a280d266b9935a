"""Two runs or audits side by side, in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiakit.report.grid import Grid, difference, figure, print_grid, say
from aiakit.report.terminal import stdout


def print_comparison(document: dict[str, Any]) -> None:
    """Print a comparison as tables."""
    out = stdout()
    for which, name in zip(("first: ", "second: "), document["runs"], strict=True):
        say(out, which + name, "bold")
    out.print()
    title = "Second minus first, paired over people" if document["not_paired"] is None else ""
    headings = ("releases", "what", "first", "second", "difference [95 %]", "p (Holm)")
    print_grid(out, Grid(title, headings, list(_rows(document["rows"])), (), 2))
    if document["not_paired"]:
        say(out, f"note: {document['not_paired']}")
    if document["same"]:
        say(out, f"the same in both: {', '.join(document['same'])}")
    if not document["changed"]:
        say(out, "The configurations are the same.")
        return
    options = ("option", "first", "second")
    changes = [[change["option"], _short(change["first"]), _short(change["second"])] for change in document["changed"]]
    print_grid(out, Grid("What was configured differently", options, changes, options))


def _rows(rows: list[dict[str, Any]]) -> Iterator[list[str]]:
    """The texts of each row; the releases only where they change."""
    above = ""
    for row in rows:
        releases = " → ".join(dict.fromkeys(row["releases"]))
        shown = "" if releases == above else releases
        yield [shown, row["what"], figure(row["first"]), figure(row["second"]), difference(row), figure(row["p_holm"])]
        above = releases


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, dict)) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
