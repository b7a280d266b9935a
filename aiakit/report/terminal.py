"""The result table on a terminal, from the machine-readable document."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

NONE = "–"
WIDE = 150


def print_document(document: dict[str, Any], console: Console | None = None) -> None:
    """Print what was measured: privacy and utility of every release, what each attack reads, and the limits."""
    out = console or _stdout()
    out.print(Text(_headline(document), style="bold"))
    out.print(_summary(document))
    out.print(_attacks(document))
    for line in _remarks(document):
        out.print(Text(line))


def _stdout() -> Console:
    """The terminal as it is; a file or a pipe gets lines as wide as the tables need."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def _headline(document: dict[str, Any]) -> str:
    seeds = document["seeds"]
    return (
        f"{document['dataset']}: {document['attribute']} ({', '.join(document['classes'])}), "
        f"{document['people']} people, {document['images']} images, {seeds} seed{'s' if seeds > 1 else ''}"
    )


def _summary(document: dict[str, Any]) -> Table:
    table = Table(
        title="Privacy: balanced accuracy of inference (lower is better). "
        "Utility: accuracy of 1:1 verification (higher is better)."
    )
    for heading in ("defense", "claimed", "strongest attack", "measured [95 %]", "gap", "bits"):
        table.add_column(heading, justify="left" if heading in ("defense", "strongest attack") else "right")
    kinds = [kind for kind in ("random", "same_attribute") if any(kind in row["utility"] for row in document["rows"])]
    for kind in kinds:
        table.add_column(
            f"utility, {'random' if kind == 'random' else 'same-' + document['attribute']} impostors", justify="right"
        )
    if kinds:
        table.add_column("EER", justify="right")
    for row in document["rows"]:
        strongest = row["strongest"]
        cells = [
            row["defense"],
            figure(row["claimed"] and row["claimed"]["balanced_accuracy"]),
            NONE if strongest is None else strongest["attack"],
            NONE if strongest is None else with_interval(strongest["balanced_accuracy"], strongest["ci95"]),
            figure(row["gap"], sign=True),
            NONE if strongest is None else figure(strongest["bits"]),
        ]
        for kind in kinds:
            utility = row["utility"].get(kind)
            cells.append(NONE if utility is None else with_interval(utility["accuracy"], utility["ci95"]))
        if kinds:
            cells.append(figure(row["utility"].get("random", {}).get("eer")))
        table.add_row(*map(Text, cells))
    return table


def _attacks(document: dict[str, Any]) -> Table:
    names = list(dict.fromkeys(name for row in document["rows"] for name in row["attacks"]))
    table = Table(
        title="Every attack, balanced accuracy on test (* chosen on attacker-val as the strongest, † no power)"
    )
    table.add_column("attack")
    for row in document["rows"]:
        table.add_column(Text(row["defense"]), justify="right")
    for name in names:
        table.add_row(Text(name), *(Text(_attack_cell(row, name)) for row in document["rows"]))
    return table


def _attack_cell(row: dict[str, Any], name: str) -> str:
    measured = row["attacks"].get(name)
    if measured is None:
        return NONE
    marks = ("*" if row["strongest"]["attack"] == name else "") + ("†" if measured["power"] is False else "")
    return with_interval(measured["balanced_accuracy"], measured["ci95"]) + marks


def _remarks(document: dict[str, Any]) -> list[str]:
    lines = []
    if document["bayes_ceiling"] is not None:
        lines.append(
            f"No attack on any release of this data set can exceed {document['bayes_ceiling']:.3f} (Bayes ceiling)."
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
                f"{row['defense']}: official folds {official['accuracy']:.3f} ± {official['standard_error']:.3f} "
                f"on the {official['pairs']} official pairs of two test people"
            )
    lines += [f"note: {note}" for note in document["notes"]]
    lines += [f"failed: {failure['cell']}: {failure['reason']}" for failure in document["failures"]]
    missing = sum(len(row["missing"]) for row in document["rows"])
    if not document["complete"]:
        lines.append(f"INCOMPLETE: {missing} cells have no result.")
    lines += document["limits"]
    return lines


def figure(value: float | None, sign: bool = False) -> str:
    """A proportion with three decimals; a dash where there is none."""
    if value is None:
        return NONE
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def with_interval(value: float, interval: list[float | None]) -> str:
    """``.801 [.780, .822]``."""
    low, high = interval
    return f"{figure(value)} [{figure(low)}, {figure(high)}]"
