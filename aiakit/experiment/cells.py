"""What each kind of cell computes: a function of the store and the cell's inputs, and of nothing else."""

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

from aiakit import registry
from aiakit.contracts import (
    Attack,
    Context,
    Defense,
    Embeddings,
    Evidence,
    Faces,
    IntArray,
    Release,
    State,
    batches,
    no_progress,
)
from aiakit.data.dataset import LoadSettings
from aiakit.data.faceset import FaceSet
from aiakit.data.rows import RowView
from aiakit.data.splits import Fractions, Split, require_pairs, split_people
from aiakit.errors import PluginError
from aiakit.experiment.protocol import PROTOCOLS, Protocol
from aiakit.pairs import sample_pairs
from aiakit.sources import source_digest
from aiakit.store import Cell, Draft, Store, digest_of
from aiakit.verification import SiameseVerifier

RELEASE_BATCH = 256
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Runtime:
    """Where cells run: how many threads, where pixel caches are, whom progress is reported to."""

    cache: Path
    threads: int = 1
    report: Report = no_progress


def execute(store: Store, inputs: Mapping[str, Any], runtime: Runtime) -> None:
    """Compute a cell and write it to the store, unless it is there already.

    Raises whatever aiakit's own errors say; a plugin's exceptions as PluginError.
    """
    digest = digest_of(inputs)
    if store.has(digest):
        return
    started = time.perf_counter()
    with store.draft(digest, inputs) as draft:
        COMPUTE[inputs["kind"]](store, inputs, draft, runtime)
        draft.seconds = time.perf_counter() - started


@lru_cache(maxsize=1)
def _faces(name: str, params: str, image_size: int, strict: bool, cache: Path, threads: int) -> FaceSet:
    dataset = registry.make("dataset", name, json.loads(params))
    loaded: FaceSet = dataset.load(LoadSettings(image_size, cache, threads, strict))
    return loaded


def load_faces(spec: Mapping[str, Any], runtime: Runtime) -> FaceSet:
    """The data set of a protocol cell; kept in memory (as a map) for the next cell of this process."""
    return _faces(
        spec["name"],
        json.dumps(spec["params"], sort_keys=True),
        spec["image_size"],
        spec["strict"],
        runtime.cache,
        runtime.threads,
    )


