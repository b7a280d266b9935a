"""The tables behind ``--verbose``: everything that the document of a run or an audit says of releases and attacks."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

from aiakit.experiment.config import LADDER
from aiakit.report.grid import NONE, Grid, figure, measured

Row = dict[str, Any]
RESTS_ON = {
    "genuine_pairs": "genuine pairs",
    "distinct_genuine_pairs": "of these distinct",
    "genuine_people": "of people",
    "impostor_pairs": "impostor pairs",
    "impostor_people": "of people",
    "false_non_matches": "false non-matches",
    "false_matches": "false matches",
}
CURVES = (("budgets", "Label budget", "people"), ("pooled", "Pooled attacker", "images"))


def details(document: Row) -> Iterator[Grid]:
    """Every table, where there is something to be said in it."""
    tables = (
        [
            _privacy(document),
            _utility(document),
            _pairs(document),
            _attacks(document),
            _further(document),
            _ladder(document),
        ],
        _curves(document),
        _parts(document),
        [_seeds(document), _costs(document)],
    )
    yield from (grid for several in tables for grid in several if grid.rows)


def _privacy(document: Row) -> Grid:
    rows = []
    for row in document["rows"]:
        best = row["strongest"]
        cells = [NONE] * 3 if best is None else [best["attack"], measured(best), figure(best["bits"])]
        claimed = figure(row["claimed"] and row["claimed"]["balanced_accuracy"])
        rows.append(
            [row["release"], claimed, *cells, figure(row["gap"], sign=True), figure(row["simultaneous_upper"]),
             figure(row["accuracy_bound"])]
        )  # fmt: skip
    headings = ("release", "claimed", "strongest attack", "measured [95 %]", "bits", "gap", "at most", "proven bound")
    title = "Privacy: balanced accuracy of inference (lower is better)"
    return Grid(title, headings, rows, ("strongest attack",))


def _utility(document: Row) -> Grid:
    kinds = {"random": "random impostors [95 %]", "same_attribute": f"same-{document['attribute']} impostors [95 %]"}
    rows = []
    for row in document["rows"]:
        found = [row["utility"].get(kind) for kind in kinds]
        rows.append(
            [
                row["release"],
                *(measured(of, "accuracy") for of in found),
                figure(row["utility"].get("random", {}).get("eer")),
            ]
        )
    title = "Utility: accuracy of 1:1 verification (higher is better)"
    return Grid(title, ("release", *kinds.values(), "EER"), rows if document["rows"][0]["utility"] else [])


def _pairs(document: Row) -> Grid:
    """What the figures of verification rest on."""
    kinds = {"random": "random", "same_attribute": f"same {document['attribute']}"}
    rows = [
        [row["release"], name, *(f"{counts[each]:,.0f}" for each in RESTS_ON)]
        for row in document["rows"]
        for kind, name in kinds.items()
        if (counts := row["utility"].get(kind, {}).get("counts")) is not None
    ]
    return Grid("What verification rests on", ("release", "impostors", *RESTS_ON.values()), rows, ("impostors",), 2)


def _attacks(document: Row) -> Grid:
    names = dict.fromkeys(name for row in document["rows"] for name in row["attacks"])
    rows = [[name, *(_attack_cell(row, name) for row in document["rows"])] for name in names]
    title = "Every attack, balanced accuracy on test (* chosen on attacker-val as the strongest, † no power)"
    return Grid(title, ("attack", *_releases(document)), rows)


def _releases(document: Row) -> list[str]:
    return [row["release"] for row in document["rows"]]


def _attack_cell(row: Row, name: str) -> str:
    found = row["attacks"].get(name)
    if found is None:
        return NONE
    marks = ("*" if row["strongest"]["attack"] == name else "") + ("†" if found["power"] is False else "")
    return measured(found) + marks


def _further(document: Row) -> Grid:
    title = "What else the releases say: balanced accuracy of the strongest attack on each attribute († no power)"
    rows = [
        [name, figure(found["chance"]), *(_strongest_cell(row) for row in found["rows"])]
        for name, found in document.get("further", {}).items()
    ]
    return Grid(title, ("attribute", "chance", *_releases(document)), rows)


def _strongest_cell(row: Row) -> str:
    best = row["strongest"]
    return NONE if best is None else f"{_attack_cell(row, best['attack']).replace('*', '')} {best['attack']}"


def _ladder(document: Row) -> Grid:
    """What each attack reads by what the attacker knows."""
    known = [{**row.get("knowledge", {}), row["level"]: row["attacks"]} for row in document["rows"]]
    levels = [level for level in LADDER if any(level in found for found in known)]
    rows = [
        [row["release"], name, *(measured(of.get(level, {}).get(name)) for level in levels)]
        for row, of in zip(document["rows"], known, strict=True)
        for name in row["attacks"]
    ]
    title = "Knowledge ladder, balanced accuracy of each attack by what the attacker knows"
    return Grid(title, ("release", "attack", *levels), rows if len(levels) > 1 else [], (), 2)


def _curves(document: Row) -> Iterator[Grid]:
    """Label budgets and pooled evidence."""
    for key, heading, unit in CURVES:
        curves = [(row["release"], *curve) for row in document["rows"] if key in row for curve in _curve(row, key)]
        numbers = sorted({point[unit] for _, _, points in curves for point in points})
        rows = []
        for release, name, points in curves:
            found = {point[unit]: point for point in points}
            rows.append([release, name, *(measured(found.get(number)) for number in numbers)])
        title = f"{heading}, balanced accuracy by number of {unit}"
        yield Grid(title, ("release", "attack", *map(str, numbers)), rows, (), 2)


def _curve(row: Row, key: str) -> list[tuple[str, list[Row]]]:
    return list(row[key].items()) if key == "budgets" else [(row["strongest"]["attack"], row[key])]


def parts_of(row: Row) -> Iterator[tuple[str, str, Row]]:
    """(what test is divided by, value, its figures) of each part of a row that has some."""
    for part, values in {"class": row["slices"]["classes"], **row["slices"]["groups"]}.items():
        for value, figures in values.items():
            yield part, value, figures


def _parts(document: Row) -> Iterator[Grid]:
    """The strongest attack on parts of test, where that was asked for."""
    headings = ("part", "value", "people", "images", "balanced accuracy [95 %]")
    for found in (document, *document.get("further", {}).values()):
        for row in found["rows"]:
            if "slices" in row:
                what = f"{row['slices']['attack']} on {row['release']} in parts of test: {found['attribute']}"
                rows = [
                    [part, value, str(figures["people"]), str(figures["images"]), measured(figures)]
                    for part, value, figures in parts_of(row)
                ]
                yield Grid(f"{what} (in a class: its recall)", headings, rows, (), 2)


def _seeds(document: Row) -> Grid:
    """How much of the strongest attack's result the seeds decide, where there are two of each kind."""
    rows = []
    for row in document["rows"]:
        best = row["strongest"] and row["strongest"]["attack"]
        variance = row["attacks"].get(best, {}).get("variance")
        if variance is not None:
            deviations = (figure(sqrt(variance[kind])) for kind in ("defense_seeds", "attack_seeds"))
            rows.append([row["release"], best, *deviations])
    headings = ("release", "attack", "between defense seeds", "between attack seeds")
    return Grid("Standard deviation of balanced accuracy between seeds", headings, rows, (), 2)


def _costs(document: Row) -> Grid:
    """What it took to make the releases, where this run made them."""
    rows = [
        [
            row["release"],
            f"{row['fit_seconds']:.1f}",
            f"{row['release_seconds']:.1f}",
            f"{row['peak_mib']:.0f}",
            f"{row['seconds']:.1f}",
        ]
        for row in document["rows"]
        if row["peak_mib"] is not None
    ]
    headings = ("release", "fit, s", "release, s", "peak memory, MiB", "with all attacks, s")
    return Grid("Cost of each release (all seeds together)", headings, rows)
