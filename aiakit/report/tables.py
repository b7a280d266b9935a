"""The tables of the document of a run or an audit: a page shows them with links, text formats without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Any

from aiakit.experiment.config import LADDER
from aiakit.report.inversion import inversion_table
from aiakit.report.links import Links, attack_id, to_attack, to_strongest, to_verification
from aiakit.report.numbers import numeric_tables
from aiakit.report.risks import glance_table, risk_tables
from aiakit.report.table import Cell, Column, Table, a_column_each, interval_cell, tabulated, to_cell
from aiakit.report.verification import counts_table, matcher_tables, template_table, verification_table

Row = dict[str, Any]
CURVES = (("budgets", "Label budget", "people"), ("pooled", "Pooled attacker", "images"))
NUMBERS = {
    "auc": "AUC",
    "advantage": "advantage",
    "tpr_at_1pct_fpr": "TPR at 1 % FPR",
    "bits": "bits",
    "accuracy": "accuracy",
}


def tables_of(document: Row) -> Iterator[Table]:
    """Every table that has something to say, for text."""
    links = Links()
    several = [
        worst_table(document),
        protected_table(document, links),
        release_table(document, links),
        chosen_table(document),
        verification_table(document, links),
        counts_table(document, links),
        *matcher_tables(document, links),
        template_table(document),
        _attack_matrix(document),
        further_table(document, links),
        glance_table(document),
        *numeric_tables(document),
        *risk_tables(document),
        inversion_table(document),
        _ladder(document),
        *_curves(document),
        part_table(document),
        variance_table(document["rows"]),
        cost_table(document, links),
    ]
    yield from (table for table in several if table.rows)


def headline(key: Callable[[Any], Row], href: Callable[[Any], str | None]) -> list[Column]:
    """The columns of what the strongest attack reads: figure, verdict, its name.

    key : record → the row of a release. href : record → where they lead.
    """

    def best(record: Any) -> Row:
        return key(record)["strongest"] or {}

    return [
        Column("measured [95 %]", lambda r: _accuracy(best(r), href(r)), True,
               "Balanced accuracy of the strongest freshly trained attack"),
        Column("verdict", lambda r: to_cell(key(r)["verdict"], href=href(r)), False),
        Column("strongest attack", lambda r: to_cell(best(r).get("attack"), href=href(r)), False),
    ]  # fmt: skip


def attacker(key: Callable[[Any], Row], rows: Sequence[Row]) -> Column:
    """The column of what the attacker of the headline knows, empty where all are informed."""
    several = any(row["level"] != "informed" for row in rows)
    return Column("attacker", lambda r: to_cell(key(r)["level"] if several else None), False, "What he knows")


def finer(key: Callable[[Any], Row], href: Callable[[Any], str | None]) -> list[Column]:
    """The columns of what else the strongest attack's scores say."""
    headings = {"auc": "AUC", "bits": "bits"}
    return a_column_each(headings, lambda r, name: to_cell((key(r)["strongest"] or {}).get(name), href=href(r)))


def claim(
    key: Callable[[Any], Row], to_claim: Callable[[Any], str | None], href: Callable[[Any], str | None]
) -> list[Column]:
    """The columns of the in-loop attacker's claim and the illusion gap."""
    return [
        Column("claimed", lambda r: to_cell(key(r)["claimed"] and key(r)["claimed"]["balanced_accuracy"],
                                            href=to_claim(r)), True, "What the defense's own in-loop attacker reads"),
        Column("illusion gap [95 %]", lambda r: interval_cell(key(r)["gap"], key(r)["gap_ci95"], sign=True,
                                                              href=href(r)), True,
               "Measured minus claimed, paired over people"),
    ]  # fmt: skip


def utility(heading: str, key: Callable[[Any], Row], kind: str, href: Callable[[Any], str | None]) -> Column:
    """The column of verification against one kind of impostors."""

    def cell(record: Any) -> Cell:
        found = key(record)["utility"].get(kind, {})
        return interval_cell(found.get("accuracy"), found.get("ci95"), href=href(record))

    meaning = "random impostors" if kind == "random" else "impostors of the same attribute value"
    return Column(f"utility, {heading} [95 %]", cell, True, f"Accuracy of verification against {meaning}")


def nowhere(_: Any) -> None:
    """The link of a cell that leads nowhere."""


