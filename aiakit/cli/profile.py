"""``aiakit profile``: what is said of one photograph, before and after protection."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option
from aiakit.cli.visualize import picture_path
from aiakit.datasets.parallel import threads_in_all

PUBLIC_SIZE = 224  # pixels that a photograph is brought to where no run says how many


@click.command()
@click.argument("image", metavar="IMAGE")
@click.option("--run", "folder", metavar="RUN", help="Ask the attacks of this run, on what its defenses release.")
@click.option("--defense", "releases", multiple=True, metavar="NAME", help="Only these releases (a,b).  [default: all]")
@click.option("--attack", metavar="NAME", help="Ask this attack.  [default: the strongest on each release]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of a defense's noise.")
@click.option("--out", metavar="FILE", help="Also draw the card: FILE.png, .svg or .pdf.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads.  [default: OMP_NUM_THREADS, or every core]")
@plugin_option
@json_option
def command(
    image: str,
    folder: str | None,
    releases: tuple[str, ...],
    attack: str | None,
    seed: int,
    out: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Show what attackers say of one face: its attributes, with probabilities, before and after protection.

    Attacks of the run are fitted again on its stored releases, which takes as long as it took then. The public model of
    the extra judges is asked where it is installed. IMAGE should show one face, cropped as the run's data set crops.
    """
    from aiakit.datasets.pixels import read_image
    from aiakit.errors import InputError
    from aiakit.experiment.request import split_names
    from aiakit.experiment.run import Run
    from aiakit.experiment.runtime import Runtime
    from aiakit.faces.answers import Profiler, public_card
    from aiakit.faces.examples import require_finished
    from aiakit.faces.protect import read_for
    from aiakit.report.card import card_chart, document_of, print_card
    from aiakit.report.svg import write_chart
    from aiakit.results.judge import evaluate
    from aiakit.storage.cache import cache_folder

    picture_file = None if out is None else picture_path(Path(out))
    path = Path(image)
    if folder is None:
        if releases or attack:
            raise InputError("--defense and --attack are of a run: name it with --run RUN")
        card = public_card(path, read_image(path, PUBLIC_SIZE))
    else:
        run = Run.open(Path(folder))
        picture = read_for(run, path)
        require_finished(run)
        runtime = Runtime(cache_folder(), threads_in_all(threads))
        profiler = Profiler(run, evaluate(run.store, run.config), runtime, split_names(releases), attack)
        card = profiler.card(path, picture, seed)
    if picture_file is not None:
        write_chart(card_chart(card), picture_file)
    if as_json:
        emit_json({**document_of(card), "file": None if picture_file is None else str(picture_file)})
        return
    print_card(card)
    if picture_file is not None:
        console().print(f"drawn in {picture_file}", markup=False, highlight=False, soft_wrap=True)
