"""The offline HTML page of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from altair.utils.schemapi import debug_mode

from aiakit.report import charts as run_charts
from aiakit.report import sweep_charts as charts
from aiakit.report.conclusion import conclusion_of_sweep, largest_gap
from aiakit.report.html import write_page
from aiakit.report.page import Page, Section
from aiakit.report.remarks import failed
from aiakit.report.sections import present
from aiakit.report.table import Cell, Column, Table, a_column_each, tabulated, to_cell
from aiakit.report.tables import attacker, claim, headline, nowhere, utility
from aiakit.sweeps.space import in_short

PAGE = "sweep.html"
DRAWN = 60  # more points than this stand in the table only: a chart of a line a point would be endless
Row = dict[str, Any]


def write_sweep_page(document: Row, folder: Path, figures: bool = False) -> list[Path]:
    """Write the page, and with ``figures`` each chart as SVG, PNG and PDF; the files.

    Raises InputError where the folder cannot be written to.
    """
    return write_page(sweep_page(document), folder, PAGE, figures)


@debug_mode(False)  # as for the report of a run
def sweep_page(document: Row) -> Page:
    """A sweep as a page: the charts against each option, the plane, and the points."""
    varying = [charts.against(document, option) for option in document["options"]]
    sections = [
        Section(
            "options",
            "Claimed and measured",
            ["The in-loop attacker is what the defense was trained against: its figure is a claim. The strongest "
             "attack is trained afresh on each release, chosen on attacker-val and reported on test."],
            present([*varying, charts.plane(document)]),
        ),
        Section("points", "Points", [summary(document)], _drawn(document), [points_table(document)]),
        Section("notes", "Notes", items=[*document["notes"], *document["limits"], *failed(document)]),
    ]  # fmt: skip
    subtitle = (
        f"{', '.join(document['classes'])} · {document['people']} people · {document['images']} images · "
        f"{len(document['points'])} points · aiakit {document['aiakit']}"
    )
    return Page(f"{document['dataset']}: a sweep of {document['defense']}", subtitle, lead_of(document), sections)


def lead_of(document: Row) -> list[str]:
    """The sentences that a hurried reader must see."""
    sentences = [conclusion_of_sweep(document), *largest_gap(document["points"], "sweep")]
    if not document["complete"]:
        sentences.append("This sweep is incomplete: some cells have no result (see Notes).")
    return sentences


def summary(document: Row) -> str:
    """How much of the plane the points cover."""
    if document["hypervolume"] is None:
        return "No point has both privacy and utility, so there is no front."
    front = sum(point["pareto"] is True for point in document["points"])
    return (
        f"{front} of {len(document['points'])} points are not dominated. Together they cover "
        f"{document['hypervolume']:.3f} of the privacy–utility plane (hypervolume over 1 − advantage and verification "
        "accuracy): the best of noisy points, so with many of them it flatters."
    )


def _drawn(document: Row) -> list[Any]:
    """The charts of a run, with a line or a column a point."""
    labels = [charts.label_of_point(point["params"]) for point in document["points"]]
    if len(labels) > DRAWN:
        return []
    if len(set(labels)) < len(labels):  # they were cut to what fits
        labels = [f"{number}. {label}" for number, label in enumerate(labels, 1)]
    rows = [{**point, "release": label} for point, label in zip(document["points"], labels, strict=True)]
    ceiling = document["bayes_ceiling"]
    claims = run_charts.dumbbell(rows, document["chance"], document["smallest_detectable"], ceiling)
    return present([claims, run_charts.heatmap(rows, document["chance"])])


def points_table(document: Row, reference: bool = False) -> Table:
    """A row a point of the sweep, and one of the undefended release before them where ``reference`` asks for it."""
    options = list(document["options"])
    records = [(point["params"], point) for point in document["points"]]
    if reference:
        records.insert(0, ({options[0]: "undefended"}, document["reference"]))

    def row(record: tuple[Row, Row]) -> Row:
        return record[1]

    columns = [
        *a_column_each({name: name for name in options}, lambda record, name: _parameter(record[0].get(name, ""))),
        *headline(row, nowhere),
        attacker(row, [record[1] for record in records]),
        *claim(row, nowhere, nowhere),
        utility("random", row, "random", nowhere),
        Column("front", lambda record: to_cell({True: "yes", False: "no", None: None}[record[1].get("pareto")]), False,
               "Whether no other point is at least as good in both and better in one"),
        Column("seconds", lambda record: to_cell(record[1]["seconds"], 1), True,
               "Computing time of everything in this row"),
    ]  # fmt: skip
    return tabulated("sweep-points", "Every point of the sweep.", columns, records, keys=len(options), filterable=True)


def _parameter(value: Any) -> Cell:
    return Cell(in_short(value), value) if isinstance(value, float) else to_cell(value)
