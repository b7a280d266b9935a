"""A run or an audit on a terminal, from the machine-readable document: what was found first, then one narrow table."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from aiakit.report import gate
from aiakit.report.conclusion import conclusion_of, percent
from aiakit.report.formats import FORMATS
from aiakit.report.grid import NONE, Grid, figure, measured, print_grid, say
from aiakit.report.remarks import problems, remarks, rising
from aiakit.report.risks import risk_summary
from aiakit.report.tables import tables_of

WIDE = 150
Row = dict[str, Any]


def print_document(
    document: dict[str, Any], console: Console | None = None, verbose: bool = False, quiet: bool = False
) -> None:
    """Print what was found, and of each release what is read from it and what it is good for.

    verbose : with every table and sentence that a report has. quiet : the conclusion alone, and what failed.
    """
    out = console or stdout()
    say(out, conclusion_of(document), "bold")
    if quiet:
        for line in [*problems({**document, "notes": []}), *_gate(document)]:
            say(out, line)
        return
    out.print()
    print_grid(out, summary(document))
    if verbose:
        say(out, _of_what(document))
        out.print()
    for grid in (
        (table.texts() for table in tables_of(document))
        if verbose
        else [*further_summary(document), *risk_summary(document)]
    ):
        print_grid(out, grid)
    for line in [*(remarks(document) if verbose else in_short(document)), *_gate(document)]:
        say(out, line)


def _gate(document: Row) -> list[str]:
    """What a gate says of limits, where some were given."""
    return list(gate.lines(document["gate"])) if "gate" in document else []


def as_text(document: Row, style: str) -> str:
    """Every table and sentence in a text format (``aiakit.report.formats.FORMATS``)."""
    lines = [conclusion_of(document), *remarks(document), *_gate(document)]
    return FORMATS[style]([table.texts() for table in tables_of(document)], lines)


def stdout(width: int = WIDE) -> Console:
    """The terminal as it is; a file or a pipe gets lines as wide as the tables need."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def _of_what(document: Row) -> str:
    seeds = document["seeds"]
    named = {document["attribute"]: document, **document.get("further", {})}
    protected = "; ".join(
        f"{name} ({', '.join(named[name]['classes'])})"
        for name in document.get("protected", [document["attribute"]])
        if name in named
    )
    protected += "".join(f"; {name} (a number)" for name in document.get("protected_numbers", ()))
    return (
        f"{document['dataset']}: {protected}, "
        f"{document['people']} people, {document['images']} images, {seeds} seed{'s' if seeds > 1 else ''}"
    )


def summary(document: Row) -> Grid:
    """What the strongest attack reads from each release, what that means, and what the release is good for."""
    found = [(row, row.get("worst", row)) for row in document["rows"]]
    several = any(best["level"] != "informed" for _, best in found)
    together = "protected" in document
    headings = (
        "release",
        *(["read best"] if together else []),
        "strongest [95 %]",
        *(["at most"] if together else []),
        *(["attacker"] if several else []),
        "verdict",
        "utility [95 %]",
    )
    rows = [
        [
            row["release"],
            *([best.get("attribute", NONE)] if together else []),
            measured(best["strongest"]),
            *([figure(best["simultaneous_upper"])] if together else []),
            *([best["level"]] if several else []),
            best["verdict"] or NONE,
            measured(row["utility"].get("random"), "accuracy"),
        ]
        for row, best in found
    ]
    return Grid("", headings, rows, ("verdict",))


def further_summary(document: Row) -> list[Grid]:
    """Each protected attribute, where they are several, and what else the releases say, where that was asked for."""
    protected, others = document.get("protected", ()), document.get("further", {})
    of_protected = {document["attribute"]: document, **others} if protected else {}
    return [
        *_by_attribute(
            "Each protected attribute", {name: of for name, of in of_protected.items() if name in protected}
        ),
        *_by_attribute(
            "What else the releases say", {name: of for name, of in others.items() if name not in protected}
        ),
    ]


def _by_attribute(title: str, attributes: Row) -> list[Grid]:
    rows = [
        [name, row["release"], measured(row["strongest"]), row["verdict"] or NONE, percent(found["chance"])]
        for name, found in attributes.items()
        for row in found["rows"]
    ]
    headings = ("attribute", "release", "strongest [95 %]", "verdict", "chance")
    return [Grid(title, headings, rows, ("verdict",), 2)] if rows else []


def in_short(document: Row) -> list[str]:
    """What nobody may miss: what the figures cannot show, notes, failures."""
    detectable = document["smallest_detectable"]
    floor = "" if detectable is None else f", and a leak below {percent(detectable)} would not show on this test set"
    return [f"A lower bound: another attack may read more{floor}.", *rising(document), *problems(document)]
