"""What ``protect`` is given: photographs, folders of them, arrays of pictures or of embeddings, or stdin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def read_inputs(run: Run, paths: Sequence[str | Path]) -> Inputs:
    """Everything that is named, prepared as the run's data set prepares its own.

    paths : files, folders of photographs, or "-" for a file on stdin. Raises InputError for what cannot be read, or
    does not fit the run.
    """
    assert run.config.dataset.plugin_kind == "dataset"  # an InputError of an audit, of which nothing is trained
    if not paths:
        raise InputError("nothing is named that could be protected")
    found = [part for path in paths for part in _read(run, path)]
    shapes = {part.values.shape[1:] for part in found}
    if len(shapes) > 1:
        raise InputError(
            f"the files hold rows of different shapes ({', '.join(map(str, sorted(shapes)))}): give one kind"
        )
    values = np.concatenate([part.values for part in found])
    notes = dict.fromkeys(note for part in found for note in part.notes)
    return Inputs(values, tuple(name for part in found for name in part.names), tuple(notes))


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


def _read(run: Run, path: str | Path) -> Iterator[Inputs]:
    if str(path) == STDIN:
        yield from _from_stdin(run)
        return
    path = Path(path)
    if path.is_dir():
        if not run.config.has_images:
            raise InputError(f"{path} is a folder: {_WANTED}")
        inside = [image for folder in (path, *person_folders(path)) for image in images_in(folder)]
        if not inside:
            raise InputError(f"{path} holds no photographs ({', '.join(EXTENSIONS)})")
        yield _photographs(run, inside)
    elif holds_rows(path):
        source = read_embeddings(path)
        values = prepare_array(run, source.values, str(path))
        keys = source.columns[source.key] if source.key else [f"{path}:{row}" for row in range(len(values))]
        yield Inputs(values, tuple(keys))
    else:
        if not run.config.has_images:
            raise InputError(f"{path} holds no embeddings: {_WANTED}")
        yield _photographs(run, [path])


_WANTED = (
    "this run protects embeddings, give a file of them (.npz, .npy, .safetensors, .parquet, .csv, .h5, .pt, .faiss)"
)


def _photographs(run: Run, paths: Sequence[Path]) -> Inputs:
    values = np.stack([read_for(run, path) for path in paths])
    return Inputs(values, tuple(map(str, paths)), tuple(doubts_of(run, paths, values)))


def _from_stdin(run: Run) -> Iterator[Inputs]:
    with file_on_stdin() as path:
        for part in _read(run, path):
            yield replace(part, names=tuple(name.replace(str(path), "stdin") for name in part.names))
