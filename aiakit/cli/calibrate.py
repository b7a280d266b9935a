"""``aiakit calibrate``: how much the attacks find of leaks whose Bayes accuracy is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option, writable
from aiakit.cli.options import compute_options, jobs_or_cores
from aiakit.cli.progress import observer
from aiakit.cli.results import tell

FIGURES = (".svg", ".png", ".html")


@click.command()
@click.option(
    "--attacks", multiple=True, default=("all",), show_default=True, metavar="NAME", help="Attacks (a,b) or presets."
)
@click.option(
    "--leaks", multiple=True, default=("all",), show_default=True, metavar="NAME", help="all, embedding, image, or a,b."
)
@click.option("--n", type=int, default=4000, show_default=True, help="Samples of the attacker; as many to test on.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Draws of every leak.")
@click.option("--nulls", type=click.IntRange(min=0), default=0, help="Also count false alarms on so many nulls.")
@click.option("--set", "settings", multiple=True, metavar="PLUGIN.OPTION=VALUE", help="Set an option of an attack.")
@click.option("--out", metavar="FILE", help="Also write the JSON document to this file.")
@click.option("--figure", metavar="FILE", help="Write the heat-map: FILE.svg, FILE.png or FILE.html.")
@click.option(
    "--folder", default="runs/calibration", show_default=True, metavar="DIR", help="Where finished trials are kept."
)
@compute_options
@plugin_option
@json_option
def command(
    attacks: tuple[str, ...],
    leaks: tuple[str, ...],
    n: int,
    seeds: int,
    nulls: int,
    settings: tuple[str, ...],
    out: str | None,
    figure: str | None,
    folder: str,
    jobs: int | None,
    threads: int | None,
    device: str,
    precision: str,
    as_json: bool,
) -> int:
    """Measure the attacks on leaks whose Bayes accuracy is known: η is the share of a leak that an attack finds.

    Finished trials are kept, so an interrupted calibration goes on where it was.
    """
    from aiakit.calibration.run import calibrate, make_calibration

    for option, file, endings in (("--out", out, ()), ("--figure", figure, FIGURES)):
        if file is not None:  # what could not be written is refused before anything is computed
            writable(option, Path(file), endings)
    calibration, broken = make_calibration(attacks, leaks, n, seeds, nulls, settings, device, precision)
    with observer() as watch:
        document = calibrate(calibration, Path(folder), watch, jobs_or_cores(jobs, threads))
    document["failures"] |= broken
    document["complete"] &= not broken
    _write(document, out, figure)
    if as_json:
        emit_json(document)
    else:
        from aiakit.report.calibration import print_calibration

        print_calibration(document)
    tell(*(f"{label}: failed: {reason}" for label, reason in document["failures"].items()))
    return 0 if document["complete"] else 1


def _write(document: dict[str, Any], out: str | None, figure: str | None) -> None:
    import json

    from aiakit.storage.store import write_atomically

    if out is not None:
        write_atomically(Path(out), json.dumps(document, indent=2, allow_nan=False) + "\n")
    if figure is not None:
        from aiakit.report.calibration import write_heatmap

        write_heatmap(document, Path(figure))