def _protocol(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Who is in which split, their labels, and the verification pairs: all that scores are judged by."""
    faces = load_faces(inputs["dataset"], runtime)
    attribute = faces.attributes[inputs["attribute"]]
    spec = dict(inputs["split"])
    seed = spec.pop("seed")
    split = split_people(faces, inputs["attribute"], seed, Fractions(**spec))
    tensors: dict[str, NDArray[Any]] = {f"rows.{name}": rows for name, rows in split.rows.items()}
    tensors |= {"identity": faces.identity, "labels": attribute.values}
    if inputs["pairs"] is not None:
        require_pairs(faces, split)
        tensors |= _all_pairs(faces, attribute.values, split, inputs["pairs"], seed)
    draft.save("protocol", tensors)
    draft.result = {
        "dataset": faces.name,
        "attribute": inputs["attribute"],
        "classes": list(attribute.classes),
        "people": sum(split.people.values()),
        "images": sum(len(rows) for rows in split.rows.values()),
        "splits": {name: dict(counts) for name, counts in split.summary().items()},
        "bayes_ceiling": faces.bayes_ceiling.get(inputs["attribute"]),
        "notes": [*faces.notes, *split.notes],
    }


def _all_pairs(
    faces: FaceSet, labels: IntArray, split: Split, spec: Mapping[str, int], seed: int
) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {}
    for part in ("attacker-val", "test"):
        rows = split.rows[part]
        for number, protocol in enumerate(PROTOCOLS):
            pairs = sample_pairs(
                faces.identity[rows],
                np.random.default_rng([seed, len(part), number]),
                genuine=spec["genuine"],
                impostor=spec["impostor"],
                attribute=labels[rows],
                same_attribute=protocol == "same_attribute",
            )
            tensors |= _pair_tensors(f"pairs.{part}.{protocol}", rows[pairs.left], rows[pairs.right], pairs.same)
    if faces.pairs is not None:
        # The defense and the verifier have seen the others: only pairs of two test people are left to judge by.
        unseen = np.isin(faces.pairs.left, split.rows["test"]) & np.isin(faces.pairs.right, split.rows["test"])
        official = faces.pairs
        tensors |= _pair_tensors(
            "pairs.official", official.left[unseen], official.right[unseen], official.same[unseen]
        ) | {"pairs.official.fold": official.fold[unseen]}
    return tensors


def _pair_tensors(prefix: str, left: IntArray, right: IntArray, same: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {f"{prefix}.left": left, f"{prefix}.right": right, f"{prefix}.same": same}


def _context(store: Store, inputs: Mapping[str, Any], runtime: Runtime) -> Context:
    def remember(name: str, parameters: Mapping[str, Any], compute: Callable[[], State]) -> State:
        """Pieces that several defenses start from (a pre-trained autoencoder) are cells of their own."""
        piece = {
            "kind": "piece",
            "name": name,
            "parameters": dict(parameters),
            **{key: inputs[key] for key in ("protocol", "framework", "libraries", "seed", "device", "precision")},
            "code": source_digest([compute.__module__]),
        }
        digest = digest_of(piece)
        if not store.has(digest):
            started = time.perf_counter()
            with store.draft(digest, piece) as draft:
                draft.save("state", compute())
                draft.seconds = time.perf_counter() - started
        return store.read(digest).tensors("state")

    return Context(
        seed=inputs["seed"],
        device=inputs["device"],
        precision=inputs["precision"],
        threads=runtime.threads,
        report=runtime.report,
        memo=remember,
    )


def _release(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Train a defense on the defender's people and release every image of the data set."""
    protocol = Protocol.read(store, inputs["protocol"])
    spec = inputs["defense"]
    entry = registry.entry("defense", spec["name"])
    defense = registry.make("defense", spec["name"], spec["params"])
    ctx = _context(store, inputs, runtime)
    rows = [protocol.rows(f"defender-{part}") for part in ("train", "val")]
    source = _source(store, inputs, protocol, runtime)
    if isinstance(defense, Defense):
        samples: list[Any] = [_faces_of(source, protocol, chosen) for chosen in rows]
    else:
        samples = [_embeddings_of(source, protocol, chosen) for chosen in rows]
    started = time.perf_counter()
    with registry.guard(entry):
        defense.fit(*samples, ctx)
        draft.save("state", defense.state_dict())
    fitted = time.perf_counter()
    _publish(defense, entry, source, protocol, draft, ctx)
    draft.result |= {"fit_seconds": fitted - started, "release_seconds": time.perf_counter() - fitted}


def _source(store: Store, inputs: Mapping[str, Any], protocol: Protocol, runtime: Runtime) -> NDArray[Any]:
    """What the defense transforms: the images, or the embedding that the stage before it released."""
    if inputs["base"] is None:
        return load_faces(protocol.cell.inputs["dataset"], runtime).images
    return store.read(inputs["base"]).tensors("release")["embedding"]


def _faces_of(images: NDArray[Any], protocol: Protocol, rows: IntArray) -> Faces:
    view: Any = RowView(images, rows)
    return Faces(view, protocol.labels(rows), protocol.identity(rows), protocol.classes)


def _embeddings_of(embedding: NDArray[Any], protocol: Protocol, rows: IntArray) -> Embeddings:
    return Embeddings(embedding[rows], protocol.labels(rows), protocol.identity(rows), protocol.classes)


def _publish(
    defense: Any, entry: registry.Entry, source: NDArray[Any], protocol: Protocol, draft: Draft, ctx: Context
) -> None:
    """Release in batches into tensors of the whole data set, with the in-loop attacker's claim where there is one."""
    maps: dict[str, NDArray[Any]] = {}
    classes = len(protocol.classes)
    for rows in ctx.track(list(batches(len(source), RELEASE_BATCH)), "release"):
        with registry.guard(entry):
            release = defense.release(np.asarray(source[rows]), ctx.rng("release", rows.start))
            claim = defense.claim(release)
        if not isinstance(release, Release) or len(release) != rows.stop - rows.start:
            raise PluginError(f"{entry}: release() must return a Release of {rows.stop - rows.start} samples")
        parts = {"embedding": release.embedding, "image": release.pixels}
        if claim is not None:
            parts["claim"] = check_proba(claim, len(release), classes, entry).astype(np.float32)
        present = {name: part for name, part in parts.items() if part is not None}
        if not maps:
            maps = draft.create(
                "release", {name: (part.dtype, (len(source), *part.shape[1:])) for name, part in present.items()}
            )
        if present.keys() != maps.keys() or any(part.shape[1:] != maps[n].shape[1:] for n, part in present.items()):
            raise PluginError(f"{entry}: release() returned views or shapes that change from batch to batch")
        for name, part in present.items():
            maps[name][rows] = part
    draft.result = {"views": {name: list(part.shape[1:]) for name, part in maps.items()}}


def check_proba(proba: Any, count: int, classes: int, entry: registry.Entry) -> NDArray[np.float64]:
    """The probabilities as float64. Raises PluginError unless they are (count, classes) and rows sum to 1."""
    array = np.asarray(proba, dtype=np.float64)
    if array.shape != (count, classes):
        raise PluginError(f"{entry}: probabilities have shape {array.shape}, expected {(count, classes)}")
    if not np.isfinite(array).all() or (array < -1e-6).any() or np.abs(array.sum(1) - 1).max(initial=0) > 1e-3:
        raise PluginError(f"{entry}: probabilities must be finite, non-negative, and sum to 1 in every row")
    return array


def release_of(cell: Cell, view: str, rows: IntArray) -> Release:
    """One view of some samples of a release cell, in memory."""
    chosen = np.asarray(cell.tensors("release")[view][rows])
    return Release(**{view: chosen})


def _attack(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Train an attack on attacker-train of one release and score attacker-val and test of another (or the same)."""
    protocol = Protocol.read(store, inputs["protocol"])
    spec = inputs["attack"]
    entry = registry.entry("attack", spec["name"])
    attack: Attack = registry.make("attack", spec["name"], spec["params"])
    trained_on, applied_to = store.read(inputs["trained_on"]), store.read(inputs["applied_to"])
    ctx = _context(store, inputs, runtime)
    train, val = (
        Evidence(
            release_of(trained_on, attack.view, rows), protocol.labels(rows), protocol.identity(rows), protocol.classes
        )
        for rows in (protocol.rows("attacker-train"), protocol.rows("attacker-val"))
    )
    scores = {}
    with registry.guard(entry):
        attack.fit(train, val, ctx)
        for name, split in (("val", "attacker-val"), ("test", "test")):
            release = release_of(applied_to, attack.view, protocol.rows(split))
            scores[name] = check_proba(attack.predict_proba(release), len(release), len(protocol.classes), entry)
    draft.save("scores", scores)


def _utility(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Train the Siamese verifier on people outside attacker-val and test; score the stored pairs."""
    protocol = Protocol.read(store, inputs["protocol"])
    cell = store.read(inputs["release"])
    view = "embedding" if "embedding" in cell.result["views"] else "image"
    ctx = _context(store, inputs, runtime)
    train, val = protocol.rows("defender-train", "attacker-train"), protocol.rows("attacker-val")
    val_pairs = protocol.pairs("attacker-val.random", val)
    assert val_pairs is not None
    verifier = SiameseVerifier().fit(
        release_of(cell, view, train), protocol.identity(train), release_of(cell, view, val), val_pairs, ctx
    )
    scores: dict[str, NDArray[Any]] = {}
    for split in ("attacker-val", "test"):
        rows = protocol.rows(split)
        points = verifier.transform(release_of(cell, view, rows))
        names = [f"{split}.{name}" for name in PROTOCOLS] + (["official"] if split == "test" else [])
        for name in names:
            pairs = protocol.pairs(name, rows)
            if pairs is not None:
                scores[name] = verifier.scores(points, pairs)
    draft.save("scores", scores)
    draft.result = {"view": view}


COMPUTE: dict[str, Callable[[Store, Mapping[str, Any], Draft, Runtime], None]] = {
    "protocol": _protocol,
    "release": _release,
    "attack": _attack,
    "utility": _utility,
}
