"""The result table on a terminal, from the machine-readable document."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

NONE = "–"
WIDE = 150


def print_document(document: dict[str, Any], console: Console | None = None) -> None:
    """Print what was measured: privacy and utility of every release, what each attack reads, and the limits."""
    out = console or stdout()
    out.print(Text(_headline(document), style="bold"))
    out.print(_summary(document))
    out.print(_attacks(document))
    for table in _extras(document):
        out.print(table)
    for line in remarks(document):
        out.print(Text(line))


def stdout(width: int = WIDE) -> Console:
    """The terminal as it is; a file or a pipe gets lines as wide as the tables need."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


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
    for heading in ("release", "claimed", "strongest attack", "measured [95 %]", "gap", "bits"):
        table.add_column(heading, justify="left" if heading in ("release", "strongest attack") else "right")
    bounded = any(row["accuracy_bound"] is not None for row in document["rows"])
    if bounded:
        table.add_column("proven bound", justify="right")
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
            row["release"],
            figure(row["claimed"] and row["claimed"]["balanced_accuracy"]),
            NONE if strongest is None else strongest["attack"],
            NONE if strongest is None else with_interval(strongest["balanced_accuracy"], strongest["ci95"]),
            figure(row["gap"], sign=True),
            NONE if strongest is None else figure(strongest["bits"]),
        ]
        if bounded:
            cells.append(figure(row["accuracy_bound"]))
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
        table.add_column(Text(row["release"]), justify="right")
    for name in names:
        table.add_row(Text(name), *(Text(_attack_cell(row, name)) for row in document["rows"]))
    return table


def _attack_cell(row: dict[str, Any], name: str) -> str:
    measured = row["attacks"].get(name)
    if measured is None:
        return NONE
    marks = ("*" if row["strongest"]["attack"] == name else "") + ("†" if measured["power"] is False else "")
    return with_interval(measured["balanced_accuracy"], measured["ci95"]) + marks


def _extras(document: dict[str, Any]) -> list[Table]:
    """The knowledge ladder, label budgets, pooled attackers and nulls, where they were asked for."""
    tables = [further_table(document["further"])] if document.get("further") else []
    levels = [
        level for level in ("ignorant", "lazy") if any(level in row.get("knowledge", {}) for row in document["rows"])
    ]
    if levels:
        table = Table(title="Knowledge ladder, balanced accuracy of each attack by what it was trained on")
        for heading in ("release", "attack", *levels, "this release"):
            table.add_column(heading, justify="left" if heading in ("release", "attack") else "right")
        for row in document["rows"]:
            for name, measured in row["attacks"].items():
                below = [row.get("knowledge", {}).get(level, {}).get(name) for level in levels]
                table.add_row(row["release"], name, *map(_measured, [*below, measured]))
        tables.append(table)
    for key, heading, unit in (("budgets", "Label budget", "people"), ("pooled", "Pooled attacker", "images")):
        curves = [(row["release"], curve) for row in document["rows"] if key in row for curve in _curves(row, key)]
        if not curves:
            continue
        numbers = sorted({point[unit] for _, (_, points) in curves for point in points})
        table = Table(title=f"{heading}, balanced accuracy by number of {unit}")
        for column in ("release", "attack", *map(str, numbers)):
            table.add_column(column, justify="left" if column in ("release", "attack") else "right")
        for defense, (name, points) in curves:
            found = {point[unit]: point for point in points}
            table.add_row(defense, name, *(_measured(found.get(number)) for number in numbers))
        tables.append(table)
    return [*tables, *_parts(document), *_seeds(document), *_costs(document)]


