"""``aiakit audit``: what embeddings or protected pictures that exist already leak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option
from aiakit.cli.options import out_options
from aiakit.cli.progress import observer

if TYPE_CHECKING:
    from aiakit.auditing.api import PreparedAudit
    from aiakit.datasets.columns import Labels
    from aiakit.datasets.source import Source


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--labels", metavar="CSV", help="A table of labels, row by row or joined with --join-on.")
@click.option("--join-on", metavar="COL", help="The column that FILE and CSV share (COL_OF_FILE=COL_OF_CSV).")
@click.option("--attribute", "attributes", multiple=True, metavar="COL", help="A private attribute (repeatable).")
@click.option("--attributes", "lists", multiple=True, metavar="A,B|all", help="Several attributes, or every column.")
@click.option("--identity", metavar="COL", help="Who is shown.  [default: a column person]")
@click.option(
    "--attacks", multiple=True, default=("all",), show_default=True, metavar="NAME", help="Attacks or presets."
)
@click.option("--embedding-key", metavar="K", help="The array, or the prefix of numbered columns, that holds them.")
@click.option("--pairs", metavar="FILE", help="Official verification pairs: CSV left,right,same[,fold], or LFW's.")
@click.option("--score", metavar="NAME", help="cosine, euclidean or siamese.  [default: cosine; pictures: siamese]")
@click.option("--group", "groups", multiple=True, metavar="COL", help="Break the result down by this column.")
@click.option("--split", metavar="COL", help="A column of train, val, test.  [default: people dealt 60/15/25 %]")
@click.option("--allow-overlap", is_flag=True, help="Measure although splits share people or rows; the notes say so.")
@click.option("--reference", metavar="FILE", help="Unprotected embeddings of the same rows: shows the attacks' power.")
@click.option("--image-size", type=int, default=64, show_default=True, help="Side that pictures are resized to.")
@click.option("--set", "settings", multiple=True, metavar="PLUGIN.OPTION=VALUE", help="Set an option of an attack.")
@click.option("--attack-seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Seeds of every attack.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first, and the split's.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads.  [default: OMP_NUM_THREADS, or every core]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="auto", show_default=True)
@out_options
@plugin_option
@json_option
def command(file: str, out: str, name: str | None, as_json: bool, **given: Any) -> int:
    """Measure what embeddings or protected pictures leak, and how well they still verify people.

    FILE is .npz, .npy, .safetensors, .parquet, .csv, or a folder of pictures. Labels and identities are columns of FILE
    or of a CSV. Nothing but the attacks is trained.
    """
    from aiakit.auditing.result import earlier, require_place

    with observer() as watch:
        prepared = _prepare(Path(file), given, watch)
        folder = Path(out) / (name or prepared.config.folder_name())
        require_place(folder)
        result = earlier(folder, prepared.config)
        if result is None:
            result = prepared.execute(watch, folder)
            result.save(folder)
    document = result.document()
    if as_json:
        emit_json({**document, "run": str(folder)})
    else:
        print_audit(document)
    console().print(f"stored in {folder}", markup=False, highlight=False, soft_wrap=True)
    return 0 if document["complete"] else 1


def _prepare(path: Path, given: dict[str, Any], watch: Any) -> PreparedAudit:
    from aiakit.auditing.api import prepare
    from aiakit.datasets.columns import join_labels
    from aiakit.datasets.official import read_official_pairs
    from aiakit.datasets.source import read_source

    source = read_source(path, given["embedding_key"], given["image_size"], watch.step)
    labels_file = None if given["labels"] is None else Path(given["labels"])
    labels = join_labels(source.columns, len(source.values), source.name, labels_file, given["join_on"])
    identity = _identity(given["identity"], labels)
    attributes = _attributes(given, labels, identity, source)
    reference = None if given["reference"] is None else read_source(Path(given["reference"]), given["embedding_key"])
    pairs = None
    if given["pairs"] is not None:
        key = (given["join_on"] or source.key).partition("=")[0]
        keys = source.columns[key] if key else None
        pairs = read_official_pairs(Path(given["pairs"]), keys, len(source.values))
    return prepare(
        source.values,
        attributes=attributes,
        identity=labels.column(identity, "--identity"),
        attacks=given["attacks"],
        score=given["score"],
        attack_seeds=given["attack_seeds"],
        seed=given["seed"],
        groups={each: labels.column(each, "--group") for each in given["groups"]},
        split=None if given["split"] is None else labels.column(given["split"], "--split"),
        pairs=pairs,
        reference=None if reference is None else reference.values,
        allow_overlap=given["allow_overlap"],
        settings=given["settings"],
        device=given["device"],
        precision=given["precision"],
        threads=given["threads"],
        name=path.stem,
        notes=(*source.notes, *labels.notes),
    )


def _identity(name: str | None, labels: Labels) -> str:
    from aiakit.errors import InputError

    if name is None and "person" not in labels.columns:
        raise InputError("--identity COL is missing: say which column tells people apart, they are what is counted")
    return name or "person"


def _attributes(given: dict[str, Any], labels: Labels, identity: str, source: Source) -> dict[str, list[str]]:
    from aiakit.errors import InputError
    from aiakit.experiment.selection import split_names

    names = [*given["attributes"], *split_names(given["lists"])]
    if not names:
        raise InputError("no attribute is named: give --attribute COL, or --attributes all")
    join_on = (given["join_on"] or "").partition("=")
    others = [identity, given["split"], *given["groups"], join_on[0], join_on[2], source.key]
    return labels.attributes(names, [other for other in others if other])


def print_audit(document: dict[str, Any]) -> None:
    """Print the tables of every attribute of an audit, and the strongest attack on parts of test."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aiakit.report.terminal import NONE, further_table, print_document, with_interval

    out = Console()
    if not out.is_terminal:
        out = Console(width=150)
    for each in document.get("attributes", {document["attribute"]: document}).values():
        print_document(each, out)
        found = each["slices"]
        parts = {"class": found["classes"], **found["groups"]}
        if found["attack"] is None:
            continue
        table = Table(title=f"{found['attack']} in parts of test (in a class: its recall)")
        for heading in ("part", "value", "people", "images", "balanced accuracy [95 %]"):
            table.add_column(heading, justify="left" if heading in ("part", "value") else "right")
        for part, values in parts.items():
            for value, figures in values.items():
                measured = figures["balanced_accuracy"]
                shown = NONE if measured is None else with_interval(measured, figures["ci95"])
                table.add_row(*map(Text, (part, value, str(figures["people"]), str(figures["images"]), shown)))
        out.print(table)
    _, *others = document.get("attributes", {None: document}).items()
    if others:
        out.print(further_table(dict(others)))
