"""A suite's document as text: the table, what holds of the published order, and what must be said beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiakit.report import formats
from aiakit.report.grid import NONE, Grid, difference, figure, measured, print_grid, say
from aiakit.report.html import write_report
from aiakit.report.remarks import remarks
from aiakit.report.sweep import write_sweep_page
from aiakit.report.terminal import stdout
from aiakit.results.document import document_of
from aiakit.storage.store import write_atomically
from aiakit.suites.orderings import UNKNOWN
from aiakit.suites.run import DOCUMENT, Result

Row = dict[str, Any]
MARKDOWN = "benchmark.md"


def write_suite(result: Result) -> list[Path]:
    """Write what people read beside the document of a suite that was run; returns the files, the document's among them.

    The table in Markdown, the report of its releases, and the page of its sweep with figures.
    """
    folder, evaluation = result.run.folder, result.evaluation
    write_atomically(folder / MARKDOWN, as_markdown(result.document))
    report, *_ = write_report(result.run, evaluation, document_of(evaluation, result.run.failures()))
    pages = [] if result.sweep is None else write_sweep_page(*result.sweep, figures=True)
    return [folder / MARKDOWN, folder / DOCUMENT, report, *pages]


def print_suite(document: Row) -> None:
    """Print the document on the terminal."""
    out = stdout()
    for grid in grids(document):
        print_grid(out, grid)
    for line in lines(document):
        say(out, line)


def as_markdown(document: Row) -> str:
    """The document in GitHub's Markdown."""
    return formats.as_markdown(grids(document), lines(document))


def print_listing(document: Row) -> None:
    """Print what suites there are."""
    rows = [
        [
            suite["name"],
            suite["title"],
            f"{suite['dataset']}: {suite['attribute']}",
            ", ".join(suite["methods"]),
            str(suite["seeds"]),
            suite["published"] or NONE,
            " × ".join(f"{len(values)} {option}" for option, values in (suite["sweep"] or {}).items()) or NONE,
        ]
        for suite in document["suites"]
    ]
    headings = ["suite", "title", "data", "methods", "seeds", "published figures", "sweep"]
    print_grid(stdout(), Grid("aiakit benchmark run SUITE", headings, rows, headings))


def grids(document: Row) -> list[Grid]:
    """The table of the suite, and the links of its orderings."""
    columns = _columns(document)
    table = [[text(row) for _, text in columns] for row in document["rows"]]
    tables = [Grid(_title(document), [heading for heading, _ in columns], table, ("which is",))]
    if document["orderings"]:
        rows = [
            [
                _measure(document, of),
                f"{link['more']} > {link['less']}",
                difference(link),
                figure(link["p"]),
                link["verdict"],
            ]
            for of in document["orderings"]
            for link in of["links"]
        ]
        title = "The order of the methods, link by link: differences paired over people, with 95 % intervals"
        tables.append(Grid(title, ("measure", "order", "difference", "p", "verdict"), rows, ("verdict",), 2))
    return tables


def _title(document: Row) -> str:
    seeds = document["seeds"]
    return (
        f"{document['title']}: {document['attribute']} ({', '.join(document['classes'])}), {document['people']} "
        f"people, {document['images']} images, {seeds} seed{'s' if seeds > 1 else ''}. "
        "Privacy: accuracy of inference. Utility: accuracy of 1:1 verification. With 95 % intervals."
    )


def _columns(document: Row) -> list[tuple[str, Callable[[Row], str]]]:
    """Heading and text of each column; those of reported figures only where something was published."""
    attribute = document["attribute"]
    columns: list[tuple[str, Callable[[Row], str]]] = [
        ("method", lambda row: str(row["method"])),
        ("privacy ↓, reported", lambda row: _reported(row, "leakage")),
        ("privacy ↓, claimed (in-loop)", lambda row: figure(row["claimed"] and row["claimed"]["balanced_accuracy"])),
        ("privacy ↓, measured: poster-style", lambda row: measured(row["published_attack"])),
        ("privacy ↓, measured: strongest", lambda row: measured(row["strongest"])),
        ("which is", lambda row: row["strongest"]["attack"] if row["strongest"] else NONE),
        ("utility ↑, reported", lambda row: _reported(row, "utility")),
        ("utility ↑, measured", lambda row: measured(row["utility"].get("random"), "accuracy")),
        (
            f"utility ↑, measured: same-{attribute} impostors",
            lambda row: measured(row["utility"].get("same_attribute"), "accuracy"),
        ),
    ]
    published = document["published"] is not None
    return [(heading, text) for heading, text in columns if published or not heading.endswith("reported")]


def _reported(row: Row, which: str) -> str:
    value = None if row["reported"] is None else row["reported"][which]
    return NONE if value is None else f"{value:.4f}"


def _measure(document: Row, ordering: Row) -> str:
    names = {
        "utility": "utility",
        "published_attack": f"leakage, poster-style ({document['published_attack']})",
        "strongest": "leakage, strongest attack",
    }
    return names[ordering["measure"]]


def lines(document: Row) -> list[str]:
    """The sentences below the tables: what holds, how the figures are to be read, and the limits."""
    order = " > ".join(document["order"])
    said = [f"{_measure(document, of)}: {order} {_verdict(of)}." for of in document["orderings"]]
    said.append(
        "Leakage is expected to order as utility does: what is more useful is less private. Measured privacy is "
        f"balanced accuracy on test. Poster-style is {document['published_attack']}, trained afresh on each release; "
        "claimed is the defense's own in-loop attacker; the strongest is chosen on attacker-val. The verifier is "
        "trained afresh on each release, too."
    )
    published = document["published"]
    if published is not None:
        said.append(
            f"Reported: {published['source']}. Plain accuracies on other people and splits: they stand beside the "
            "measured figures, never rank, and enter no comparison."
        )
        said += published["notes"]
        said += [f"{row['method']}: {row['reported']['note']}" for row in document["rows"]
                 if row["reported"] and row["reported"]["note"]]  # fmt: skip
    return [*said, *remarks(document)]


def _verdict(ordering: Row) -> str:
    """``holds``, or the worst of the links and how many there are of them."""
    verdict = ordering["verdict"]
    count, all_of = sum(link["verdict"] == verdict for link in ordering["links"]), len(ordering["links"])
    verb = "is" if verdict == UNKNOWN else ""
    return f"{verb} {verdict} (at {count} of {all_of} links)".strip()
