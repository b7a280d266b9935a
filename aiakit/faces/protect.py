"""Apply a trained defense to new photographs."""

from __future__ import annotations

import csv
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiakit.contracts import PixelArray, Release, batches, no_progress
from aiakit.datasets.alignment import Aligning, Alignment
from aiakit.datasets.crops import crop_doubts
from aiakit.datasets.pixels import read_photograph
from aiakit.errors import InputError
from aiakit.experiment.config import Chain, label_of
from aiakit.experiment.plan import CellSpec, Plan, make_plan
from aiakit.experiment.releasing import release_through
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Report
from aiakit.plugins import registry
from aiakit.plugins.functions import require_trusted
from aiakit.storage import tensorfile
from aiakit.storage.documents import writing

BATCH = 64
INDEX, EMBEDDING = "index.csv", "embedding.safetensors"


@dataclass(frozen=True)
class Inputs:
    """N things to be protected. names : what each is called. read : some rows → uint8 (n, H, W, 3) images, or float32
    (n, D).

    notes : what speaks against photographs being crops of a face.
    """

    names: tuple[str, ...]
    read: Callable[[slice], NDArray[Any]]
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


def drawing(noise_seed: int | None) -> np.random.Generator:
    """What noise is drawn by; None draws from the operating system's randomness."""
    return np.random.default_rng(secrets.randbits(128) if noise_seed is None else noise_seed)


def released(
    stages: Sequence[tuple[registry.Entry, Any]], values: NDArray[Any], names: tuple[str, ...], noise_seed: int | None
) -> list[Release]:
    """What the stages release of the values, in batches. noise_seed : as in ``drawing``."""
    rng = drawing(noise_seed)
    return [release_through(stages, values[rows], names[rows], rng) for rows in batches(len(values), BATCH)]


def read_for(run: Run, path: Path) -> PixelArray:
    """A photograph, uint8 (H, W, 3), prepared as the run's data set prepares its own. Raises InputError."""
    run.config.require_images()
    spec = run.config.dataset
    alignment = _alignment_of(run)
    if alignment is not None:
        return alignment.read(path, spec.image_size)
    return read_photograph(path, spec.image_size, spec.loader)


def doubts_of(run: Run, paths: Sequence[Path], images: Callable[[], PixelArray]) -> list[str]:
    """What speaks against photographs being crops of a face, where none is sought in them: see ``crop_doubts``.

    images : reads them, which is not asked for where faces are sought.
    """
    return [] if _alignment_of(run) is not None else crop_doubts(paths, images(), run.config.dataset.loader)


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
    run: Run,
    chain: Chain,
    given: Sequence[Inputs],
    out: Path,
    seed: int | None = None,
    noise_seed: int | None = None,
    report: Report = no_progress,
) -> list[Path]:
    """Release what is given, batch by batch, into a new folder and return the files written.

    The folder gets ``embedding.safetensors`` (N, D), one PNG a picture, and ``index.csv`` that says which row and
    picture belong to what; the views that the defense does not release are left out. The folder appears when all is
    written. A stochastic defense draws from the operating system's randomness, since noise that can be guessed can be
    subtracted; ``noise_seed`` makes it repeatable instead.

    report : told how far it is. Raises InputError for a folder that exists, and for what cannot be read.
    """
    if out.exists():
        raise InputError(f"{out} exists: name a new folder with -o")
    stages, rng = trained_stages(run, chain, seed), drawing(noise_seed)
    names = tuple(name for part in given for name in part.names)
    with writing(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        files = Released(draft, names)
        for part in given:
            for rows in batches(len(part.names), BATCH):
                report("releasing", len(files), len(names))
                files.add(release_through(stages, part.read(rows), part.names[rows], rng))
        written = files.finish()
        draft.chmod(0o755)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [out / name for name in written]


class Released:
    """The files of a release that is written as it is made. names : what each of its N rows was made of."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = names
        self._embedding: NDArray[Any] | None = None
        self._pictures: list[str] = []
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, part: Release) -> None:
        """Write the next rows."""
        with writing(self.folder):
            if part.embedding is not None:
                if self._embedding is None:
                    shape = (len(self.names), part.embedding.shape[1])
                    layout = {"embedding": (part.embedding.dtype, shape)}
                    self._embedding = tensorfile.create(self.folder / EMBEDDING, layout)["embedding"]
                self._embedding[self._rows : self._rows + len(part)] = part.embedding
            width = len(str(len(self.names)))
            for row, picture in enumerate(() if part.pixels is None else part.pixels, self._rows):
                self._pictures.append(f"{row:0{width}d}-{Path(self.names[row]).stem[:100]}.png")
                Image.fromarray(picture.transpose(1, 2, 0)).save(self.folder / self._pictures[-1])
        self._rows += len(part)

    def finish(self) -> list[str]:
        """Write the index, and return the names of all files."""
        with writing(self.folder), (self.folder / INDEX).open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["row", "input", "picture"])
            for row, name in enumerate(self.names):
                table.writerow([row, name, self._pictures[row] if self._pictures else ""])
        return [INDEX, *([] if self._embedding is None else [EMBEDDING]), *self._pictures]
