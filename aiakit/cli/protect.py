"""``aiakit protect``: apply a trained defense to new photographs."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option
from aiakit.cli.results import tell


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("inputs", metavar="FILES...", nargs=-1, required=True)
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
    inputs: tuple[str, ...],
    out: str,
    defense: str | None,
    seed: int | None,
    noise_seed: int | None,
    as_json: bool,
) -> None:
    """Release photographs or embeddings through a defense that a run has trained.

    FILES are photographs, folders of them, arrays of pictures, or of a run on embeddings whatever holds rows of them
    (.npz, .npy, .safetensors, .parquet, .csv, .h5 or FILE.h5:NAME, .pt, .faiss); "-" is a file on stdin. A photograph
    should show one face, cropped as the run's data set crops them.
    """
    from aiakit.experiment.run import Run
    from aiakit.faces.inputs import read_inputs
    from aiakit.faces.protect import choose_chain, protect

    opened = Run.open(Path(run))
    chain, given = choose_chain(opened, defense), read_inputs(opened, inputs)
    with console().status("releasing") as status:

        def report(label: str, done: int, total: int) -> None:
            status.update(f"{label}: {done:,} of {total:,}")

        written = protect(opened, chain, given, Path(out), seed, noise_seed, report)
    notes = list(dict.fromkeys(note for part in given for note in part.notes))
    if as_json:
        emit_json({"schema": 1, "files": [str(path) for path in written], "notes": notes})
    else:
        tell(*(f"note: {note}" for note in notes))
        rows = sum(len(part.names) for part in given)
        console().print(f"{rows} rows released into {out}", markup=False, highlight=False)