def parts_of(row: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(what test is divided by, value, its figures) of each part of a row that has some."""
    for part, values in {"class": row["slices"]["classes"], **row["slices"]["groups"]}.items():
        for value, figures in values.items():
            yield part, value, figures


def _parts(document: dict[str, Any]) -> list[Table]:
    """The strongest attack on parts of test, where that was asked for."""
    tables = []
    for found in (document, *document.get("further", {}).values()):
        for row in found["rows"]:
            if "slices" not in row:
                continue
            attack = row["slices"]["attack"]
            what = f"{attack} on {row['release']} in parts of test: {found['attribute']}"
            table = Table(title=f"{what} (in a class: its recall)")
            for heading in ("part", "value", "people", "images", "balanced accuracy [95 %]"):
                table.add_column(heading, justify="left" if heading in ("part", "value") else "right")
            for part, value, figures in parts_of(row):
                counts = (str(figures[count]) for count in ("people", "images"))
                table.add_row(*map(Text, (part, value, *counts, _measured(figures))))
            tables.append(table)
    return tables


def further_table(attributes: dict[str, dict[str, Any]]) -> Table:
    """What the strongest attack reads of each attribute from each release."""
    table = Table(title="What else the releases say: balanced accuracy of the strongest attack on each attribute "
                  "(† no power)")  # fmt: skip
    table.add_column("attribute")
    table.add_column("chance", justify="right")
    for row in next(iter(attributes.values()))["rows"]:
        table.add_column(Text(row["release"]), justify="right")
    for name, found in attributes.items():
        cells = [_strongest_cell(row) for row in found["rows"]]
        table.add_row(*map(Text, (name, figure(found["chance"]), *cells)))
    return table


def _strongest_cell(row: dict[str, Any]) -> str:
    best = row["strongest"]
    return NONE if best is None else f"{_attack_cell(row, best['attack']).replace('*', '')} {best['attack']}"


def _seeds(document: dict[str, Any]) -> list[Table]:
    """How much of the strongest attack's result the seeds decide, where there are two of each kind."""
    table = Table(title="Standard deviation of balanced accuracy between seeds")
    for heading in ("release", "attack", "between defense seeds", "between attack seeds"):
        table.add_column(heading, justify="left" if heading in ("release", "attack") else "right")
    for row in document["rows"]:
        best = row["strongest"] and row["strongest"]["attack"]
        variance = row["attacks"].get(best, {}).get("variance")
        if variance is not None:
            deviations = (figure(sqrt(variance[kind])) for kind in ("defense_seeds", "attack_seeds"))
            table.add_row(*map(Text, (row["release"], best, *deviations)))
    return [table] if table.row_count else []


def _costs(document: dict[str, Any]) -> list[Table]:
    """What it took to make the releases, where this run made them."""
    table = Table(title="Cost of each release (all seeds together)")
    for heading in ("release", "fit, s", "release, s", "peak memory, MiB", "with all attacks, s"):
        table.add_column(heading, justify="left" if heading == "release" else "right")
    for row in document["rows"]:
        if row["peak_mib"] is not None:
            seconds = (f"{row[key]:.1f}" for key in ("fit_seconds", "release_seconds"))
            table.add_row(*map(Text, (row["release"], *seconds, f"{row['peak_mib']:.0f}", f"{row['seconds']:.1f}")))
    return [table] if table.row_count else []


def _curves(row: dict[str, Any], key: str) -> list[tuple[str, list[dict[str, Any]]]]:
    return list(row[key].items()) if key == "budgets" else [(row["strongest"]["attack"], row[key])]


def _measured(measured: dict[str, Any] | None) -> str:
    if measured is None or measured["balanced_accuracy"] is None:
        return NONE
    return with_interval(measured["balanced_accuracy"], measured["ci95"])


def remarks(document: dict[str, Any]) -> list[str]:
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
                f"on {official['pairs']} official pairs"
            )
    lines += broken_bounds(document)
    for row in document["rows"]:
        if "null" in row:
            null = row["null"]
            lines.append(
                f"{row['release']}: with labels permuted between people the selected attack reached at most "
                f"{max(null['balanced_accuracy']):.3f} in {null['permutations']} runs (p = {null['p']:.3f})"
            )
        lines += [f"{row['release']}: skipped: {what}: {why}" for what, why in row.get("skipped", {}).items()]
    lines += [f"note: {note}" for note in document["notes"]]
    lines += [f"failed: {failure['cell']}: {failure['reason']}" for failure in document["failures"]]
    missing = sum(len(row["missing"]) for row in document["rows"])
    if not document["complete"]:
        lines.append(f"INCOMPLETE: {missing} cells have no result.")
    lines += document["limits"]
    return lines


def broken_bounds(document: dict[str, Any]) -> list[str]:
    """A line for each release that leaks more than its defense proves: then the proof does not hold of this code."""
    found = []
    for row in document["rows"]:
        bound, best = row["accuracy_bound"], row["strongest"]
        if bound is not None and best is not None and best["ci95"][0] is not None and best["ci95"][0] > bound:
            found.append(
                f"{row['release']}: BROKEN BOUND: it proves that no attack exceeds {bound:.3f}, and {best['attack']} "
                f"reached {best['balanced_accuracy']:.3f}: the mechanism does not do what it promises"
            )
    return found


def figure(value: float | None, sign: bool = False) -> str:
    """A proportion with three decimals; a dash where there is none."""
    if value is None:
        return NONE
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def with_interval(value: float, interval: list[float | None]) -> str:
    """``.801 [.780, .822]``."""
    low, high = interval
    return f"{figure(value)} [{figure(low)}, {figure(high)}]"
