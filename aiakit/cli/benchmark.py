"""``aiakit benchmark``: suites of releases that are compared on one data set, beside what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from aiakit.cli.common import command_line, emit_json, json_option, plugin_option
from aiakit.cli.options import (
    compute_options,
    engine_and_threads,
    engine_options,
    folds_option,
    matcher_option,
    out_options,
    request_of,
    source_options,
)
from aiakit.cli.progress import observer
from aiakit.cli.results import tell


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Run a suite: the poster's tables, or your own, with reported and measured figures side by side."""


@command.command("list")
@json_option
def list_suites(as_json: bool) -> None:
    """List the suites that come with aiakit."""
    from aiakit.report.suite_tables import print_listing
    from aiakit.suites.document import listing
    from aiakit.suites.load import built_in, read_suite

    document = listing({name: (path, read_suite(path)) for name, path in built_in().items()})
    if as_json:
        emit_json(document)
    else:
        print_listing(document)


@command.command()
@click.argument("suite", metavar="SUITE")
@source_options
@click.option("--sweep", "with_sweep", is_flag=True, help="Also run the suite's sweep, and save its figures.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@json_option
@click.option("--attacks", multiple=True, metavar="NAME", help="These attacks (a,b) in place of the suite's.")
@click.option("--seeds", type=click.IntRange(min=1), help="Repetitions, in place of the suite's.")
@click.option("--seed", type=click.IntRange(min=0), help="The first seed, and the split's, in place of the suite's.")
@click.option("--attack-seeds", type=click.IntRange(min=1), help="Seeds of attacks, in place of the suite's.")
@folds_option
@matcher_option
@click.option("--image-size", type=int, help="Side of the images in pixels, in place of the suite's.")
@click.option(
    "--set", "settings", multiple=True, metavar="PLUGIN.OPTION=VALUE", help="Set an option, over what the suite says."
)
@compute_options
@engine_options
@out_options
@plugin_option
def run(suite: str, with_sweep: bool, markdown: bool, as_json: bool, **given: Any) -> int:
    """Run a suite: celeba, vggface1, vggface2, lfw, synthetic, or the path of a TOML file.

    The same command finds its run folder again: finished cells are kept, and an interrupted run goes on.
    """
    from aiakit.errors import InputError
    from aiakit.experiment.request import prepare
    from aiakit.experiment.runtime import Runtime
    from aiakit.plugins.options import parse_settings
    from aiakit.report.suite_tables import write_suite
    from aiakit.suites.load import find_suite, read_suite
    from aiakit.suites.request import Changes, requests_of
    from aiakit.suites.run import prepare_sweep_of, run_suite

    if markdown and as_json:
        raise InputError("--markdown and --json exclude each other: give one of them")
    engine, threads = engine_and_threads(given)
    path = find_suite(suite)
    record = read_suite(path)
    with observer() as watch:
        changes = request_of(Changes, given, options=parse_settings(given["settings"]), report=watch.step)
        requests = requests_of(path, record, changes)
        sweep = prepare_sweep_of(path, record, requests) if with_sweep else None
        prepared = prepare(requests.table)
        result = run_suite(
            path.stem,
            record,
            prepared,
            sweep,
            Path(given["out"]),
            given["name"],
            Runtime(requests.table.cache, threads, cell_seconds=given["cell_timeout"]),
            watch,
            engine,
            command_line(),
        )
    files = write_suite(result)
    _show(result.document, markdown, as_json)
    tell(*result.notes, f"stored in {result.run.folder}", *(f"written: {path}" for path in files))
    return 0 if result.complete else 1


def _show(document: dict[str, Any], markdown: bool, as_json: bool) -> None:
    from aiakit.report.suite_tables import as_markdown, print_suite

    if as_json:
        emit_json(document)
    elif markdown:
        click.echo(as_markdown(document), nl=False)
    else:
        print_suite(document)
        if document["sweep"] is not None:
            from aiakit.report.sweep_terminal import print_sweep

            print_sweep(document["sweep"])
