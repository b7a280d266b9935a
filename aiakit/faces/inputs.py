"""What ``protect`` is given: photographs, folders of them, arrays of pictures or of embeddings, or stdin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.datasets.crops import SAMPLE
from aiakit.datasets.listing import EXTENSIONS, images_in, person_folders
from aiakit.datasets.samples import matrix
from aiakit.datasets.table import resized
from aiakit.errors import InputError
from aiakit.experiment.config import label_of
from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.faces.protect import Inputs, doubts_of, read_for, stage_cells
from aiakit.storage.embeddings import holds_rows, read_embeddings
from aiakit.storage.stdin import STDIN, file_on_stdin


def read_inputs(run: Run, paths: Sequence[str | Path]) -> list[Inputs]:
    """Everything that is named, prepared as the run's data set prepares its own.

    Photographs are read when their rows are asked for, tables now. paths : files, folders of photographs, or "-" for a
    file on stdin. Raises InputError for tables that cannot be read or do not fit the run, and folders without any.
    """
    assert run.config.dataset.plugin_kind == "dataset"  # an InputError of an audit, of which nothing is trained
    if not paths:
        raise InputError("nothing is named that could be protected")
    kinds = groupby(paths, key=lambda path: str(path) != STDIN and not holds_rows(Path(path)))
    return [
        part
        for shown, some in kinds
        for part in ([_photographs(run, _seen(run, some))] if shown else [_table(run, path) for path in some])
    ]


def prepare_array(run: Run, values: Any, what: str = "the array") -> NDArray[Any]:
    """An array as the run's defenses take it. Raises InputError for one of another kind or width."""
    array = np.asarray(values)
    if run.config.has_images:
        if array.ndim == 4 and array.shape[-1] != 3 and array.shape[1] == 3:
            array = array.transpose(0, 2, 3, 1)
        if array.ndim != 4 or array.dtype != np.uint8 or array.shape[-1] != 3:
            raise InputError(f"{what} must be uint8 pictures (N, H, W, 3), got {array.dtype} {array.shape}")
        return resized(array, run.config.dataset.image_size, [])
    checked = matrix(array, what)
    wanted = _dimensions(run)
    if checked.shape[1] != wanted:
        raise InputError(
            f"{what} has {checked.shape[1]} dimensions, and this run was trained on embeddings of {wanted}"
        )
    return checked


def _dimensions(run: Run) -> int:
    """Of the embeddings that the run was trained on."""
    chain, plan = run.config.defenses[0], make_plan(run.config)
    first = stage_cells(plan, label_of(chain), run.config.seeds[0])[0]
    dimensions: int = run.store.read(first.digest).result["views"]["embedding"][0]
    return dimensions


def _table(run: Run, path: str | Path) -> Inputs:
    """Rows of a file, or what is on stdin."""
    if str(path) == STDIN:
        return _from_stdin(run)
    path = Path(path)
    source = read_embeddings(path)
    values = prepare_array(run, source.values, str(path))
    keys = source.columns[source.key] if source.key else [f"{path}:{row}" for row in range(len(values))]
    return Inputs(tuple(keys), values.__getitem__)


_WANTED = (
    "this run protects embeddings, give a file of them (.npz, .npy, .safetensors, .parquet, .csv, .h5, .pt, .faiss)"
)


def _seen(run: Run, paths: Iterable[str | Path]) -> list[Path]:
    """The photographs that are named, or lie in folders that are."""
    found: list[Path] = []
    for path in map(Path, paths):
        if not run.config.has_images:
            raise InputError(f"{path} {'is a folder' if path.is_dir() else 'holds no embeddings'}: {_WANTED}")
        inside = [path]
        if path.is_dir():
            inside = [image for folder in (path, *person_folders(path)) for image in images_in(folder)]
        if not inside:
            raise InputError(f"{path} holds no photographs ({', '.join(EXTENSIONS)})")
        found += inside
    return found


def _photographs(run: Run, paths: Sequence[Path]) -> Inputs:
    def read(rows: slice) -> NDArray[Any]:
        return np.stack([read_for(run, path) for path in paths[rows]])

    looked_at = paths[:: math.ceil(len(paths) / SAMPLE)]
    doubts = doubts_of(run, looked_at, lambda: np.stack([read_for(run, path) for path in looked_at]))
    return Inputs(tuple(map(str, paths)), read, tuple(doubts))


def _from_stdin(run: Run) -> Inputs:
    with file_on_stdin() as path:
        if holds_rows(path):
            part = _table(run, path)
        else:
            part = _photographs(run, _seen(run, [path]))
            part = replace(part, read=part.read(slice(None)).__getitem__)  # its file goes
        return replace(part, names=tuple(name.replace(str(path), "stdin") for name in part.names))
