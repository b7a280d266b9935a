"""What a run would take, before anything is computed: its cells by release, seconds, and bytes on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiakit.experiment.cellspec import CellSpec
from aiakit.experiment.engine import Engine
from aiakit.experiment.remaining import Remaining, Sizes
from aiakit.plugins import registry
from aiakit.plugins.costs import conditions
from aiakit.storage.store import Store

SCHEMA = 1
WIDTH = 128  # of an embedding, where nobody says how wide it is
STATE = 4 * 2**20  # bytes of what a defense has learned
NUMBER = 8  # bytes


def outlook(
    folder: Path,
    cells: Sequence[CellSpec],
    engine: Engine,
    splits: Mapping[Any, Mapping[str, int]],
    side: int,
    curves: int = 0,
) -> dict[str, Any]:
    """The document of ``--dry-run``; nothing is written.

    folder : where the run is or would be, whose finished cells are counted. splits : name → {"people", "images"}.
    side : of a picture in pixels. curves : how many cells of learning curves come on top; which attacks they are of,
    and so how long they take, follows from scores.
    """
    protocol = next((cell for cell in cells if cell.kind == "protocol"), None)
    folds = 1 if protocol is None else protocol.inputs["split"].get("folds", 1)
    store, sizes = Store(folder), Sizes.of(splits, side, folds)
    todo = [cell for cell in cells if store.seconds(cell.digest) is None]
    remaining = Remaining(store, cells, todo, engine.takes, engine.lanes, sizes)
    seconds = remaining.left() or 0.0
    work = remaining.work()
    releases: dict[str, dict[str, Any]] = {}
    for cell in cells:
        row = releases.setdefault(cell.release, {"release": cell.release, "cells": 0, "finished": 0, "seconds": 0.0})
        row["cells"] += 1
        row["finished"] += cell.digest not in work
        row["seconds"] += work.get(cell.digest, 0.0)
    place = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return {
        "schema": SCHEMA,
        "run": str(folder),
        "cells": len(cells),
        "finished": len(cells) - len(todo),
        "curves": curves,
        "seconds": round(seconds, 1),
        "measured": len(todo) < len(cells),
        "costs": conditions(),
        "bytes": sum(_bytes_of(cell, sizes) for cell in todo),
        "free_bytes": shutil.disk_usage(place).free,
        "releases": [{**row, "seconds": round(row["seconds"], 1)} for row in releases.values() if row["release"]],
    }


def _bytes_of(cell: CellSpec, sizes: Sizes) -> int:
    """What a cell is expected to leave on the disk."""
    if cell.kind == "release":
        stage = cell.inputs["defense"]
        views: Sequence[str] = stage["params"]["views"] if stage["kind"] == "file" else _views(stage)
        width = stage["params"].get("latent")
        each = {"embedding": 4 * (width if isinstance(width, int) else WIDTH), "image": 3 * sizes.side**2}
        draws = int(cell.inputs["draws"])
        return sizes.images * draws * sum(each[view] for view in views) + STATE
    if cell.kind == "attack":
        return sizes.scored * 2 * NUMBER
    if cell.kind in ("utility", "matches"):
        return 4 * 25_000 * NUMBER
    return sizes.images * 4 * NUMBER


def _views(stage: Mapping[str, Any]) -> Sequence[str]:
    return ("embedding",) if stage["kind"] == "encoder" else registry.load(stage["kind"], stage["name"]).produces
