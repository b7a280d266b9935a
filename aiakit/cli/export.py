"""``aiakit export``: a trained defense as a file that a service runs without aiakit."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option
from aiakit.cli.results import tell

ENDINGS = {"onnx": ".onnx", "torchscript": ".pt", "npz": ".npz"}


@click.command()
@click.argument("run", metavar="RUN")
@click.option("-o", "--out", required=True, metavar="FILE", help="A new file.")
@click.option("--defense", metavar="NAME", help="Which defense of the run, where it has several.")
@click.option(
    "--format",
    "style",
    type=click.Choice(list(ENDINGS)),
    help="onnx, torchscript, or npz for an affine map of embeddings.  [default: by FILE's ending]",
)
@click.option("--seed", type=int, help="Which of the run's seeds.  [default: the first]")
@plugin_option
@json_option
def command(run: str, out: str, defense: str | None, style: str | None, seed: int | None, as_json: bool) -> None:
    """Write a defense that a run has trained as one file that runs without aiakit.

    The file is run and must release what aiakit protect does, within 1e-5. It says in its metadata which run it comes
    from and what was measured of it.
    """
    from aiakit.errors import InputError
    from aiakit.experiment.run import Run
    from aiakit.faces.export import export
    from aiakit.faces.protect import choose_chain

    by_ending = {ending: name for name, ending in ENDINGS.items()}
    style = style or by_ending.get(Path(out).suffix.lower())
    if style is None:
        raise InputError(f"{out}: which format? End it in {', '.join(by_ending)}, or give --format")
    opened = Run.open(Path(run))
    found = export(opened, choose_chain(opened, defense), Path(out), style, seed)
    if as_json:
        emit_json({"schema": 1, "file": str(found.path), "format": style, "inputs": list(found.takes),
                   "outputs": list(found.gives), "off": found.off, "notes": list(found.notes)})  # fmt: skip
    else:
        words = {"embedding": "{:.1e} of the largest value", "image": "{:.0f} of 255 levels"}
        off = ", ".join(words[view].format(value) for view, value in found.off.items())
        tell(
            *(f"note: {note}" for note in found.notes),
            f"takes {', '.join(found.takes)}, gives {', '.join(found.gives)}",
        )
        tell(f"{found.path}: differs from aiakit protect by {off} at most")
