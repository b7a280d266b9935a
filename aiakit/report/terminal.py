"""A run or an audit on a terminal, from the machine-readable document: what was found first, then one narrow table."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from aiakit.report.conclusion import conclusion_of, percent
from aiakit.report.details import details
from aiakit.report.grid import NONE, Grid, print_grid, say, with_interval
from aiakit.results.verdicts import IMPOSSIBLE

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
        for line in problems({**document, "notes": []}):
            say(out, line)
        return
    out.print()
    print_grid(out, summary(document))
    if verbose:
        say(out, _of_what(document))
        out.print()
    for grid in details(document) if verbose else further_summary(document):
        print_grid(out, grid)
    for line in remarks(document) if verbose else in_short(document):
        say(out, line)


def stdout(width: int = WIDE) -> Console:
    """The terminal as it is; a file or a pipe gets lines as wide as the tables need."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def _of_what(document: Row) -> str:
    seeds = document["seeds"]
    return (
        f"{document['dataset']}: {document['attribute']} ({', '.join(document['classes'])}), "
        f"{document['people']} people, {document['images']} images, {seeds} seed{'s' if seeds > 1 else ''}"
    )


def summary(document: Row) -> Grid:
    """What the strongest attack reads from each release, what that means, and what the release is good for."""
    rows = []
    for row in document["rows"]:
        best, utility = row["strongest"], row["utility"].get("random")
        rows.append(
            [
                row["release"],
                NONE if best is None else with_interval(best["balanced_accuracy"], best["ci95"]),
                row["verdict"] or NONE,
                NONE if utility is None else with_interval(utility["accuracy"], utility["ci95"]),
            ]
        )
    return Grid("", ("release", "strongest [95 %]", "verdict", "utility [95 %]"), rows, ("verdict",))


def further_summary(document: Row) -> list[Grid]:
    """What else the releases say, where further attributes were asked for."""
    rows = [
        [
            name,
            row["release"],
            NONE if row["strongest"] is None else with_interval(*_best(row)),
            row["verdict"] or NONE,
            percent(found["chance"]),
        ]
        for name, found in document.get("further", {}).items()
        for row in found["rows"]
    ]
    headings = ("attribute", "release", "strongest [95 %]", "verdict", "chance")
    return [Grid("What else the releases say", headings, rows, ("verdict",), 2)] if rows else []


def _best(row: Row) -> tuple[float, list[float | None]]:
    return row["strongest"]["balanced_accuracy"], row["strongest"]["ci95"]


def in_short(document: Row) -> list[str]:
    """What nobody may miss: what the figures cannot show, notes, failures."""
    detectable = document["smallest_detectable"]
    floor = "" if detectable is None else f", and a leak below {percent(detectable)} would not show on this test set"
    return [f"A lower bound: another attack may read more{floor}.", *problems(document)]


def remarks(document: Row) -> list[str]:
    """The sentences below the tables: limits of the data, what was left out, notes and failures."""
    lines = []
    if document["bayes_ceiling"] is not None:
        lines.append(
            f"No attack on {document['attribute']} can exceed {document['bayes_ceiling']:.3f} on any release of this "
            "data set (Bayes ceiling)."
        )
    if document["smallest_detectable"] is not None:
        lines.append(
            f"The smallest leak that this test set would show (80 % power): {document['smallest_detectable']:.3f} "
            "balanced accuracy. Below it, 'private' is not shown."
        )
    for row in document["rows"]:
        official = row["utility"].get("official")
        if official:
            lines.append(
                f"{row['release']}: official folds {official['accuracy']:.3f} ± {official['standard_error']:.3f} "
                f"on {official['pairs']:,} official pairs of {official['people']:,} people, of which "
                f"{official['genuine_pairs']:,} are genuine pairs of {official['genuine_people']:,} people; "
                f"{official['errors']:.0f} errors"
            )
        if "null" in row:
            null = row["null"]
            lines.append(
                f"{row['release']}: with labels permuted between people the selected attack reached at most "
                f"{max(null['balanced_accuracy']):.3f} in {null['permutations']} runs (p = {null['p']:.3f})"
            )
        lines += [f"{row['release']}: skipped: {what}: {why}" for what, why in row.get("skipped", {}).items()]
    return [*lines, *problems(document), *document["limits"]]


def problems(document: Row) -> list[str]:
    """What is wrong or peculiar: impossible results, notes, failures, what is missing."""
    lines = [*impossible(document), *(f"note: {note}" for note in document["notes"])]
    lines += [f"failed: {failure['cell']}: {failure['reason']}" for failure in document["failures"]]
    missing = sum(len(row["missing"]) for row in document["rows"])
    if not document["complete"]:
        lines.append(f"INCOMPLETE: {missing} cells have no result.")
    return lines


def impossible(document: Row) -> list[str]:
    """A line for each release that is read better than any attack can read it."""
    lines = []
    for of in (document, *document.get("further", {}).values()):
        for row in of["rows"]:
            if row["verdict"] != IMPOSSIBLE:
                continue
            best, bound, ceiling = row["strongest"], row.get("accuracy_bound"), of["bayes_ceiling"]
            proven = bound is not None and (ceiling is None or bound < ceiling)
            limit = (
                f"its defense proves that none exceeds {bound:.3f}, and the code does not do what the proof says"
                if proven
                else f"none can exceed {ceiling:.3f} on any release of these data (Bayes ceiling)"
            )
            lines.append(
                f"{row['release']}: IMPOSSIBLE: {of['attribute']} is read at {best['balanced_accuracy']:.3f} by "
                f"{best['attack']}, or better by another attack, but {limit}: believe none of its figures"
            )
    return lines
