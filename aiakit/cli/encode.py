"""``aiakit encode``: the embeddings of a data set, in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option, writable
from aiakit.cli.options import data_options, dataset_options, device_options
from aiakit.cli.results import tell
from aiakit.datasets.parallel import threads_in_all, usable_cores

SCHEMA = 1


@click.command("encode")
@click.option("--encoder", required=True, metavar="NAME", help="As of aiakit run: dlib, onnx:MODEL, …")
@click.option("-o", "--out", required=True, metavar="FILE", help="Where to write: .npz or .parquet.")
@data_options
@click.option("--set", "settings", multiple=True, metavar="PLUGIN.OPTION=VALUE", help="Set an option of a plugin.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of an encoder that learns.")
@device_options
@plugin_option
@json_option
def command(
    encoder: str,
    out: str,
    dataset: str,
    image_size: int,
    attribute: str | None,
    settings: tuple[str, ...],
    seed: int,
    threads: int | None,
    device: str,
    precision: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Write the embeddings of a data set's images, with files, people and attributes beside them.

    The file is what `aiakit audit FILE --attribute NAME` and `--encoder precomputed:FILE` read. It is replaced when all
    is done. An encoder that learns does so from the people that a run with this seed gives the defender.
    """
    from aiakit.contracts import Context, LoadSettings
    from aiakit.errors import InputError
    from aiakit.experiment.computing import choose_device, choose_precision
    from aiakit.experiment.config import STORED, PluginSpec, plugin_spec
    from aiakit.experiment.embedding import columns_of, embed
    from aiakit.experiment.encoding import encoder_of
    from aiakit.experiment.threads import limited
    from aiakit.plugins import registry
    from aiakit.plugins.options import parse_settings, require_in_use
    from aiakit.storage.cache import cache_folder
    from aiakit.storage.embedded import ENDINGS, require_writer, write_embeddings

    target = writable("--out", Path(out), ENDINGS)
    require_writer(target)
    name, own = encoder_of(encoder)
    others = parse_settings(settings)
    require_in_use(others, [dataset, name])
    source = registry.make("dataset", dataset, {**dataset_options(given), **others.get(dataset, {})})
    with registry.guard(registry.entry("dataset", dataset)):
        held = source.holds()
    if name == STORED or held != "image":
        raise InputError("encode reads images, and what is asked for are embeddings that exist already")
    spec = PluginSpec(**plugin_spec("encoder", name, {**own, **others.get(name, {})}))
    where = choose_device(device)
    with console().status("loading") as status:

        def report(label: str, done: int, total: int) -> None:
            status.update(f"{label}: {done} of {total}")

        with registry.guard(registry.entry("dataset", dataset)):
            faces = source.load(LoadSettings(image_size, cache_folder(), usable_cores(), given["strict"], report))
        ctx = Context(seed, where, choose_precision(precision, where), threads_in_all(threads), report)
        with limited(ctx.threads):
            made = embed(faces, spec, ctx, attribute)
        columns, renamed = columns_of(faces)
        write_embeddings(target, made.embedding, columns)
    notes = [*faces.notes, *made.notes, *renamed]
    rows, dimensions = made.embedding.shape
    if as_json:
        document = {"schema": SCHEMA, "file": str(target), "images": rows, "dimensions": dimensions}
        emit_json({**document, "people": len(faces.people), "columns": list(columns), "notes": notes})
    else:
        tell(f"{rows} embeddings of {dimensions} dimensions: {target}", *(f"note: {note}" for note in notes))
