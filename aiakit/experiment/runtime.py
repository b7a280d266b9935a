"""Where cells run, and what every kind of cell takes from there: the data set, the plugin's context, checked scores."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attack, Context, FaceSet, IntArray, LoadSettings, Release, State, no_progress
from aiakit.errors import InputError, PluginError
from aiakit.experiment.costs import peak_mib
from aiakit.experiment.threads import threads_of
from aiakit.measures.metrics import SMALLEST_RANK, from_log_proba, log_proba, probability_problem
from aiakit.plugins import registry
from aiakit.plugins.fingerprint import source_digest
from aiakit.storage.store import Cell, Draft, Store, json_digest

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Runtime:
    """Where cells run: how many threads read pictures, where pixel caches are, whom progress is reported to.

    No result depends on any of it. cell_seconds : how long a cell may take; None for as long as it does.
    """

    cache: Path
    threads: int = 1
    report: Report = no_progress
    cell_seconds: float | None = None


# What a piece that several defenses start from depends on, of the inputs of their cells.
PIECES_DEPEND_ON = ("protocol", "framework", "libraries", "seed", "device", "precision", "compiled", "threads")
# How each kind of cell is computed from the store and the cell's inputs.
Kinds = Mapping[str, Callable[[Store, Mapping[str, Any], Draft, Runtime], None]]


@lru_cache(maxsize=1)
def _faces(name: str, params: str, image_size: int, strict: bool, cache: Path, threads: int) -> FaceSet:
    dataset = registry.make("dataset", name, json.loads(params))
    loaded: FaceSet = dataset.load(LoadSettings(image_size, cache, threads, strict))
    return loaded


def load_faces(spec: Mapping[str, Any], runtime: Runtime) -> FaceSet:
    """The data set of a protocol cell; kept in memory (as a map) for the next cell of this process.

    Raises InputError where it is no longer what the run was planned for, or where nothing can be loaded since the
    releases were given as a file.
    """
    if spec["kind"] == "file":
        raise InputError(f"the data of {spec['name']} came from a file: give that file to aiakit audit again")
    faces = _faces(
        spec["name"],
        json.dumps(spec["params"], sort_keys=True),
        spec["image_size"],
        spec["strict"],
        runtime.cache,
        runtime.threads,
    )
    if faces.fingerprint != spec["data"]:
        raise InputError(f"the data of {spec['name']} changed since the run began: give another --name for a new run")
    return faces


def context_of(
    store: Store,
    inputs: Mapping[str, Any],
    runtime: Runtime,
    pieces: list[tuple[Cell, float]] | None = None,
    stranger: str = "",
) -> Context:
    """The context of a cell's plugin. pieces : takes the shared pieces that it uses, and the seconds spent on each.

    stranger : the fingerprint of a plugin that did not come with aiakit. It is given what others computed, and what
    it computes is given to itself alone.
    """

    def remember(name: str, parameters: Mapping[str, Any], compute: Callable[[], State]) -> State:
        """Pieces that several defenses start from (a pre-trained autoencoder) are cells of their own."""
        piece = {
            "kind": "piece",
            "name": name,
            "parameters": dict(parameters),
            **{key: inputs[key] for key in PIECES_DEPEND_ON if key in inputs},
            "code": source_digest([compute.__module__]),
        }
        started = time.perf_counter()
        digest = json_digest(piece)
        if stranger and not store.has(digest):
            piece["by"] = stranger
            digest = json_digest(piece)
        if not store.has(digest):
            with store.draft(digest, piece) as draft:
                draft.save("state", compute())
                draft.seconds = time.perf_counter() - started
                draft.result = {"peak_mib": peak_mib()}
        cell = store.read(digest)
        if pieces is not None:
            pieces.append((cell, time.perf_counter() - started))
        return cell.tensors("state")

    return Context(
        seed=inputs["seed"],
        device=inputs["device"],
        precision=inputs["precision"],
        compiled=inputs.get("compiled", False),
        threads=threads_of(inputs),
        report=runtime.report,
        memo=remember,
    )


def check_proba(proba: Any, count: int, classes: int, entry: registry.Entry) -> NDArray[np.float64]:
    """The probabilities as float64. Raises PluginError unless they are (count, classes) and rows sum to 1."""
    array = np.asarray(proba, dtype=np.float64)
    problem = probability_problem(array, count, classes)
    if problem:
        raise PluginError(f"{entry}: probabilities {problem}")
    return array


def ask(
    attack: Attack, entry: registry.Entry, release: Release, classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, K) probabilities by a fitted attack, and their logarithms. Raises PluginError for what are none.

    Those of an attack that says logarithms rank as finely as these.
    """
    with registry.guard(entry):
        told = attack.predict_log_proba(release)
        proba = attack.predict_proba(release) if told is None else None
    if told is None:
        checked = check_proba(proba, len(release), classes, entry)
        return checked, log_proba(checked)
    logs = np.asarray(told, dtype=np.float64)
    if logs.shape != (len(release), classes) or not np.isfinite(logs).all():
        raise PluginError(f"{entry}: predict_log_proba() must be finite floats (N, K) = ({len(release)}, {classes})")
    probabilities = from_log_proba(logs)
    return probabilities, log_proba(probabilities, SMALLEST_RANK)


def name_of_draw(view: str, draw: int) -> str:
    """The tensor that holds a view's numbered draw: "embedding", then "embedding.1" and so on."""
    return view if draw == 0 else f"{view}.{draw}"


def draws_of(cell: Cell, view: str) -> list[int]:
    """The draws of a view that a release cell holds: of the claim the first alone."""
    stored = cell.tensors("release")
    return [draw for draw in range(cell.result["draws"]) if name_of_draw(view, draw) in stored]


BESIDE = ("claim", "inverted")  # stored with a release and no part of what is published


def published(stored: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Of the tensors of a release cell those that whoever holds the release has."""
    return {name: part for name, part in stored.items() if name.partition(".")[0] not in BESIDE}


def release_of(cell: Cell, view: str, rows: IntArray, draw: int = 0) -> Release:
    """One view of some samples of a release cell: a copy, that leads to no other sample."""
    return Release(**{view: np.take(np.asarray(cell.tensors("release")[name_of_draw(view, draw)]), rows, axis=0)})
