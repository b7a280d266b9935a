"""The cell of queries: what a fitted defense releases for rows or pictures that an attacker makes up.

An attacker who may ask the defense learns from as many releases as he likes. He makes them up from what he has, so that
their labels are known: of embeddings, rows moved by a part of the difference between two rows of somebody; of pictures,
mirrored, shifted, cropped and lit otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, batches
from aiakit.datasets.splits import DEFENDERS
from aiakit.experiment import apart
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.releasing import RELEASE_BATCH, release_through, sources_of
from aiakit.experiment.runtime import Runtime, context_of
from aiakit.plugins import registry
from aiakit.storage.store import Draft, Store

COPIES = 2  # of each sample that the attacker has
LARGEST_SHIFT = 0.08  # of a side
LEAST_KEPT = 0.85  # of a side, by a crop
GAIN = (0.75, 1.3)  # of light
SHADE = 20.0  # grey values


def compute_queries(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Make up samples for all whom attackers learn from, and release them through the stages of a fitted chain."""
    protocol, ctx = Protocol.read(store, inputs["protocol"]), context_of(store, inputs, runtime)
    stages = []
    for digest in inputs["stages"]:
        cell = store.read(digest)
        spec = cell.inputs["defense"]
        entry = registry.entry(spec["kind"], spec["name"])
        stage = apart.make(spec["kind"], spec["name"], spec["params"], store.folder)
        state = cell.tensors("state")
        with registry.guard(entry):
            stages.append((entry, stage.load_state_dict(state)))
    parts = [rows for rows in known_apart(protocol) if len(rows)]
    (source,), _ = sources_of(store, inputs, protocol, runtime)
    made: dict[str, list[NDArray[Any]]] = {"of": []}
    for number, rows in enumerate(parts):
        rng, of = ctx.rng("queries", number), np.repeat(rows, COPIES)
        donors = _differences(protocol.identity(rows), rows)
        for place in batches(len(of), RELEASE_BATCH):
            samples = np.asarray(source[of[place]])
            changed = _moved(samples, source, donors, rng) if samples.ndim == 2 else _pictures(samples, rng)
            release = release_through(stages, changed, (), ctx.rng("release", number, place.start))
            views = {"embedding": release.embedding, "image": release.pixels}
            for name, part in views.items():
                if part is not None:
                    made.setdefault(name, []).append(part)
        made["of"].append(of)
    tensors = {name: np.concatenate(found) for name, found in made.items()}
    draft.save("queries", tensors)
    draft.result = {"queries": len(tensors["of"])}


def known_apart(protocol: Protocol) -> list[IntArray]:
    """The images of people whom an attacker may know; each part is made up of what he has where he knows that part."""
    attacker = protocol.folds or [protocol.rows("attacker-train")]
    return [*attacker, protocol.rows(*DEFENDERS)]


def _differences(identity: IntArray, rows: IntArray) -> IntArray:
    """(M, 2) rows of one person, neighbours of M people's images; people with one image give none."""
    order = np.argsort(identity, kind="stable")
    same = identity[order][1:] == identity[order][:-1]
    return np.stack([rows[order][:-1][same], rows[order][1:][same]], axis=1)


def _moved(
    samples: NDArray[Any], source: NDArray[Any], donors: IntArray, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(N, D) rows, each moved by a part of the difference between two rows of somebody, as far as anybody has two."""
    if not len(donors):
        return np.asarray(samples, np.float32)
    left, right = donors[rng.integers(0, len(donors), len(samples))].T
    part = rng.uniform(-1, 1, (len(samples), 1))  # either way
    return np.asarray(samples + part * (source[left] - source[right]), np.float32)


def _pictures(pictures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 (N, H, W, 3) pictures, each mirrored or not, cropped, shifted and lit at random."""
    return np.stack([_picture(picture, rng) for picture in pictures])


def _picture(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    side = picture.shape[0]
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    kept = rng.uniform(LEAST_KEPT, 1)
    start = (1 - kept) * side * rng.random(2) + side * LARGEST_SHIFT * rng.uniform(-1, 1, 2)
    places = [np.clip(np.rint(low + np.arange(side) * kept), 0, side - 1).astype(int) for low in start]
    moved = picture[places[0]][:, places[1]]
    lit = moved * rng.uniform(*GAIN) + rng.uniform(-SHADE, SHADE)
    seen: NDArray[np.uint8] = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    return seen
