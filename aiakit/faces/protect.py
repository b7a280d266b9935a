"""Apply a trained defense to new photographs."""

from __future__ import annotations

import csv
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aiakit.contracts import PixelArray, Release, batches
from aiakit.datasets.pixels import read_photograph
from aiakit.errors import InputError
from aiakit.experiment.config import Chain, label_of
from aiakit.experiment.plan import make_plan
from aiakit.experiment.releasing import release_by
from aiakit.experiment.run import Run
from aiakit.plugins import registry
from aiakit.storage import tensorfile

BATCH = 64


def choose_chain(run: Run, name: str | None) -> Chain:
    """The defense of a run that is meant: the named one, or the only one besides the reference.

    Raises InputError where the name is not there, or none is given and there are several.
    """
    chains = {label_of(chain): chain for chain in run.config.defenses}
    if name is None:
        candidates = [label for label in chains if label != run.config.reference] or list(chains)
        if len(candidates) > 1:
            raise InputError(f"{run.folder} has several defenses: choose one with --defense {'|'.join(candidates)}")
        name = candidates[0]
    if name not in chains:
        raise InputError(f"{run.folder} has no defense {name!r}, only {', '.join(chains)}")
    return chains[name]


def trained_stages(run: Run, chain: Chain, seed: int | None = None) -> list[tuple[registry.Entry, Any]]:
    """The chain's defenses with the state that they were trained to, and their registry entries."""
    seed = run.config.seeds[0] if seed is None else seed
    if seed not in run.config.seeds:
        raise InputError(f"{run.folder} has no seed {seed}, only {', '.join(map(str, run.config.seeds))}")
    plan, store = make_plan(run.config), run.store
    cells = [plan.releases[label_of(chain), seed]]
    while cells[0].inputs["base"] is not None:
        cells.insert(0, plan.stages[cells[0].inputs["base"]])
    stages = []
    for stage, spec in zip(chain, cells, strict=True):
        entry = registry.entry(stage.plugin_kind, stage.name)
        state = store.read(spec.digest).tensors("state")
        defense = registry.make(stage.plugin_kind, stage.name, stage.params)
        with registry.guard(entry):
            stages.append((entry, defense.load_state_dict(state)))
    return stages


def read_for(run: Run, path: Path) -> PixelArray:
    """A photograph, uint8 (H, W, 3), prepared as the run's data set prepares its own. Raises InputError."""
    dataset = run.config.dataset.loader
    return read_photograph(path, run.config.dataset.image_size, dataset)


def apply(
    stages: Sequence[tuple[registry.Entry, Any]], images: PixelArray, files: tuple[str, ...], rng: np.random.Generator
) -> Release:
    """The release of uint8 (N, H, W, 3) images by the stages in turn."""
    release: Release | None = None
    for entry, stage in stages:
        source = images if release is None else release.embedding
        assert source is not None
        with registry.guard(entry):
            release = release_by(stage, source, files, rng)
    assert release is not None
    return release


def protect(
    run: Run, chain: Chain, paths: Sequence[Path], out: Path, seed: int | None = None, noise_seed: int | None = None
) -> list[Path]:
    """Release photographs into a new folder and return the files written.

    The folder gets ``embedding.safetensors`` (N, D), one PNG a photograph, and ``index.csv`` that says which row and
    picture belong to which photograph; the views that the defense does not release are left out. The folder appears
    when all is written. A stochastic defense draws from the operating system's randomness, since noise that can be
    guessed can be subtracted; ``noise_seed`` makes it repeatable instead.

    Raises InputError for unreadable photographs or a folder that exists.
    """
    if out.exists():
        raise InputError(f"{out} exists: name a new folder with -o")
    if not paths:
        raise InputError("no photograph is named")
    stages = trained_stages(run, chain, seed)
    images = np.stack([read_for(run, path) for path in paths])
    rng = np.random.default_rng(secrets.randbits(128) if noise_seed is None else noise_seed)
    files = tuple(path.name for path in paths)
    parts = [apply(stages, images[rows], files[rows], rng) for rows in batches(len(images), BATCH)]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise InputError(f"{out.parent} cannot be written to ({error.strerror}): name another folder with -o") from None
    try:
        names = _write(parts, paths, draft)
        draft.chmod(0o755)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [out / name for name in names]


def _write(parts: Sequence[Release], paths: Sequence[Path], folder: Path) -> list[str]:
    names = ["index.csv"]
    if parts[0].embedding is not None:
        names.append("embedding.safetensors")
        embedding = np.concatenate([part.embedding for part in parts if part.embedding is not None])
        tensorfile.save(folder / names[-1], {"embedding": embedding})
    pictures: list[str] = []
    if parts[0].pixels is not None:
        pixels = np.concatenate([part.pixels for part in parts if part.pixels is not None])
        width = len(str(len(paths)))
        for row, (path, picture) in enumerate(zip(paths, pixels, strict=True)):
            pictures.append(f"{row:0{width}d}-{path.stem[:100]}.png")
            Image.fromarray(picture.transpose(1, 2, 0)).save(folder / pictures[-1])
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["row", "photograph", "picture"])
        for row, path in enumerate(paths):
            table.writerow([row, str(path), pictures[row] if pictures else ""])
    return names + pictures
