"""Apply a trained defense to new photographs."""

from __future__ import annotations

import csv
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiakit.contracts import PixelArray, Release, batches
from aiakit.datasets.alignment import Aligning, Alignment
from aiakit.datasets.crops import crop_doubts
from aiakit.datasets.pixels import read_photograph
from aiakit.errors import InputError
from aiakit.experiment.config import Chain, label_of
from aiakit.experiment.plan import CellSpec, Plan, make_plan
from aiakit.experiment.releasing import release_through
from aiakit.experiment.run import Run
from aiakit.plugins import registry
from aiakit.plugins.functions import require_trusted
from aiakit.storage import tensorfile
from aiakit.storage.documents import writing

BATCH = 64


@dataclass(frozen=True)
class Inputs:
    """N things to be protected. values : uint8 (N, H, W, 3) images, or float32 (N, D). names : what each is called.

    notes : what speaks against photographs being crops of a face.
    """

    values: NDArray[Any]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def choose_chain(run: Run, name: str | None) -> Chain:
    """The defense of a run that is meant: the named one, or the only one besides the reference.

    Raises InputError where the name is not there, or none is given and there are several.
    """
    if name is None:
        labels = [label_of(chain) for chain in run.config.defenses]
        candidates = [label for label in labels if label != run.config.reference] or labels
        if len(candidates) > 1:
            raise InputError(f"{run.folder} has several defenses: choose one with --defense {'|'.join(candidates)}")
        name = candidates[0]
    return run.chain(name)


def trained_stages(run: Run, chain: Chain, seed: int | None = None) -> list[tuple[registry.Entry, Any]]:
    """The chain's defenses with the state that they were trained to, and their registry entries."""
    plan, store = make_plan(run.config), run.store
    cells = stage_cells(plan, label_of(chain), run.seed(seed))
    stages = []
    for stage, spec in zip(chain, cells, strict=True):
        entry = stage.registered()
        if entry.built_in and entry.of_others:
            require_trusted(str(stage.params.get("function")))
        state = store.read(spec.digest).tensors("state")
        defense: Any = registry.make(stage.plugin_kind, stage.name, stage.params)
        with registry.guard(entry):
            stages.append((entry, defense.load_state_dict(state)))
    return stages


def stage_cells(plan: Plan, label: str, seed: int) -> list[CellSpec]:
    """The cells of a chain's stages, in order."""
    cells = [plan.releases[label, seed]]
    while cells[0].inputs["base"] is not None:
        cells.insert(0, plan.stages[cells[0].inputs["base"]])
    return cells


def released(
    stages: Sequence[tuple[registry.Entry, Any]], values: NDArray[Any], names: tuple[str, ...], noise_seed: int | None
) -> list[Release]:
    """What the stages release of the values, in batches. noise_seed : None draws from the operating system's."""
    rng = np.random.default_rng(secrets.randbits(128) if noise_seed is None else noise_seed)
    return [release_through(stages, values[rows], names[rows], rng) for rows in batches(len(values), BATCH)]


def read_for(run: Run, path: Path) -> PixelArray:
    """A photograph, uint8 (H, W, 3), prepared as the run's data set prepares its own. Raises InputError."""
    run.config.require_images()
    spec = run.config.dataset
    alignment = _alignment_of(run)
    if alignment is not None:
        return alignment.read(path, spec.image_size)
    return read_photograph(path, spec.image_size, spec.loader)


def doubts_of(run: Run, paths: Sequence[Path], images: PixelArray) -> list[str]:
    """What speaks against photographs being crops of a face, where none was sought in them: see ``crop_doubts``."""
    return [] if _alignment_of(run) is not None else crop_doubts(paths, images, run.config.dataset.loader)


def _alignment_of(run: Run) -> Alignment | None:
    """How the run's data set seeks faces, if it does. Raises InputError where the detector is not installed."""
    spec = run.config.dataset
    if not issubclass(spec.loader, Aligning):
        return None
    dataset = registry.make("dataset", spec.name, spec.params)
    assert isinstance(dataset, Aligning)
    alignment = dataset.alignment()
    if alignment is not None:
        alignment.require(f"{spec.name}.align")
    return alignment


def protect(
    run: Run, chain: Chain, inputs: Inputs, out: Path, seed: int | None = None, noise_seed: int | None = None
) -> list[Path]:
    """Release what is given into a new folder and return the files written.

    The folder gets ``embedding.safetensors`` (N, D), one PNG a picture, and ``index.csv`` that says which row and
    picture belong to what; the views that the defense does not release are left out. The folder appears when all is
    written. A stochastic defense draws from the operating system's randomness, since noise that can be guessed can be
    subtracted; ``noise_seed`` makes it repeatable instead.

    Raises InputError for a folder that exists.
    """
    if out.exists():
        raise InputError(f"{out} exists: name a new folder with -o")
    names = inputs.names
    parts = released(trained_stages(run, chain, seed), inputs.values, names, noise_seed)
    with writing(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        written = _write(parts, names, draft)
        draft.chmod(0o755)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [out / name for name in written]


def _write(parts: Sequence[Release], inputs: Sequence[str], folder: Path) -> list[str]:
    names = ["index.csv"]
    if parts[0].embedding is not None:
        names.append("embedding.safetensors")
        embedding = np.concatenate([part.embedding for part in parts if part.embedding is not None])
        tensorfile.save(folder / names[-1], {"embedding": embedding})
    pictures: list[str] = []
    if parts[0].pixels is not None:
        pixels = np.concatenate([part.pixels for part in parts if part.pixels is not None])
        width = len(str(len(inputs)))
        for row, (name, picture) in enumerate(zip(inputs, pixels, strict=True)):
            pictures.append(f"{row:0{width}d}-{Path(name).stem[:100]}.png")
            Image.fromarray(picture.transpose(1, 2, 0)).save(folder / pictures[-1])
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["row", "input", "picture"])
        for row, name in enumerate(inputs):
            table.writerow([row, name, pictures[row] if pictures else ""])
    return names + pictures