def _accuracy(found: Mapping[str, Any] | None, href: str | None = None, mark: str = "", **links: Any) -> Cell:
    found = found or {}
    return interval_cell(found.get("balanced_accuracy"), found.get("ci95"), mark, href=href, **links)


def _release(links: Links) -> Column:
    def cell(record: tuple[int, Row]) -> Cell:
        name = record[1]["release"]
        return Cell(name, name, href=links.release(name))

    return Column("release", cell, False)


def release_table(document: Row, links: Links) -> Table:
    """What the strongest attack reads of each release, what was claimed, and what the release is good for."""

    def row(record: tuple[int, Row]) -> Row:
        return record[1]

    def strongest(record: tuple[int, Row]) -> str | None:
        return to_strongest(*record)

    columns = [
        _release(links),
        *headline(row, strongest),
        attacker(row, document["rows"]),
        *claim(row, lambda r: links.claim(r[1]["release"]), strongest),
        Column("at most", lambda r: to_cell(r[1]["simultaneous_upper"], href="#attack-table"), True,
               "A simultaneous 95 % bound on what the best of these attacks truly reaches"),
        Column("proven bound", lambda r: to_cell(r[1]["accuracy_bound"]), True,
               "Balanced accuracy that no attack can exceed: the defense proves it"),
        Column("certified", lambda r: to_cell(r[1]["certificate"] and r[1]["certificate"]["bound"]), True,
               "Balanced accuracy that no attack on one image of a fresh person exceeds (95 %): it takes few values"),
        utility("random", row, "random", lambda r: to_verification(r[0], r[1], "random")),
        utility(f"same-{document['attribute']}", row, "same_attribute",
                lambda r: to_verification(r[0], r[1], "same_attribute")),
        *finer(row, strongest),
    ]  # fmt: skip
    return tabulated(
        "release-table", "Every release of this run.", columns, enumerate(document["rows"]), filterable=True
    )


def attack_table(document: Row, links: Links) -> Table:
    """Every attack on every release; each figure leads to the cells that it was computed from."""
    records = [
        (number, row, name, found)
        for number, row in enumerate(document["rows"])
        for name, found in row["attacks"].items()
    ]

    def accuracy(record: tuple[int, Row, str, Row]) -> Cell:
        number, row, name, found = record
        mark = "*" if _is_strongest(row, name) else ""
        return _accuracy(found, links.attack(row["release"], name), mark, id=attack_id(number, name))

    columns = [
        Column("release", lambda r: to_cell(r[1]["release"]), False),
        Column("attack", lambda r: to_cell(r[2]), False),
        Column("balanced accuracy [95 %]", accuracy),
        *a_column_each(NUMBERS, lambda r, key: to_cell(r[3].get(key))),
        Column("majority", lambda r: to_cell(r[3].get("majority")), True,
               "Accuracy of always guessing the more frequent class"),
        Column("std over seeds", lambda r: to_cell(r[3].get("std_over_seeds"))),
        Column("shows power", lambda r: to_cell({True: "yes", False: "no", None: None}[r[3]["power"]]), False,
               "Whether this attack beats chance on the undefended release"),
    ]  # fmt: skip
    caption = "Every attack on every release; * is the one chosen on attacker-val."
    return tabulated("attack-table", caption, columns, records, keys=2, filterable=True)


def _is_strongest(row: Row, name: str) -> bool:
    return bool(row["strongest"]) and row["strongest"]["attack"] == name


def _attack_matrix(document: Row) -> Table:
    """Every attack, a column a release."""

    def cell(name: str, release: int) -> Cell:
        row = document["rows"][release]
        found = row["attacks"].get(name)
        marks = ("*" if _is_strongest(row, name) else "") + ("†" if found and found["power"] is False else "")
        return _accuracy(found, mark=marks)

    names = dict.fromkeys(name for row in document["rows"] for name in row["attacks"])
    columns = [
        Column("attack", to_cell, False),
        *a_column_each({number: row["release"] for number, row in enumerate(document["rows"])}, cell),
    ]
    caption = "Every attack, balanced accuracy on test (* chosen on attacker-val as the strongest, † no power)"
    return tabulated("attack-matrix", caption, columns, names)


def _levels(row: Row) -> dict[str, dict[str, Row]]:
    """Level → attack → figures, the level of the headline among them."""
    return {**row.get("knowledge", {}), row["level"]: row["attacks"]}


