"""The sections of a run's report, one function each; a function returns None where the run has no such data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiakit.measures.bootstrap import FEWEST_ERRORS
from aiakit.report import charts, curves
from aiakit.report.conclusion import conclusion_of, largest_gap, percent
from aiakit.report.gallery import gallery_chart
from aiakit.report.inversion import inversion_readings, inversion_table
from aiakit.report.links import to_strongest, to_verification
from aiakit.report.numbers import numeric_readings, numeric_tables
from aiakit.report.page import Section
from aiakit.report.remarks import bounds, failed, growth, impossible, nulls, skipped
from aiakit.report.risks import glance_table, readings, risk_tables
from aiakit.report.source import Source
from aiakit.report.table import Cell, Column, Heading, Table, interval_cell, tabulated, to_cell
from aiakit.report.tables import (
    attack_table,
    chosen_table,
    cost_table,
    further_table,
    in_words,
    part_table,
    protected_table,
    release_table,
    variance_table,
    worst_table,
)
from aiakit.report.theme import Chart
from aiakit.report.verification import (
    FEW,
    counts_table,
    impostors,
    matcher_tables,
    template_table,
    verification_table,
)
from aiakit.storage.documents import printable

POINTS = {"accuracy": "that of accuracy", "fmr_1pct": "for FMR 1 %"}
ERRORS = {"false_non_match": ("FNMR", "Genuine pairs of this class that are rejected"),
          "false_match": ("FMR", "Two people of this class, taken for one person")}  # fmt: skip


def protected(source: Source) -> Section | None:
    """Where several attributes are protected: the worst of each release, and each of them."""
    document = source.document
    if "protected" not in document:
        return None
    text = (
        "Each defense was fitted to the joint classes of these attributes, and each of them was attacked and judged on "
        "its own. The headline of a release is the attribute that is read best relative to chance, chosen on "
        f"attacker-val. What follows below, and is not of a named attribute, is of {document['attribute']}."
    )
    tables = [worst_table(document), protected_table(document, source.links)]
    return Section("protected", "Protected together", [text], (), tables)


def releases(source: Source) -> Section | None:
    """The headline table, the plane and the illusion gap."""
    document = source.document
    drawn = [
        charts.plane(source.rows, len(document["classes"])),
        charts.dumbbell(source.rows, document["chance"], document["smallest_detectable"], document["bayes_ceiling"]),
    ]
    return Section(
        "releases",
        "Releases",
        ["Privacy is balanced accuracy of inference, lower is better. Utility is accuracy of 1:1 verification, higher "
         "is better. The strongest attack is chosen on attacker-val and reported on test."],
        present(drawn),
        [release_table(source.document, source.links)],
    )  # fmt: skip


def attacks(source: Source) -> Section | None:
    """Every attack on every release; each figure leads to the cells that it was computed from."""
    chart = charts.heatmap(source.rows, source.document["chance"])
    if chart is None:
        return None
    table = attack_table(source.document, source.links)
    return Section("attacks", "Every attack", (), [chart], [table])


def knowledge(source: Source) -> Section | None:
    """The knowledge ladder, how the leak grows with people, the label budget and pooled evidence."""
    people = source.document["attacker_people"]["informed"]
    grown, budgets = curves.growth(source.rows), curves.budgets(source.rows, people)
    drawn = present([curves.ladder(source.rows), *grown, *budgets, curves.pooled(source.rows)])
    if not drawn:
        return None
    sentences = [sentence for row in source.rows for sentence in growth(row)]
    tables = [table for table in [chosen_table(source.document)] if table.rows]
    return Section("knowledge", "What the attacker knows", sentences, drawn, tables)


def verification(source: Source) -> Section | None:
    """What a verifier, trained afresh on each release, still tells apart."""
    meanings = impostors(source.document)
    drawn = present([curves.det(source.figures.det, kind, meaning, source.rows) for kind, meaning in meanings.items()])
    table = verification_table(source.document, source.links)
    if not table.rows:
        return None
    text = "A perfect oracle of the attribute alone scores well against random impostors, and at chance against others."
    others = [*matcher_tables(source.document, source.links), template_table(source.document)]
    tables = [table, counts_table(source.document, source.links), *(each for each in others if each.rows)]
    return Section("verification", "Verification", [text], drawn, tables)


def at_a_glance(source: Source) -> Section | None:
    """A row a risk, where risks were asked for."""
    table = glance_table(source.document)
    return Section("at-a-glance", "Risks at a glance", (), (), [table]) if table.rows else None


def risks(source: Source) -> Section | None:
    """Whether people are found again, whether two releases are linked, and what is reconstructed, where asked for."""
    said = [line for row in source.rows for line in (*readings(row), *inversion_readings(row))]
    tables = [table for table in (*risk_tables(source.document), inversion_table(source.document)) if table.rows]
    return Section("risks", "Identity, linkage, inversion", (), (), tables, said) if said else None


def numbers(source: Source) -> Section | None:
    """What is estimated of numeric attributes, where some were asked for."""
    tables = [table for table in numeric_tables(source.document) if table.rows]
    said = [line for row in source.rows for line in numeric_readings(row)]
    protected = source.document.get("protected_numbers", ())
    text = f"Of these the defenses were given {in_words(protected)}, to be hidden together with the attribute."
    return Section("numbers", "Numbers", [text] if protected else (), (), tables, said) if tables else None


def reconstructions(source: Source) -> Section | None:
    """Test faces beside what each release shows of them."""
    heading = "Faces as they are released"
    if source.gallery is None:
        return Section("faces", heading, [source.without_faces]) if source.without_faces else None
    if not any(face.tiles for face in source.gallery.faces):
        return None
    text = "Only test people are shown. A picture that looks private to an eye may still say everything to an attack."
    return Section("faces", heading, [text], [gallery_chart(source.gallery)])


def groups(source: Source) -> Section | None:
    """Results by class of people."""
    if not source.figures.slices:
        return None
    numbered = {row["release"]: (number, row) for number, row in enumerate(source.rows)}
    parts = [part for part in source.figures.slices if part.release in numbered]
    attribute = Heading(source.document["attribute"])
    recognised = [
        [
            Cell(part.release, part.release),
            Cell(part.group, part.group),
            interval_cell(part.recall.value, part.recall.ci95, href=to_strongest(*numbered[part.release])),
        ]
        for part in parts
    ]
    verified = [
        [
            Cell(part.release, part.release),
            Cell(part.group, part.group),
            Cell(threshold, threshold),
            *(
                _errors_cell(
                    numbered[part.release][1].get("errors_by_class", {}).get(point, {}).get(part.group, {}).get(error),
                    to_verification(*numbered[part.release], kind),
                )
                for error, kind in zip(ERRORS, ("random", "same_attribute"), strict=True)
            ),
        ]
        for part in parts
        for point, threshold in POINTS.items()
    ]
    caption = (
        "Errors of verification by class, and of how many pairs, at thresholds that are the same for everybody, set on "
        f"attacker-val with random impostors. {FEW} fewer than {FEWEST_ERRORS} errors: no more than a hint."
    )
    errors = [Heading(f"{error} [95 %]", True, said) for error, said in ERRORS.values()]
    tables = [
        Table("group-table", "Share of each class that the strongest attack recognises, with its interval over people.",
              [Heading("release"), attribute, Heading("recognised [95 %]", True)], recognised),
        Table("group-errors-table", caption,
              [Heading("release"), attribute, Heading("threshold"), *errors], verified),
    ]  # fmt: skip
    text = "Where the columns differ between classes, the release serves or exposes one group more than another."
    chart = charts.groups(source.figures.slices)
    return Section("groups", "By class", [text], present([chart]), tables)


def _errors_cell(found: Mapping[str, Any] | None, link: str | None) -> Cell:
    """A rate of errors in one class, with how many there are of how many pairs."""
    if found is None:
        return to_cell(None)
    mark = f" ({found['errors']:.0f} of {found['pairs']:,}){FEW if found['few_errors'] else ''}"
    return interval_cell(found["rate"], found["ci95"], mark, href=link)


def parts_of_test(source: Source) -> Section | None:
    """The strongest attack on parts of the people who were tested, where that was asked for."""
    table = part_table(source.document)
    return Section("parts", "Parts of test", (), (), [table]) if table.rows else None


def further(source: Source) -> Section | None:
    """What attacks that were trained for each further attribute read from the same releases."""
    document = source.document
    together = document.get("protected", [document["attribute"]])
    attributes = {name: of for name, of in document.get("further", {}).items() if name not in together}
    hidden = [*together, *document.get("protected_numbers", ())]
    if not attributes:
        return None
    text = (
        "For each further attribute every attack was trained anew on the same releases, chosen on attacker-val and "
        f"reported on test. The defenses of a run are trained to hide {in_words(hidden)}, and nothing else."
    )
    notes = [f"{name}: {note}" for name, found in attributes.items() for note in found["notes"]]
    table = further_table(source.document, source.links)
    return Section("further", "What else the releases say", [text], (), [table], notes)


def seeds(source: Source) -> Section | None:
    """How much results move with the seeds."""
    chart = charts.seeds(source.rows)
    table = variance_table(source.rows)
    if chart is None and not table.rows:
        return None
    return Section("seeds", "Seeds", (), present([chart]), [table] if table.rows else [])


def costs(source: Source) -> Section | None:
    """What it costs to make the releases."""
    table = cost_table(source.document, source.links)
    return Section("costs", "Costs", (), (), [table]) if table.rows else None


def limits(source: Source) -> Section | None:
    """What these figures cannot show."""
    document = source.document
    items = [*document["limits"], *bounds(document), *impossible(document)]
    items += [line for row in source.rows for line in nulls(row)]
    return Section("limits", "Limits", (), (), (), items)


def notes(source: Source) -> Section | None:
    """Remarks of the data set, attacks that could not be applied, and what failed."""
    items = [*source.document["notes"], *(line for row in source.rows for line in skipped(row))]
    items += failed(source.document)
    items += [f"no result yet: {label}" for row in source.rows for label in row["missing"]]
    return Section("notes", "Notes and failures", (), (), (), items) if items else None


def _cells_table(source: Source) -> Table:
    """Every cell of the run that figures of the report were computed from."""
    figures = source.figures
    found: list[tuple[str, str, Sequence[str]]] = []
    for release, digests in figures.releases.items():
        found.append((release, "release", digests))
        others = (("claim", figures.claims), ("verifier", figures.utilities), ("matcher", figures.matches))
        found += [(release, what, by[release]) for what, by in others if release in by]
    found += [(release, attack, digests) for (release, attack), digests in figures.sources.items()]
    found += [(release, f"{attack}, {name}", digests) for (name, release, attack), digests in figures.further.items()]
    columns = [
        Column("release", lambda r: to_cell(r[0]), False),
        Column("what", lambda r: to_cell(r[1]), False),
        Column("cell", lambda r: to_cell(r[2], href=source.links.computed([r[2]])), False),
    ]
    records = [(release, what, digest) for release, what, digests in found for digest in digests]
    caption = "A row is a cell of the run: its scores, and all that it depends on."
    return tabulated("cell-table", caption, columns, records, filterable=True)


def configuration(source: Source) -> Section | None:
    """All that determines the results."""
    document = source.document
    table = Table(
        "split-table",
        "People and images of each split; no person is in two of them.",
        [Heading("split"), Heading("people", True), Heading("images", True)],
        [
            [Cell(name, name), to_cell(counts["people"]), to_cell(counts["images"])]
            for name, counts in document["splits"].items()
        ],
    )
    code = json.dumps(source.config, indent=1, ensure_ascii=False)
    cells = ("The cells that these figures were computed from", [_cells_table(source)])
    return Section("configuration", "Configuration", ["Every option, with its default spelled out."], (), [table], (),
                   code, folded=cells)  # fmt: skip


def reproduce(source: Source) -> Section | None:
    """The command that computes this page again, as it was given."""
    same = "The same versions, seed and machine give the same bytes"
    if source.command is None:
        text = (
            f"{same}. No command line is stored with this run: it was made from Python or by an earlier version. The "
            "configuration above holds every option."
        )
        return Section("reproduce", "How to reproduce", [text])
    text = (
        f"{same}; finished cells are kept, so this command costs nothing in this run's own folder. Paths are as they "
        "were typed, in the folder where the command was first given."
    )
    # Somebody else's run may hold what reverses or hides text: what is shown is what would be pasted.
    code = printable(shlex.join(["aiakit", *source.command]))
    return Section("reproduce", "How to reproduce", [text], code=code)


# What a report consists of, in this order. A new part of a report is one more function here.
SECTIONS: Sequence[Callable[[Source], Section | None]] = (
    at_a_glance,
    protected,
    releases,
    reconstructions,
    attacks,
    parts_of_test,
    further,
    numbers,
    knowledge,
    verification,
    risks,
    groups,
    seeds,
    costs,
    limits,
    notes,
    configuration,
    reproduce,
)


def present(drawn: Sequence[Chart | None]) -> list[Chart]:
    """The charts that there are."""
    return [chart for chart in drawn if chart is not None]


def lead_of(document: Mapping[str, Any]) -> list[str]:
    """The sentences at the head of a report: what was found, and how far that can be trusted."""
    sentences = [conclusion_of(document), *largest_gap(document["rows"], "run")]
    sentences.append(lower_bounds(document["smallest_detectable"]))
    if not document["complete"]:
        sentences.append("This run is incomplete: some cells have no result (see Notes and failures).")
    return sentences


def lower_bounds(detectable: float | None) -> str:
    """What a hurried reader must know of every leak in a report."""
    floor = "" if detectable is None else f" A leak below {percent(detectable)} would not be seen on this test set."
    return f"These figures are lower bounds on what leaks: another attack may read more.{floor}"
