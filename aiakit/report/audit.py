"""The HTML report of an audit: the sections of a run's report that need no trained defense, and parts of test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiakit.auditing.result import AuditResult
from aiakit.report import sections
from aiakit.report.further import further
from aiakit.report.html import REPORT, write_page
from aiakit.report.page import Cell, Heading, Page, Section, Table, interval_cell, to_cell
from aiakit.report.source import Source
from aiakit.results.figures import Figures


def write_audit_report(result: AuditResult, folder: Path, figures: bool = False) -> list[Path]:
    """Write ``report.html`` of an audit into a folder and return the files.

    figures : also write each chart as SVG, PNG and PDF. Raises InputError where the folder cannot be written to.
    """
    return write_page(audit_page(result), folder, REPORT, figures)


def audit_page(result: AuditResult) -> Page:
    """The report of an audit: its first attribute in full, the others beside it."""
    document = result.document()
    _, *others = document.get("attributes", {document["attribute"]: document}).items()
    rows = [*document["rows"], *([document["reference"]] if document["reference"] else [])]
    shown = {**document, "rows": rows, "further": dict(others)}
    source = Source(shown, Figures(), result.config.model_dump(mode="json"), None, "")
    return Page(
        f"{document['dataset']}: what this release says of {document['attribute']}",
        f"{', '.join(document['classes'])} · {document['people']} people · {document['images']} rows · "
        f"aiakit {document['aiakit']}",
        sections.lead_of(shown),
        [section for make in SECTIONS if (section := make(source)) is not None],
    )


def parts_of_test(source: Source) -> Section | None:
    """The strongest attack on each class and each group of the people who were tested."""
    found = source.document["slices"]
    if found["attack"] is None:
        return None
    headings = [
        Heading("part"),
        Heading("value"),
        Heading("people", True),
        Heading("rows", True),
        Heading("balanced accuracy [95 %]", True, "In a class: its recall"),
    ]
    table = Table("part-table", f"{found['attack']} on parts of test.", headings, list(_parts(found)), True)
    return Section("parts", "Parts of test", (), (), [table])


def _parts(found: dict[str, Any]) -> Iterator[list[Cell]]:
    for part, values in {"class": found["classes"], **found["groups"]}.items():
        for value, figures in values.items():
            yield [
                Cell(part, part),
                Cell(value, value),
                to_cell(figures["people"]),
                to_cell(figures["images"]),
                interval_cell(figures["balanced_accuracy"], figures["ci95"]),
            ]


SECTIONS = (
    sections.releases,
    sections.attacks,
    parts_of_test,
    further,
    sections.verification,
    sections.limits,
    sections.notes,
    sections.configuration,
)