def chosen_table(document: Row) -> Table:
    """The attack that attacker-val chooses at each level of knowledge, where there are several; * is the headline."""
    found = [_levels(row) for row in document["rows"]]
    levels = [level for level in LADDER if any(level in of for of in found)]

    def cell(record: tuple[Row, dict[str, dict[str, Row]]], level: str) -> Cell:
        row, of = record
        if not of.get(level):
            return to_cell(None)
        if level == row["level"] and row["strongest"] is not None:
            return _accuracy(row["strongest"], mark=f" ({row['strongest']['attack']})*")
        name, best = max(of[level].items(), key=lambda each: each[1]["val_balanced_accuracy"])
        return _accuracy(best, mark=f" ({name})")

    columns = [
        Column("release", lambda r: to_cell(r[0]["release"]), False),
        *a_column_each({level: f"{level} [95 %]" for level in levels}, cell),
    ]
    caption = "Balanced accuracy of the attack that attacker-val chooses, by what the attacker knows; * is the headline"
    records = zip(document["rows"], found, strict=True) if len(levels) > 1 else ()
    return tabulated("level-table", caption, columns, records, filterable=True)


def _ladder(document: Row) -> Table:
    """What each attack reads by what the attacker knows."""
    known = [_levels(row) for row in document["rows"]]
    levels = [level for level in LADDER if any(level in found for found in known)]
    records = [(row, name, of) for row, of in zip(document["rows"], known, strict=True) for name in row["attacks"]]
    columns = [
        Column("release", lambda r: to_cell(r[0]["release"]), False),
        Column("attack", lambda r: to_cell(r[1]), False),
        *a_column_each({level: level for level in levels}, lambda r, level: _accuracy(r[2].get(level, {}).get(r[1]))),
    ]
    caption = "Knowledge ladder, balanced accuracy of each attack by what the attacker knows"
    return tabulated("ladder-table", caption, columns, records if len(levels) > 1 else (), keys=2)


def _curves(document: Row) -> Iterator[Table]:
    """Label budgets and pooled evidence."""
    for key, heading, unit in CURVES:
        curves = [
            (row["release"], name, {point[unit]: point for point in points})
            for row in document["rows"]
            if key in row
            for name, points in _curve(row, key)
        ]
        numbers = sorted({number for _, _, points in curves for number in points})
        columns = [
            Column("release", lambda r: to_cell(r[0]), False),
            Column("attack", lambda r: to_cell(r[1]), False),
            *a_column_each({number: str(number) for number in numbers}, lambda r, number: _accuracy(r[2].get(number))),
        ]
        caption = f"{heading}, balanced accuracy by number of {unit}"
        yield tabulated(f"{key}-table", caption, columns, curves, keys=2)


def _curve(row: Row, key: str) -> list[tuple[str, Sequence[Row]]]:
    return list(row[key].items()) if key == "budgets" else [(row["strongest"]["attack"], row[key])]


def worst_table(document: Row) -> Table:
    """Where several attributes are protected: the one that is read best of each release; empty with one."""
    columns = [
        Column("release", lambda r: to_cell(r["release"]), False),
        Column("read best", lambda r: to_cell(r["worst"]["attribute"]), False,
               "Relative to chance, chosen on attacker-val"),
        *headline(lambda r: r["worst"], nowhere),
        Column("attacker", lambda r: to_cell(r["worst"]["level"]), False, "What he knows"),
        Column("at most", lambda r: to_cell(r["worst"]["simultaneous_upper"]), True,
               "A simultaneous 95 % bound over all protected attributes and all attacks on them"),
        Column("chance", lambda r: to_cell(r["worst"]["chance"])),
    ]  # fmt: skip
    caption = f"Of {in_words(document.get('protected', ()))}, which are protected together, the one that is read best."
    return tabulated("worst-table", caption, columns, [row for row in document["rows"] if "worst" in row])


