"""The section of further attributes: what else the releases say of people."""

from __future__ import annotations

from aiakit.report.links import to_computed
from aiakit.report.page import Cell, Heading, Section, Table, interval_cell, to_cell
from aiakit.report.source import Source


def further(source: Source) -> Section | None:
    """What attacks that were trained for each further attribute read from the same releases."""
    attributes = source.document.get("further", {})
    if not attributes:
        return None
    headings = [
        Heading("attribute"),
        Heading("release"),
        Heading("strongest attack"),
        Heading("measured [95 %]", True, "Balanced accuracy of the strongest freshly trained attack"),
        Heading("at most", True, "A simultaneous 95 % bound on what the best of these attacks truly reaches"),
        Heading("chance", True),
        Heading("AUC", True),
        Heading("bits", True),
        Heading("verdict"),
        Heading("smallest detectable", True, "Balanced accuracy that this test set would have shown"),
    ]
    rows = []
    for name, found in attributes.items():
        for row in found["rows"]:
            best = row["strongest"] or {}
            digests = source.figures.further.get((name, row["release"], best.get("attack", "")), [])
            link = to_computed(source, digests)
            rows.append(
                [
                    Cell(name, name),
                    Cell(row["release"], row["release"]),
                    to_cell(best.get("attack"), href=link),
                    interval_cell(best.get("balanced_accuracy"), best.get("ci95"), href=link),
                    to_cell(row["simultaneous_upper"]),
                    to_cell(found["chance"]),
                    to_cell(best.get("auc"), href=link),
                    to_cell(best.get("bits"), href=link),
                    to_cell(row["verdict"]),
                    to_cell(found["smallest_detectable"]),
                ]
            )
    protected = source.document["attribute"]
    text = (
        "For each further attribute every attack was trained anew on the same releases, chosen on attacker-val and "
        f"reported on test. The defenses of a run are trained to hide {protected}, and nothing else."
    )
    notes = [f"{name}: {note}" for name, found in attributes.items() for note in found["notes"]]
    table = Table("further-table", f"What the releases say besides {protected}.", headings, rows, True)
    return Section("further", "What else the releases say", [text], (), [table], notes)
