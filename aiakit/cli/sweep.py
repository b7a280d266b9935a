"""``aiakit sweep``: one defense over values of its options, what it claims and what leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option
from aiakit.cli.options import engine_and_threads, request_of
from aiakit.cli.progress import observer
from aiakit.cli.results import show_plan, tell
from aiakit.cli.run import command as run_command

# Options of a run that have no meaning for a sweep, or another one.
OWN = ("defenses", "attributes", "settings", "budgets", "pooled", "permutations", "forecast",
       "no_reference", "risks", "numeric", "track", "as_json", "verbose")  # fmt: skip


@click.command(params=[option for option in run_command.params if option.expose_value and option.name not in OWN])
@click.option("--defense", required=True, metavar="NAME", help="The defense, or the chain (a+b), that is swept.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    required=True,
    metavar="OPTION=V,V,V",
    help="Values of an option; with --search also a range LOW:HIGH[:log]. PLUGIN.OPTION=VALUE sets one of another.",
)
@click.option("--search", type=click.IntRange(min=1), metavar="N", help="Search N points by Optuna instead of a grid.")
@click.option("--figures", is_flag=True, help="Also save each chart as SVG, PNG and PDF.")
@click.option("--yes", is_flag=True, help="Compute very many points without a question.")
@plugin_option
@json_option
def command(
    defense: str,
    settings: tuple[str, ...],
    search: int | None,
    figures: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Run one defense over a grid of its options, or over a search of them.

    Draws what it claims, what leaks and what it is good for against each option, and the privacy–utility front.
    Sweeps of one defense under one configuration share a folder: what one has computed, no other computes again.
    """
    from aiakit.experiment.outlook import outlook
    from aiakit.experiment.request import Request
    from aiakit.experiment.runtime import Runtime
    from aiakit.plugins.options import parse_settings
    from aiakit.report.sweep import write_sweep_page
    from aiakit.sweeps.axes import parse_axes
    from aiakit.sweeps.run import prepare_sweep

    engine, threads = engine_and_threads(given)
    with observer(quiet) as watch:
        axes, others = parse_axes(settings, defense, search=search is not None)
        own = {"defenses": (defense,), "options": parse_settings(others), "utility": not given["no_utility"]}
        request = request_of(Request, given, report=watch.step, **own)
        prepared = prepare_sweep(request, axes, search, yes)
        folder = Path(given["out"]) / (given["name"] or prepared.default_name())
        if given["dry_run"]:
            document = outlook(folder, prepared.cells(), engine, prepared.splits, request.image_size)
            return show_plan(document, as_json)
        document, notes = prepared.execute(
            folder, Runtime(request.cache, threads, cell_seconds=given["cell_timeout"]), watch, engine
        )
    paths = write_sweep_page(document, folder, figures)
    if as_json:
        emit_json({**document, "run": str(folder)})
    else:
        from aiakit.report.sweep_terminal import print_sweep

        print_sweep(document, quiet)
    if not quiet:
        tell(*notes, f"stored in {folder}", f"report: {paths[0]}")
    return 0 if document["complete"] else 1
