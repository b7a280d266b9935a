"""A trained defense as one file that runs without aiakit, and does there what ``protect`` does here."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from aiakit import __version__
from aiakit.contracts import Encoder
from aiakit.errors import InputError
from aiakit.experiment.config import Chain, label_of
from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime, load_faces
from aiakit.faces.protect import BATCH, released, stage_cells, trained_stages
from aiakit.faces.serving import WRITERS
from aiakit.networks.serving import STANDARD, Noised, NoisedBall, Photographs, Single, for_service
from aiakit.plugins import registry
from aiakit.results.document import document_of_run
from aiakit.storage.cache import cache_folder
from aiakit.storage.documents import writing
from aiakit.storage.store import flush

ROWS = BATCH  # samples on which the file must agree: one batch of what protect releases
CLOSE = 1e-5  # of the largest value of an embedding, by which the file may differ
CHECKED = 0  # seed of the noise with which a file is compared
DRAW = "to be drawn anew for every sample from a source that nobody can guess: who knows it subtracts it"
LEVELS = 1  # of 255, by which a pixel may be rounded otherwise
Stages = Sequence[tuple[registry.Entry, Any]]


@dataclass(frozen=True)
class Exported:
    """What was written. takes, gives : names of its inputs and outputs. off : output → the largest difference from
    ``protect``, of an embedding's largest value or in levels of a picture. notes : what must be known of it.
    """

    path: Path
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    off: dict[str, float]
    notes: tuple[str, ...] = ()


def export(run: Run, chain: Chain, out: Path, style: str, seed: int | None = None) -> Exported:
    """Write a fitted defense, with its encoder where that can be written too, and try the file before it appears.

    style : "onnx", "torchscript", or "npz" for a release that is an affine map of an embedding.
    Raises InputError where the file exists, a step cannot be exported, a library or the run's data is missing, or the
    file does not release what ``protect`` does.
    """
    if out.exists():
        raise InputError(f"{out} exists: name a new file with -o")
    plan = make_plan(run.config)
    trained, cells = trained_stages(run, chain, seed), stage_cells(plan, label_of(chain), run.seed(seed))
    stages, values, notes = _from(run, trained, cells[0].digest, plan.protocol.inputs["dataset"])
    module, gives = _composed(stages)
    given = {"embedding" if values.ndim == 2 else "images": values}
    randomness = None
    if isinstance(module, Noised):
        # The one step that draws anything draws this first from the seed below.
        shape = (len(values), module.drawing.width)
        given["noise"] = STANDARD[module.drawing.standard](np.random.default_rng(CHECKED), shape).astype(np.float32)
        randomness = {"input": "noise", "distribution": module.drawing.standard, "shape": ["N", shape[1]], "draw": DRAW}
        notes.append(f"its input noise is {module.drawing.standard} of scale 1, {DRAW}")
    (release,) = released(stages, values, ("",) * len(values), CHECKED)
    expected = {"embedding": release.embedding, "image": release.pixels}
    provenance = {
        "aiakit": __version__,
        "release": label_of(chain),
        "steps": [{"name": entry.name, "params": stage.get_params()} for entry, stage in stages],
        "dataset": run.config.dataset.name,
        "seed": run.seed(seed),
        "cell": cells[-1].digest,
        "inputs": list(given),
        "outputs": list(gives),
        "randomness": randomness,
        "measured": _measured(run, label_of(chain)),
        "notes": list(notes),
    }
    writer = WRITERS[style]
    with writing(out.parent):
        handle, name = tempfile.mkstemp(prefix=f".{out.name}-", suffix=out.suffix, dir=out.parent)
        os.close(handle)
        draft = Path(name)
        try:
            writer.write(module, draft, {name: some[:3] for name, some in given.items()}, gives, json.dumps(provenance))
            found = dict(zip(gives, writer.run(draft, given), strict=True))
            off = {view: _off(found[view], expected[view]) for view in gives}
            if off.get("embedding", 0) > CLOSE or off.get("image", 0) > LEVELS:
                raise InputError(f"{style} cannot express {label_of(chain)} exactly: the file differs by {off}")
            draft.chmod(0o644)
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
        flush(out.parent)
    return Exported(out, tuple(given), gives, off, tuple(notes))


def _from(run: Run, stages: Stages, first: str, dataset: dict[str, Any]) -> tuple[Stages, NDArray[Any], list[str]]:
    """The steps that are written, some of what they take, and a note where that is an encoder's work.

    first : the digest of the first step's cell.
    """
    entry, step = stages[0]
    if isinstance(step, Encoder) and not hasattr(step, "module"):
        if len(stages) == 1:
            raise InputError(f"{entry.name} cannot be exported: it is no defense, and a file of its own")
        note = f"it takes embeddings of {entry.name}, which is not in it"
        return stages[1:], _some(run.store.read(first).tensors("release")["embedding"]), [note]
    faces = load_faces(dataset, Runtime(cache_folder()))
    return stages, _some(faces.images if faces.embedding is None else faces.embedding), []


def _some(values: NDArray[Any]) -> NDArray[Any]:
    """Rows from the whole of a data set."""
    return np.asarray(values[np.linspace(0, len(values) - 1, min(ROWS, len(values))).astype(int)])


def _composed(stages: Stages) -> tuple[nn.Module, tuple[str, ...]]:
    """The steps as one module, and what it returns. Raises InputError for a step that cannot be one."""
    modules: list[nn.Module] = []
    for entry, step in stages:
        if not hasattr(step, "module"):
            why = "it draws noise, which a service must draw anew" if getattr(step, "stochastic", False) else (
                "it has no module()")  # fmt: skip
            raise InputError(f"{entry.name} cannot be exported ({why}): aiakit protect applies it")
        with registry.guard(entry):
            modules.append(for_service(step.module()))
    last = modules[-1]
    if isinstance(last, Photographs):
        return last, ("embedding",) if last.decoder is None else ("embedding", "image")
    if isinstance(modules[0], Photographs):
        modules[0] = Photographs(modules[0].encoder, None)
    drawing = [place for place, module in enumerate(modules) if isinstance(module, NoisedBall)]
    if not drawing:
        return _in_turn(modules), ("embedding",)
    if len(drawing) > 1:
        raise InputError("two steps that draw noise cannot be exported as one file: export each from a run of its own")
    (place,) = drawing
    step = modules[place]
    assert isinstance(step, NoisedBall)
    return Noised(_in_turn(modules[:place]), step, _in_turn(modules[place + 1 :])).eval(), ("embedding",)


def _in_turn(modules: Sequence[nn.Module]) -> nn.Module:
    return nn.Sequential(*(each if isinstance(each, Photographs) else Single(each) for each in modules)).eval()


def _off(found: NDArray[Any], expected: NDArray[Any] | None) -> float:
    """The largest difference: of the largest value of an embedding, in levels of a picture."""
    assert expected is not None
    if found.shape != expected.shape:
        raise InputError(f"the file gives {found.shape} where protect releases {expected.shape}")
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
    scale = 1.0 if expected.dtype == np.uint8 else float(np.abs(expected).max()) or 1.0
    return float(difference) / scale


def _measured(run: Run, label: str) -> dict[str, Any] | None:
    """What the run measured of the release; None where it has no result."""
    row = next((row for row in document_of_run(run)["rows"] if row["release"] == label), None)
    if row is None or row["strongest"] is None:
        return None
    keys = ("attack", "balanced_accuracy", "ci95")
    utility = {kind: found["accuracy"] for kind, found in row["utility"].items() if "accuracy" in found}
    return {"strongest": {key: row["strongest"][key] for key in keys}, "level": row["level"],
            "verdict": row["verdict"], "utility": utility}  # fmt: skip
