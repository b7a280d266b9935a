"""Two runs or audits side by side, in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aiakit.report.grid import NONE, figure
from aiakit.report.terminal import stdout


def print_comparison(document: dict[str, Any]) -> None:
    """Print a comparison as tables."""
    out: Console = stdout()
    first, second = document["runs"]
    out.print(Text(f"first: {first}   second: {second}", style="bold"))
    table = Table(title="Second minus first, paired over people" if document["not_paired"] is None else None)
    for heading in ("releases", "what", "first", "second", "difference [95 %]", "p (Holm)"):
        table.add_column(heading, justify="left" if heading in ("releases", "what") else "right")
    above = ""
    for row in document["rows"]:
        difference = NONE
        if row["ci95"] is not None:
            low, high = (figure(bound, sign=True) for bound in row["ci95"])
            difference = f"{figure(row['difference'], sign=True)} [{low}, {high}]"
        releases = " → ".join(dict.fromkeys(row["releases"]))
        if above and releases != above:
            table.add_section()
        texts = (
            "" if releases == above else releases,
            row["what"],
            figure(row["first"]),
            figure(row["second"]),
            difference,
            figure(row["p_holm"]),
        )
        table.add_row(*map(Text, texts))
        above = releases
    out.print(table)
    if document["not_paired"]:
        out.print(Text(f"note: {document['not_paired']}"))
    if document["same"]:
        out.print(Text(f"the same in both: {', '.join(document['same'])}"))
    if not document["changed"]:
        out.print(Text("The configurations are the same."))
        return
    changes = Table(title="What was configured differently")
    for heading in ("option", "first", "second"):
        changes.add_column(heading, overflow="fold")
    for change in document["changed"]:
        changes.add_row(Text(change["option"]), Text(_short(change["first"])), Text(_short(change["second"])))
    out.print(changes)


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, dict)) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
