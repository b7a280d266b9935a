"""``aiakit protect``: apply a trained defense to new photographs."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("images", metavar="IMAGES...", nargs=-1, required=True)
@click.option("-o", "--out", required=True, metavar="DIR", help="A new folder for what is released.")
@click.option("--defense", metavar="NAME", help="Which defense of the run, where it has several.")
@click.option("--seed", type=int, help="Which of the run's seeds.  [default: the first]")
@click.option(
    "--noise-seed", type=click.IntRange(min=0), help="Make a stochastic defense's noise repeatable (and guessable)."
)
@plugin_option
@json_option
def command(
    run: str,
    images: tuple[str, ...],
    out: str,
    defense: str | None,
    seed: int | None,
    noise_seed: int | None,
    as_json: bool,
) -> None:
    """Release photographs through a defense that a run has trained: an embedding, pictures, or both.

    A photograph should show one face, cropped as the run's data set crops them.
    """
    from aiakit.experiment.run import Run
    from aiakit.faces.protect import choose_chain, protect

    opened = Run.open(Path(run))
    photographs = [Path(image) for image in images]
    written = protect(opened, choose_chain(opened, defense), photographs, Path(out), seed, noise_seed)
    if as_json:
        emit_json({"schema": 1, "files": [str(path) for path in written]})
    else:
        console().print(f"{len(images)} photographs released into {out}", markup=False, highlight=False)
