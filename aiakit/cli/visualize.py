"""``aiakit visualize``: faces of a run as each release shows them, or what is said of one photograph."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option, writable
from aiakit.cli.results import tell
from aiakit.datasets.parallel import threads_in_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiakit.experiment.run import Run
    from aiakit.report.theme import Chart

    Drawn = tuple[Chart, dict[str, Any], Callable[[], None]]  # the drawing, the document, what prints it

FIGURES = (".png", ".svg", ".pdf")
PICTURE = "faces.png"
FACES = 4  # that are drawn where none is named
PUBLIC_SIZE = 224  # pixels that a photograph is brought to where no run says how many


@click.command()
@click.argument("folder", metavar="[RUN]", required=False)
@click.option(
    "--image", metavar="PHOTO", help="This photograph in place of test faces. Without RUN a public model is asked."
)
@click.option(
    "--faces", "named", multiple=True, metavar="NAME|NUMBER", help="Test faces (a,b) by file, person or number."
)
@click.option(
    "--count", type=click.IntRange(1, 100), help=f"How many are drawn where none is named.  [default: {FACES}]"
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which ones are drawn; with --image, of a defense's noise.",
)
@click.option("--run-seed", type=int, help="Which of the run's seeds.  [default: the first]")
@click.option(
    "--attacks",
    multiple=True,
    metavar="NAME",
    help="Attacks (a,b), or all; with --image one.  [default: all; with --image the strongest on each release]",
)
@click.option(
    "--defense",
    "releases",
    multiple=True,
    metavar="NAME",
    help="With --image: only these releases (a,b).  [default: all]",
)
@click.option(
    "--out", metavar="FILE", help="The picture: FILE.png, .svg or .pdf.  [default: RUN/faces.png; with --image none]"
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads that read pictures.  [default: OMP_NUM_THREADS, or every core]",
)
@plugin_option
@json_option
def command(folder: str | None, image: str | None, seed: int, out: str | None, as_json: bool, **given: Any) -> None:
    """Draw test faces beside what each release shows of them, with what attacks and the verifier say.

    Everything comes from the run's stored releases and scores; the photographs from its data set. Pictures of real
    people are personal data: think before you pass the file on.

    With --image: what attackers say of that face, with probabilities, before and after protection. Attacks of the run
    are fitted again on its stored releases, which takes as long as it took then; the public model of the extra judges
    is asked where it is installed. PHOTO should show one face, cropped as the run's data set crops.
    """
    from aiakit.errors import InputError
    from aiakit.experiment.run import Run
    from aiakit.report.svg import write_chart

    run = None if folder is None else Run.open(Path(folder))
    if run is not None:
        run.config.require_images()
    if image is not None:
        _refuse(given, "is not for --image", faces="named", count="count", run_seed="run_seed")
        path = None if out is None else writable("--out", Path(out), FIGURES)
        chart, document, show = _card(run, Path(image), seed, given)
    elif run is not None:
        _refuse(given, "is for --image PHOTO", defense="releases")
        path = writable("--out", run.folder / PICTURE if out is None else Path(out), FIGURES)
        chart, document, show = _gallery(run, seed, given)
    else:
        raise InputError("name a RUN, or a photograph by --image PHOTO")
    if path is not None:
        write_chart(chart, path)
    if as_json:
        emit_json({**document, "file": None if path is None else str(path)})
        return
    show()
    if path is not None:
        tell(f"drawn in {path}")


def _refuse(given: dict[str, Any], why: str, **options: str) -> None:
    from aiakit.errors import InputError

    for option, name in options.items():
        if given[name] not in (None, ()):
            raise InputError(f"--{option.replace('_', '-')} {why}")


def _gallery(run: Run, seed: int, given: dict[str, Any]) -> Drawn:
    from aiakit.experiment.runtime import Runtime
    from aiakit.experiment.selection import split_names
    from aiakit.faces.examples import gallery_of
    from aiakit.report.gallery import document_of, gallery_chart, print_gallery
    from aiakit.results.evaluate import evaluate
    from aiakit.storage.cache import cache_folder

    run.require_finished(run.failures())
    shown = _attacks([spec.name for spec in run.config.attacks], split_names(given["attacks"]) or ["all"])
    evaluation = evaluate(run.store, run.config)
    runtime = Runtime(cache_folder(), threads_in_all(given["threads"]))
    named = split_names(given["named"])
    gallery = gallery_of(run, evaluation.rows, runtime, named, given["count"] or FACES, seed, given["run_seed"])
    return gallery_chart(gallery, shown), document_of(gallery), partial(print_gallery, gallery)


def _card(run: Run | None, path: Path, seed: int, given: dict[str, Any]) -> Drawn:
    from aiakit.datasets.pixels import read_image
    from aiakit.errors import InputError
    from aiakit.experiment.runtime import Runtime
    from aiakit.experiment.selection import split_names
    from aiakit.faces.answers import Profiler, public_card
    from aiakit.faces.protect import read_for
    from aiakit.report.card import card_chart, document_of, print_card
    from aiakit.results.evaluate import evaluate
    from aiakit.storage.cache import cache_folder

    releases, attacks = split_names(given["releases"]), split_names(given["attacks"])
    if len(attacks) > 1:
        raise InputError("--attacks names one attack with --image: it is fitted again on every release")
    if run is None:
        if releases or attacks:
            raise InputError("--defense and --attacks are of a run: name a RUN too")
        card = public_card(path, read_image(path, PUBLIC_SIZE))
    else:
        picture = read_for(run, path)
        run.require_finished(run.failures())
        runtime = Runtime(cache_folder(), threads_in_all(given["threads"]))
        attack = attacks[0] if attacks else None
        card = Profiler(run, evaluate(run.store, run.config), runtime, releases, attack).card(path, picture, seed)
    return card_chart(card), document_of(card), partial(print_card, card)


def _attacks(known: list[str], asked: list[str]) -> list[str]:
    from aiakit.errors import unknown

    for name in asked:
        if name != "all" and name not in known:
            raise unknown("attack", name, known, " in this run")
    return known if "all" in asked else asked
