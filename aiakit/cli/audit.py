"""``aiakit audit``: what embeddings or protected pictures that exist already leak."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from aiakit.cli.common import (
    command_line,
    json_option,
    naming_plugin_files,
    plugin_option,
    quiet_option,
    verbose_option,
)
from aiakit.cli.gating import gate_options, limits_of, spelt_out
from aiakit.cli.options import (
    dry_run_option,
    engine_and_threads,
    engine_options,
    out_options,
    probing_options,
    request_of,
)
from aiakit.cli.progress import observer
from aiakit.cli.results import show_plan, show_results

if TYPE_CHECKING:
    from aiakit.datasets.columns import Labels
    from aiakit.experiment.audit import PreparedAudit
    from aiakit.storage.embeddings import Source


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--labels", metavar="TABLE", help="Labels (CSV, parquet, arrays), row by row or joined with --join-on.")
@click.option("--join-on", metavar="COL", help="The column that FILE and TABLE share (COL_OF_FILE=COL_OF_TABLE).")
@click.option("--attribute", "attributes", multiple=True, metavar="COL", help="A private attribute (repeatable).")
@click.option("--attributes", "lists", multiple=True, metavar="A,B|all", help="Several attributes, or every column.")
@click.option("--identity", metavar="COL", help="Who is shown.  [default: a column person]")
@click.option("--embedding-key", metavar="K", help="The array, or the prefix of numbered columns, that holds them.")
@click.option("--official-pairs", metavar="FILE", help="The data's own pairs: CSV left,right,same[,fold], or LFW's.")
@click.option("--score", metavar="NAME", help="cosine, euclidean or siamese.  [default: cosine; pictures: siamese]")
@click.option("--group", "groups", multiple=True, metavar="COL", help="Break the result down by this column.")
@click.option("--split", metavar="COL", help="A column of train, val, test.  [default: people dealt 60/15/25 %]")
@click.option("--allow-overlap", is_flag=True, help="Measure although splits share people or rows; the notes say so.")
@click.option("--reference", metavar="FILE", help="The undefended release of the same rows: shows the attacks' power.")
@click.option("--image-size", type=int, default=64, show_default=True, help="Side that pictures are resized to.")
@gate_options
@probing_options
@engine_options
@out_options
@dry_run_option
@verbose_option
@quiet_option
@plugin_option
@json_option
def command(file: str, out: str, name: str | None, as_json: bool, verbose: bool, quiet: bool, **given: Any) -> int:
    """Measure what embeddings or protected pictures leak, and how well they still verify people.

    FILE is .npz, .npy, .safetensors, .parquet, .csv, .h5 (or FILE.h5:NAME), .pt, a flat .faiss index, a folder of
    pictures, or "-" for such a file on stdin. Labels and identities are columns of FILE or of a table beside it.
    Nothing but the attacks is trained.
    """
    from aiakit.experiment.run import default_name
    from aiakit.experiment.runtime import Runtime
    from aiakit.results.computing import compute, planned
    from aiakit.storage.cache import cache_folder
    from aiakit.storage.stdin import STDIN, file_on_stdin

    where, each = engine_and_threads(given)
    limits = limits_of(given)
    if limits is not None and not given["attributes"] and not given["lists"]:
        given["attributes"] = tuple(filter(None, limits.fail_above))  # a policy names what is to be measured
    if limits is not None and not given["numeric"]:
        given["numeric"] = tuple(limits.r2)
    with observer(quiet) as watch, naming_plugin_files(out):
        with file_on_stdin() if file == STDIN else nullcontext(Path(file)) as path:
            prepared = _prepare(path, given, watch)
        limits = spelt_out(limits, prepared.config, prepared.samples.attributes, given)
        folder = Path(out) / (name or default_name(prepared.config))
        if given["dry_run"]:
            splits = prepared.splits[prepared.config.attribute].summary()
            return show_plan(planned(folder, prepared.config, where, splits, given["image_size"]), as_json)
        run = prepared.begin(folder, command_line())
        notes = compute(
            run, Runtime(cache_folder(), each, cell_seconds=given["cell_timeout"]), watch, where, prepared.broken
        )
    *_, code = show_results(run, given, as_json, verbose, quiet, notes, limits)
    return code


def _prepare(path: Path, given: dict[str, Any], watch: Any) -> PreparedAudit:
    from dataclasses import replace

    from aiakit.datasets.columns import join_labels
    from aiakit.datasets.official import read_official_pairs
    from aiakit.datasets.ordering import in_order_of
    from aiakit.datasets.samples import make_samples
    from aiakit.datasets.source import read_source
    from aiakit.experiment.audit import AuditRequest, prepare_audit
    from aiakit.plugins.options import parse_settings

    source = read_source(path, given["embedding_key"], given["image_size"], watch.step)
    labels_file = None if given["labels"] is None else Path(given["labels"])
    join_on, official = given["join_on"], given["official_pairs"]
    by_name = labels_file is None and official is not None  # the column joins nothing but names the rows of pairs
    labels = join_labels(source, labels_file, None if by_name else join_on)
    named = replace(source, columns={**labels.columns, **source.columns})
    identity = _identity(given["identity"], labels)
    others = _others(given, identity, source)
    attributes = _attributes(given, labels, others, source)
    reference, absence, notes = None, None, [*source.notes, *labels.notes]
    if given["reference"] is not None:
        read = read_source(Path(given["reference"]), given["embedding_key"], given["image_size"], watch.step)
        found = in_order_of(read, named, join_on, attributes)
        reference, absence = found.values, found.absence
        notes += found.notes
    pairs = None
    if official is not None:
        key = (join_on or source.key).partition("=")[0]
        keys = replace(labels, columns=named.columns).column(key, "--join-on") if key else None
        pairs = read_official_pairs(Path(official), keys, len(source.values))
    samples = make_samples(
        path.stem,
        source.values,
        attributes,
        labels.column(identity, "--identity"),
        {each: labels.column(each, "--group") for each in given["groups"]},
        None if given["split"] is None else labels.column(given["split"], "--split"),
        pairs,
        reference,
        notes,
        absence,
        _numbers(given, labels, others),
    )
    options, utility = parse_settings(given["settings"]), not given["no_utility"]
    return prepare_audit(request_of(AuditRequest, given, samples=samples, options=options, utility=utility))


def _identity(name: str | None, labels: Labels) -> str:
    from aiakit.errors import InputError

    if name is None and "person" not in labels.columns:
        raise InputError(
            "--identity COL is missing: say which column tells people apart, they are what is counted"
            + labels.described()
        )
    return name or "person"


def _others(given: dict[str, Any], identity: str, source: Source) -> list[str]:
    """The columns that are no attributes."""
    join_on = (given["join_on"] or "").partition("=")
    others = [identity, given["split"], *given["groups"], join_on[0], join_on[2], source.key]
    return [other for other in others if other]


def _numbers(given: dict[str, Any], labels: Labels, others: list[str]) -> dict[str, Any]:
    """The columns of numeric attributes; of "all" every one that holds numbers."""
    from aiakit.datasets.numbers import numeric_columns
    from aiakit.datasets.ordinal import ranks, split_order
    from aiakit.experiment.selection import split_names

    names, found = split_names(given["numeric"]), dict[str, Any]()
    for name in names:
        column, order = (name, ()) if name in labels.columns else split_order(name)
        if name != "all":
            cells = labels.column(column, "--numeric")
            found[column] = ranks(cells, column, order) if order else cells
    offered = {name: cells for name, cells in labels.columns.items() if name not in others}
    return (numeric_columns(offered) if "all" in names else {}) | found


def _attributes(given: dict[str, Any], labels: Labels, others: list[str], source: Source) -> dict[str, list[str]]:
    from aiakit.errors import InputError
    from aiakit.experiment.selection import split_names

    names = [*given["attributes"], *split_names(given["lists"])]
    if not names:
        raise InputError("no attribute is named: give --attribute COL, or --attributes all" + labels.described())
    return labels.attributes(names, others)
