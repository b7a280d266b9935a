"""``aiakit data``: what a data set holds, before anything is trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option
from aiakit.cli.options import data_options, options_of_dataset
from aiakit.datasets.parallel import usable_cores

if TYPE_CHECKING:
    from aiakit.contracts import FaceSet

SCHEMA = 1


@click.command("data")
@data_options
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="Set another option of the data set.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of the split.")
@click.option("--jobs", type=click.IntRange(min=1), help="Threads that read or draw.  [default: all cores]")
@click.option("--contact-sheet", metavar="FILE.png", help="Write a sheet of some people's images.")
@click.option(
    "--faces",
    "faces_table",
    metavar="FILE.csv",
    help="Write how many faces each photograph shows, and the box of the one taken (--set folder.align=face).",
)
@plugin_option
@json_option
def data(
    dataset: str,
    image_size: int,
    attribute: str | None,
    settings: tuple[str, ...],
    seed: int,
    jobs: int | None,
    contact_sheet: str | None,
    faces_table: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Load a data set, and show its people, attributes, splits and what is wrong with it."""
    from pathlib import Path

    from aiakit.contracts import LoadSettings
    from aiakit.datasets.contact import save_contact_sheet
    from aiakit.datasets.detections import save_detections
    from aiakit.plugins import registry
    from aiakit.storage.cache import cache_folder

    source = registry.make("dataset", dataset, options_of_dataset(dataset, settings, given))
    with console().status("loading") as status:

        def report(label: str, done: int, total: int) -> None:
            status.update(f"{label}: {done} of {total}")

        cache = cache_folder()
        faces = source.load(LoadSettings(image_size, cache, jobs or usable_cores(), given["strict"], report))
    document = describe(faces, attribute, seed) | {"cache": str(cache)}
    if contact_sheet is not None:
        save_contact_sheet(faces, Path(contact_sheet))
        document["contact_sheet"] = contact_sheet
    if faces_table is not None:
        save_detections(faces, Path(faces_table))
        document["faces"] = faces_table
    if as_json:
        emit_json(document)
    else:
        _print(document)


def describe(faces: FaceSet, attribute: str | None, seed: int) -> dict[str, Any]:
    """The document of ``--json``. A data set that cannot be split says why under "split_error"."""
    import numpy as np

    from aiakit.contracts import MISSING
    from aiakit.datasets.joint import dealt, protected_attributes
    from aiakit.datasets.splits import Fractions, require_pairs
    from aiakit.errors import InputError

    document: dict[str, Any] = {
        "schema": SCHEMA,
        "dataset": faces.name,
        "people": len(faces.people),
        "images": len(faces),
        "image_size": faces.images.shape[1] or None,
        "dimensions": None if faces.embedding is None else faces.embedding.shape[1],
        "identified": faces.identified,
        "people_with_two_images": int((np.bincount(faces.identity) > 1).sum()),
        "default_attribute": faces.default_attribute or None,
        "attributes": {
            name: {
                **{each: int((found.values == code).sum()) for code, each in enumerate(found.classes)},
                **({"(unknown)": unknown} if (unknown := int((found.values == MISSING).sum())) else {}),
            }
            for name, found in faces.attributes.items()
        },
        "bayes_ceiling": faces.bayes_ceiling,
        "official_partition": faces.partition is not None,
        "official_pairs": 0 if faces.pairs is None else len(faces.pairs.same),
        "notes": list(faces.notes),
        "fingerprint": faces.fingerprint,
    }
    if attribute is None and not faces.default_attribute:
        return document
    protected = protected_attributes(faces, attribute).attributes
    document |= {"attribute": protected[0]} | ({"protected": list(protected)} if len(protected) > 1 else {})
    try:
        split = dealt(faces, protected, seed, Fractions(), 1)
        document["splits"] = split.summary()
        document["notes"] += split.notes
        if faces.identified:
            require_pairs(faces, split)
    except InputError as error:  # what the data hold is shown all the same: it is how the user finds out why
        document["split_error"] = str(error)
    return document


def _print(document: dict[str, Any]) -> None:
    from aiakit.report.grid import Grid, figure, print_grid, say
    from aiakit.report.terminal import stdout

    out = stdout()
    size, dimensions = document["image_size"], document["dimensions"]
    kind = f"images of {size}×{size} pixels" if size else f"embeddings of {dimensions} dimensions"
    pairs = f"{document['people_with_two_images']} with two or more images"
    people = f"{document['people']} people ({pairs})" if document["identified"] else "people who are not named"
    say(out, f"{document['dataset']}: {people}, {document['images']} {kind}", "bold")
    out.print()
    protected = document.get("protected", [document.get("attribute")])
    attributes = [
        [
            f"{name} *" if name in protected else name,
            ", ".join(f"{each} {count}" for each, count in counts.items()),
            figure(document["bayes_ceiling"].get(name)),
        ]
        for name, counts in document["attributes"].items()
    ]
    shown = "images of each class"
    print_grid(out, Grid("", ("attribute", shown, "Bayes ceiling"), attributes, (shown,)))
    if "splits" in document:
        splits = [[name, str(of["people"]), str(of["images"])] for name, of in document["splits"].items()]
        print_grid(out, Grid(f"split by * {', '.join(protected)}", ("split", "people", "images"), splits))
    for note in [*document["notes"], *([document["split_error"]] if "split_error" in document else [])]:
        say(out, f"note: {note}")
    for key in ("cache", "contact_sheet", "faces"):
        if key in document:
            out.print(f"{key.replace('_', ' ')}: {document[key]}", markup=False, highlight=False, soft_wrap=True)


command = data
