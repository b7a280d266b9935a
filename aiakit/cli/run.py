"""``aiakit run``: train defenses, probe their releases with every attack, measure what is left to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    data_options,
    dry_run_option,
    engine_and_threads,
    engine_options,
    out_options,
    probing_options,
    request_of,
)
from aiakit.cli.progress import observer
from aiakit.cli.results import show_plan, show_results, tell


@click.command()
@click.option(
    "--defense",
    "defenses",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A defense, several (a,b), a chain (a+b), or a group: all, all-embedding (of embeddings), all-picture (that "
    "publish pictures alone). Chains are in none, nor is what lacks something or an option that must be given.",
)
@click.option(
    "--encoder",
    default="autoencoder",
    show_default=True,
    metavar="NAME",
    help="What makes the embeddings that embedding defenses protect: autoencoder, dlib, timm:MODEL, onnx:MODEL, …",
)
@data_options
@click.option(
    "--attributes",
    multiple=True,
    metavar="A,B|all",
    help="Also infer these from the releases: what else do they say of people? They are not protected.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Repetitions with other seeds.")
@click.option(
    "--draws", type=click.IntRange(min=1), default=3, show_default=True, help="Draws of a stochastic release."
)
@click.option("--no-reference", is_flag=True, help="Do not add the undefended release that shows the attacks' power.")
@probing_options
@click.option("--compile", "compiled", is_flag=True, help="Compile networks for training (torch.compile).")
@engine_options
@out_options
@click.option(
    "--track",
    multiple=True,
    metavar="TRACKER",
    help="Also report to mlflow[:URI] or tensorboard[:DIR] (needs the extra of that name).",
)
@gate_options
@dry_run_option
@verbose_option
@quiet_option
@plugin_option
@json_option
def command(
    out: str, name: str | None, track: tuple[str, ...], as_json: bool, verbose: bool, quiet: bool, **given: Any
) -> int:
    """Train defenses, probe each release with every attack, and measure what it is still good for.

    The same command finds its run folder again: finished cells are kept, and an interrupted run goes on.
    """
    from aiakit.experiment.request import Request, prepare
    from aiakit.experiment.run import Run, default_name
    from aiakit.experiment.runtime import Runtime
    from aiakit.plugins.options import parse_settings
    from aiakit.results.computing import compute, planned
    from aiakit.tracking.figures import figures_of
    from aiakit.tracking.watch import Tracking

    where, each = engine_and_threads(given)
    limits = limits_of(given)
    with Tracking(track) as tracking, observer(quiet) as watch, naming_plugin_files(out):
        of_release = {"utility": not given["no_utility"], "reference": not given["no_reference"]}
        options = parse_settings(given["settings"])
        request = request_of(Request, given, options=options, report=watch.step, **of_release)
        prepared = prepare(request)
        limits = spelt_out(limits, prepared.config, prepared.faces.attributes, given)
        folder = Path(out) / (name or default_name(prepared.config))
        if given["dry_run"]:
            splits = prepared.split.summary()
            return show_plan(planned(folder, prepared.config, where, splits, request.image_size), as_json)
        run = Run.create(folder, prepared.config, command_line())
        tracking.begin(str(run.folder), prepared.config.model_dump(mode="json"))
        notes = compute(
            run,
            Runtime(request.cache, each, cell_seconds=given["cell_timeout"]),
            tracking.watch(watch),
            where,
            prepared.broken,
        )
    evaluation, document, code = show_results(run, given, as_json, verbose, quiet, notes, limits)
    problems = tracking.finish(figures_of(evaluation), document)
    tell(*(f"aiakit: {line}; the results are stored" for line in problems))
    return code or (1 if problems else 0)
