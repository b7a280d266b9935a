"""The sections of a run's report, one function each; a function returns None where the run has no such data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiakit.measures.bootstrap import FEWEST_ERRORS
from aiakit.report import charts, curves
from aiakit.report.conclusion import conclusion_of, largest_gap, percent
from aiakit.report.costs import cost_table, variance_table
from aiakit.report.details import RESTS_ON
from aiakit.report.further import further
from aiakit.report.gallery import gallery_chart
from aiakit.report.links import attack_id, cells_table, to_computed, to_strongest, to_verification, verification_id
from aiakit.report.page import Cell, Heading, Section, Table, interval_cell, to_cell
from aiakit.report.parts import parts_of_test
from aiakit.report.remarks import bounds, failed, growth, impossible, nulls, skipped
from aiakit.report.source import Source
from aiakit.report.theme import Chart
from aiakit.storage.documents import printable

POINTS = {"accuracy": "that of accuracy", "fmr_1pct": "for FMR 1 %"}
ERRORS = {"false_non_match": ("FNMR", "Genuine pairs of this class that are rejected"),
          "false_match": ("FMR", "Two people of this class, taken for one person")}  # fmt: skip
FEW = "†"  # of a figure that rests on too few errors


def releases(source: Source) -> Section | None:
    """The headline table, the plane and the illusion gap."""
    document = source.document
    drawn = [
        charts.plane(source.rows),
        charts.dumbbell(source.rows, document["chance"], document["smallest_detectable"], document["bayes_ceiling"]),
    ]
    return Section(
        "releases",
        "Releases",
        ["Privacy is balanced accuracy of inference, lower is better. Utility is accuracy of 1:1 verification, higher "
         "is better. The strongest attack is chosen on attacker-val and reported on test."],
        present(drawn),
        [_release_table(source)],
    )  # fmt: skip


def _release_table(source: Source) -> Table:
    headings = [
        Heading("release"),
        Heading("measured [95 %]", True, "Balanced accuracy of the strongest freshly trained attack"),
        Heading("verdict"),
        Heading("strongest attack"),
        Heading("claimed", True, "What the defense's own in-loop attacker reads"),
        Heading("illusion gap [95 %]", True, "Measured minus claimed, paired over people"),
        Heading("at most", True, "A simultaneous 95 % bound on what the best of these attacks truly reaches"),
        Heading("proven bound", True, "Balanced accuracy that no attack can exceed: the defense proves it"),
        Heading("utility, random [95 %]", True, "Accuracy against random impostors"),
        Heading(f"utility, {source.protocol} [95 %]", True, "Accuracy against impostors of the same attribute value"),
    ]
    rows = []
    for number, row in enumerate(source.rows):
        best, utility = row["strongest"] or {}, row["utility"]
        random, same = (utility.get(kind, {}) for kind in ("random", "same_attribute"))
        name = row["release"]
        link = to_strongest(number, row)
        matched = {kind: to_verification(number, row, kind) for kind in ("random", "same_attribute")}
        rows.append(
            [
                Cell(name, name, href=to_computed(source, source.figures.releases.get(name, []))),
                interval_cell(best.get("balanced_accuracy"), best.get("ci95"), href=link),
                to_cell(row["verdict"], href=link),
                to_cell(best.get("attack"), href=link),
                to_cell(
                    row["claimed"] and row["claimed"]["balanced_accuracy"],
                    href=to_computed(source, source.figures.claims.get(name, [])),
                ),
                interval_cell(row["gap"], row["gap_ci95"], sign=True, href=link),
                to_cell(row["simultaneous_upper"], href="#attack-table" if best else None),
                to_cell(row["accuracy_bound"]),
                interval_cell(random.get("accuracy"), random.get("ci95"), href=matched["random"]),
                interval_cell(same.get("accuracy"), same.get("ci95"), href=matched["same_attribute"]),
            ]
        )
    return Table("release-table", "Every release of this run.", headings, rows, filterable=True).filled()


def attacks(source: Source) -> Section | None:
    """Every attack on every release; each figure leads to the cells that it was computed from."""
    chart = charts.heatmap(source.rows, source.document["chance"])
    if chart is None:
        return None
    headings = [
        Heading("release"),
        Heading("attack"),
        Heading("balanced accuracy [95 %]", True),
        Heading("AUC", True),
        Heading("advantage", True),
        Heading("TPR at 1 % FPR", True),
        Heading("bits", True),
        Heading("accuracy", True),
        Heading("majority", True, "Accuracy of always guessing the more frequent class"),
        Heading("std over seeds", True),
        Heading("shows power", False, "Whether this attack beats chance on the undefended release"),
    ]
    rows = []
    for number, row in enumerate(source.rows):
        for name, m in row["attacks"].items():
            mark = "*" if row["strongest"] and row["strongest"]["attack"] == name else ""
            digests = source.figures.sources.get((row["release"], name), [])
            rows.append(
                [
                    Cell(row["release"], row["release"]),
                    Cell(name, name),
                    interval_cell(m["balanced_accuracy"], m["ci95"], mark, id=attack_id(number, name),
                                  href=to_computed(source, digests)),
                    *(to_cell(m.get(key)) for key in ("auc", "advantage", "tpr_at_1pct_fpr", "bits", "accuracy",
                                                      "majority", "std_over_seeds")),
                    to_cell({True: "yes", False: "no", None: None}[m["power"]]),
                ]
            )  # fmt: skip
    table = Table(
        "attack-table", "Every attack on every release; * is the one chosen on attacker-val.", headings, rows, True
    )
    return Section("attacks", "Every attack", (), [chart], [table.filled()])


def knowledge(source: Source) -> Section | None:
    """The knowledge ladder, how the leak grows with people, the label budget and pooled evidence."""
    people = source.document["attacker_people"]["informed"]
    grown, budgets = curves.growth(source.rows), curves.budgets(source.rows, people)
    drawn = present([curves.ladder(source.rows), *grown, *budgets, curves.pooled(source.rows)])
    if not drawn:
        return None
    sentences = [sentence for row in source.rows for sentence in growth(row)]
    return Section("knowledge", "What the attacker knows", sentences, drawn)


def _few_errors(counts: Mapping[str, float], metric: str) -> str:
    """The mark of a rate at an operating point that rests on too few errors (Rule of 30, ISO/IEC 19795-1)."""
    _, at, point = metric.partition("fnmr_at_")
    found = [counts.get(f"{error}_at_{point}") for error in ("false_non_matches", "false_matches")] if at else []
    return FEW if any(count is not None and count < FEWEST_ERRORS for count in found) else ""


def verification(source: Source) -> Section | None:
    """What a verifier, trained afresh on each release, still tells apart."""
    meanings = {"random": "random impostors", "same_attribute": f"impostors of the same {source.document['attribute']}"}
    drawn = present([curves.det(source.figures.det, kind, meaning, source.rows) for kind, meaning in meanings.items()])
    headings = [Heading("release"), Heading("impostors")]
    metrics = {"accuracy": "accuracy [95 %]", "auc": "AUC [95 %]", "eer": "EER [95 %]",
               "fnmr_at_fmr_1pct": "FNMR at FMR 1 % [95 %]",
               "fnmr_at_fmr_0_1pct": "FNMR at FMR 0.1 % [95 %]"}  # fmt: skip
    headings += [Heading(name, True) for name in metrics.values()]
    rows = [
        [
            Cell(row["release"], row["release"]),
            Cell(meaning, meaning, id=verification_id(number, kind)),
            *(
                interval_cell(
                    row["utility"][kind][m],
                    row["utility"][kind][f"{m}_ci95"],
                    _few_errors(row["utility"][kind]["counts"], m),
                    href=to_computed(source, source.figures.utilities.get(row["release"], [])),
                )
                for m in metrics
            ),
        ]
        for number, row in enumerate(source.rows)
        for kind, meaning in meanings.items()
        if kind in row["utility"]
    ]
    if not rows:
        return None
    caption = (
        "1:1 verification of test people; the thresholds of accuracy and of FNMR are chosen on attacker-val. "
        f"{FEW} fewer than {FEWEST_ERRORS} false matches or false non-matches: no more than a hint."
    )
    text = "A perfect oracle of the attribute alone scores well against random impostors, and at chance against others."
    tables = [Table("verification-table", caption, headings, rows), _rests_on(source, meanings)]
    return Section("verification", "Verification", [text], drawn, tables)


def _rests_on(source: Source, meanings: Mapping[str, str]) -> Table:
    """Pairs, people and errors of verification."""
    headings = [Heading("release"), Heading("impostors"), *(Heading(name, True) for name in RESTS_ON.values())]
    rows = [
        [
            Cell(row["release"], row["release"]),
            Cell(meaning, meaning),
            *(to_cell(round(row["utility"][kind]["counts"][each]), href=link) for each in RESTS_ON),
        ]
        for row in source.rows
        for link in [to_computed(source, source.figures.utilities.get(row["release"], []))]
        for kind, meaning in meanings.items()
        if kind in row["utility"]
    ]
    caption = "What verification rests on: pairs, people and errors at the threshold of accuracy, means over seeds."
    return Table("verification-counts-table", caption, headings, rows)


def reconstructions(source: Source) -> Section | None:
    """Test faces beside what each release shows of them."""
    heading = "Faces as they are released"
    if source.gallery is None:
        return Section("faces", heading, [source.without_faces]) if source.without_faces else None
    if not source.gallery.faces:
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


def seeds(source: Source) -> Section | None:
    """How much results move with the seeds."""
    chart = charts.seeds(source.rows)
    table = variance_table(source.rows)
    if chart is None and table is None:
        return None
    return Section("seeds", "Seeds", (), present([chart]), [] if table is None else [table])


def costs(source: Source) -> Section | None:
    """What it costs to make the releases."""
    table = cost_table(source)
    return None if table is None else Section("costs", "Costs", (), (), [table])


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
    cells = ("The cells that these figures were computed from", [cells_table(source)])
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
    releases,
    reconstructions,
    attacks,
    parts_of_test,
    further,
    knowledge,
    verification,
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