def in_words(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def protected_table(document: Row, links: Links) -> Table:
    """What each protected attribute is read at, where they are several."""
    found = {document["attribute"]: document, **document.get("further", {})}
    each = {name: found[name] for name in document.get("protected", ()) if name in found}
    caption = "Each protected attribute, attacked and judged on its own."
    return _by_attribute("protected-table", caption, each, links)


def further_table(document: Row, links: Links) -> Table:
    """What the releases say of attributes that nobody protected."""
    protected = document.get("protected", (document["attribute"],))
    each = {name: found for name, found in document.get("further", {}).items() if name not in protected}
    caption = f"What else the releases say, besides {in_words(protected)}."
    return _by_attribute("further-table", caption, each, links)


def _by_attribute(name: str, caption: str, attributes: Mapping[str, Row], links: Links) -> Table:
    records = [(attribute, found, row) for attribute, found in attributes.items() for row in found["rows"]]

    def href(record: tuple[str, Row, Row]) -> str | None:
        name, _, row = record
        return links.further(name, row["release"], (row["strongest"] or {}).get("attack", ""))

    columns = [
        Column("attribute", lambda r: to_cell(r[0]), False),
        Column("release", lambda r: to_cell(r[2]["release"]), False),
        *headline(lambda r: r[2], href),
        Column("at most", lambda r: to_cell(r[2]["simultaneous_upper"]), True,
               "A simultaneous 95 % bound on what the best of these attacks truly reaches"),
        Column("chance", lambda r: to_cell(r[1]["chance"])),
        *finer(lambda r: r[2], href),
        Column("smallest detectable", lambda r: to_cell(r[1]["smallest_detectable"]), True,
               "Balanced accuracy that this test set would have shown"),
    ]  # fmt: skip
    return tabulated(name, caption, columns, records, keys=2, filterable=True)


def _parts(attribute: str, slices: Row) -> list[tuple[str, Row]]:
    """(what test is divided by, value → its figures)."""
    return [(f"class of {attribute}", slices["classes"]), *slices["groups"].items()]


def part_table(document: Row) -> Table:
    """The strongest attack on parts of test, where that was asked for."""
    records = [
        (row, part, value, figures)
        for found in (document, *document.get("further", {}).values())
        for row in found["rows"]
        if "slices" in row
        for part, values in {
            f"class of {found['attribute']}": row["slices"]["classes"],
            **row["slices"]["groups"],
        }.items()
        for value, figures in values.items()
    ]
    columns = [
        Column("release", lambda r: to_cell(r[0]["release"]), False),
        Column("attack", lambda r: to_cell(r[0]["slices"]["attack"]), False),
        Column("part", lambda r: to_cell(r[1]), False),
        Column("value", lambda r: to_cell(r[2]), False),
        Column("people", lambda r: to_cell(r[3]["people"])),
        Column("images", lambda r: to_cell(r[3]["images"])),
        Column("balanced accuracy [95 %]", lambda r: _accuracy(r[3]), True, "In a class: its recall"),
    ]
    caption = "The strongest attack on parts of test (in a class: its recall)."
    return tabulated("part-table", caption, columns, records, keys=4, filterable=True)


def variance_table(rows: Sequence[Row]) -> Table:
    """Standard deviations between defense seeds and between attack seeds; empty where there are not two of each."""
    records = [
        (number, row, name, found["variance"])
        for number, row in enumerate(rows)
        for name, found in row["attacks"].items()
        if "variance" in found
    ]
    columns = [
        Column("release", lambda r: to_cell(r[1]["release"]), False),
        Column("attack", lambda r: to_cell(r[2]), False),
        *a_column_each({what: f"between {what} seeds" for what in ("defense", "attack")},
                       lambda r, what: to_cell(sqrt(r[3][f"{what}_seeds"]), href=to_attack(*r[:3]))),
    ]  # fmt: skip
    caption = (
        "How much of an attack's result the seed of the defense decides, and how much its own: standard deviations."
    )
    return tabulated("variance-table", caption, columns, records, keys=2, filterable=True)


def cost_table(document: Row, links: Links) -> Table:
    """Seconds and memory of every release that this run made; empty where it made none (an audit)."""
    seeds = document["seeds"]
    headings = {"fit_seconds": "fit, seconds", "release_seconds": "release, seconds", "peak_mib": "peak memory, MiB",
                "seconds": "everything, seconds"}  # fmt: skip
    hints = {
        "fit_seconds": "Training the defense, with the pieces that it shares with others",
        "release_seconds": "Releasing every image of the data set",
        "peak_mib": "Of the process that made the release, libraries and memory maps included",
        "seconds": "With the verifier and every attack",
    }
    columns = [
        _release(links),
        *a_column_each(headings, lambda r, key: to_cell(float(r[1][key]), 0 if key == "peak_mib" else 1), hints),
    ]
    records = [(number, row) for number, row in enumerate(document["rows"]) if row["peak_mib"] is not None]
    caption = f"What it takes to make the releases ({seeds} seed{'s' if seeds > 1 else ''} together)."
    return tabulated("cost-table", caption, columns, records)
