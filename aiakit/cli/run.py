"""``aiakit run``: train defenses, probe their releases with every attack, measure what is left to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from aiakit.cli.common import command_line, console, emit_json, json_option, plugin_option
from aiakit.cli.options import (
    compute_options,
    data_options,
    engine_and_threads,
    engine_options,
    out_options,
    request_of,
)
from aiakit.cli.progress import observer


@click.command()
@click.option(
    "--defense",
    "defenses",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A defense, several (a,b), a chain (a+b), or all.",
)
@click.option(
    "--attacks",
    multiple=True,
    default=("all",),
    show_default=True,
    metavar="NAME",
    help="Attacks (a,b), a preset (fast, strong), or all: every attack but the costly ones.",
)
@click.option(
    "--encoder",
    default="autoencoder",
    show_default=True,
    metavar="NAME",
    help="What makes the embeddings that embedding defenses protect: autoencoder, dlib, timm:MODEL, precomputed:FILE.",
)
@data_options
@click.option(
    "--attributes",
    multiple=True,
    metavar="A,B|all",
    help="Also infer these from the releases: what else do they say of people? --attribute stays the protected one.",
)
@click.option("--set", "settings", multiple=True, metavar="PLUGIN.OPTION=VALUE", help="Set an option of a plugin.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Repetitions with other seeds.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first seed, and the split's."
)
@click.option(
    "--attack-seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Seeds of attacks on each release."
)
@click.option(
    "--knowledge",
    multiple=True,
    default=("informed",),
    show_default=True,
    metavar="LEVEL",
    help="What attackers know: ignorant, lazy, informed, adaptive (a,b).",
)
@click.option("--budgets", multiple=True, metavar="N,N", help="Also train attacks on so many people (a curve).")
@click.option("--pooled", multiple=True, metavar="M,M", help="Also attack so many images of one person together.")
@click.option("--permutations", type=click.IntRange(min=0), default=0, help="Also run with permuted labels, N times.")
@click.option(
    "--draws", type=click.IntRange(min=1), default=3, show_default=True, help="Draws of a stochastic release."
)
@click.option(
    "--pairs",
    type=click.IntRange(min=5, max=10_000_000),
    default=25_000,
    show_default=True,
    help="Pairs of verification, a fifth of them of one person.",
)
@click.option("--no-utility", is_flag=True, help="Do not measure verification.")
@click.option("--no-reference", is_flag=True, help="Do not add the undefended release that shows the attacks' power.")
@compute_options
@click.option("--compile", "compiled", is_flag=True, help="Compile networks for training (torch.compile).")
@engine_options
@out_options
@click.option(
    "--track",
    multiple=True,
    metavar="TRACKER",
    help="Also report to mlflow[:URI] or tensorboard[:DIR] (needs the extra of that name).",
)
@plugin_option
@json_option
def command(out: str, name: str | None, track: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Train defenses, probe each release with every attack, and measure what it is still good for.

    The same command finds its run folder again: finished cells are kept, and an interrupted run goes on.
    """
    from aiakit.experiment.request import Request, prepare
    from aiakit.plugins.options import parse_settings
    from aiakit.results.document import document_of
    from aiakit.results.evaluate import evaluate
    from aiakit.tracking.figures import figures_of
    from aiakit.tracking.watch import Tracking

    where, each = engine_and_threads(given)
    with Tracking(track) as tracking, observer() as watch:
        of_release = {"utility": not given["no_utility"], "reference": not given["no_reference"]}
        options = parse_settings(given["settings"])
        request = request_of(Request, given, options=options, report=watch.step, **of_release)
        prepared = prepare(request)
        run, notes = _execute(
            prepared,
            request.cache,
            Path(out),
            name,
            where,
            each,
            watch,
            tracking,
        )
    evaluation = evaluate(run.store, run.config)
    document = document_of(evaluation, run.failures())
    if as_json:
        emit_json({**document, "run": str(run.folder)})
    else:
        from aiakit.report.terminal import print_document

        print_document(document)
    for line in notes:
        console().print(line, markup=False, highlight=False, soft_wrap=True)
    from aiakit.report.html import write_report

    report, *_ = write_report(run, evaluation, document)
    for line in (f"stored in {run.folder}", f"report: {report}"):
        console().print(line, markup=False, highlight=False, soft_wrap=True)
    problems = tracking.finish(figures_of(evaluation), document)
    for line in problems:
        console().print(f"aiakit: {line}; the results are stored", markup=False, highlight=False, soft_wrap=True)
    return 0 if document["complete"] and not problems else 1


def _execute(
    prepared: Any, cache: Path, out: Path, name: str | None, engine: Any, threads: int, watch: Any, tracking: Any
) -> tuple[Any, list[str]]:
    from aiakit.experiment.run import Run, default_name
    from aiakit.experiment.runtime import Runtime

    run = Run.create(out / (name or default_name(prepared.config)), prepared.config, command_line())
    tracking.begin(str(run.folder), prepared.config.model_dump(mode="json"))
    notes = run.execute(Runtime(cache, threads), tracking.watch(watch), engine, prepared.broken)
    return run, [*prepared.notes, *notes]
