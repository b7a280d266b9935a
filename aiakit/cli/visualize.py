"""``aiakit visualize``: faces as they are and as each release shows them."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option
from aiakit.datasets.parallel import threads_in_all

FIGURES = (".png", ".svg", ".pdf")
PICTURE = "faces.png"


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--faces", "named", multiple=True, metavar="NAME|NUMBER", help="Test faces (a,b) by file, person or number."
)
@click.option(
    "--count", type=click.IntRange(1, 100), default=4, show_default=True, help="How many are drawn where none is named."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which ones are drawn.")
@click.option("--run-seed", type=int, help="Which of the run's seeds.  [default: the first]")
@click.option(
    "--attacks", multiple=True, default=("all",), show_default=True, metavar="NAME", help="Attacks (a,b), or all."
)
@click.option("--out", metavar="FILE", help="The picture: FILE.png, .svg or .pdf.  [default: RUN/faces.png]")
@plugin_option
@json_option
def command(
    run: str,
    named: tuple[str, ...],
    count: int,
    seed: int,
    run_seed: int | None,
    attacks: tuple[str, ...],
    out: str | None,
    as_json: bool,
) -> None:
    """Draw test faces beside what each release shows of them, with what attacks and the verifier say.

    Everything comes from the run's stored releases and scores; the photographs from its data set. Pictures of real
    people are personal data: think before you pass the file on.
    """
    from aiakit.experiment.request import split_names
    from aiakit.experiment.run import Run
    from aiakit.experiment.runtime import Runtime
    from aiakit.faces.examples import gallery_of, require_finished
    from aiakit.report.gallery import document_of, gallery_chart, print_gallery
    from aiakit.report.svg import write_chart
    from aiakit.results.judge import evaluate
    from aiakit.storage.cache import cache_folder

    opened = Run.open(Path(run))
    path = picture_path(opened.folder / PICTURE if out is None else Path(out))
    require_finished(opened)
    shown = _attacks([spec.name for spec in opened.config.attacks], split_names(attacks))
    evaluation = evaluate(opened.store, opened.config)
    strongest = {name: row.strongest for name, row in evaluation.rows.items()}
    runtime = Runtime(cache_folder(), threads_in_all(None))
    gallery = gallery_of(opened, strongest, runtime, split_names(named), count, seed, run_seed)
    write_chart(gallery_chart(gallery, shown), path)
    if as_json:
        emit_json({**document_of(gallery), "file": str(path)})
    else:
        print_gallery(gallery)
        console().print(f"drawn in {path}", markup=False, highlight=False, soft_wrap=True)


def picture_path(path: Path) -> Path:
    """A file that a picture can be written to. Raises InputError for another suffix, or a folder that is not there."""
    from aiakit.errors import InputError

    if path.suffix not in FIGURES:
        raise InputError(f"--out {path} must end in one of {', '.join(FIGURES)}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"--out {path} is no file in a folder that exists")
    return path


def _attacks(known: list[str], asked: list[str]) -> list[str]:
    from aiakit.plugins.suggest import unknown

    for name in asked:
        if name != "all" and name not in known:
            raise unknown("attack", name, known, " in this run")
    return known if "all" in asked else asked
