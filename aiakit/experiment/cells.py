"""What each kind of cell computes: a function of the store and the cell's inputs, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import FaceSet, IntArray
from aiakit.datasets.pairs import sample_pairs
from aiakit.datasets.splits import SPLITS, Fractions, Split, relabelled, require_pairs, split_people
from aiakit.experiment.probing import compute_attack
from aiakit.experiment.protocol import PROTOCOLS, Protocol
from aiakit.experiment.releasing import compute_release
from aiakit.experiment.runtime import Kinds, Runtime, context_of, load_faces, release_of
from aiakit.networks.verifier import SiameseVerifier
from aiakit.storage.store import Draft, Store


def compute_protocol(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
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


def compute_labels(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """A further attribute of the same people in the same splits, without the images of which it is not known."""
    protocol = Protocol.read(store, inputs["protocol"])
    faces = load_faces(protocol.cell.inputs["dataset"], runtime)
    name = inputs["attribute"]
    split = relabelled(faces, {part: protocol.rows(part) for part in SPLITS}, name)
    draft.save(
        "labels",
        {"labels": faces.attributes[name].values, **{f"rows.{part}": rows for part, rows in split.rows.items()}},
    )
    images = sum(len(rows) for rows in split.rows.values())
    unknown = protocol.facts["images"] - images
    draft.result = {
        "attribute": name,
        "classes": list(faces.attributes[name].classes),
        "people": sum(split.people.values()),
        "images": images,
        "splits": {part: dict(counts) for part, counts in split.summary().items()},
        "bayes_ceiling": faces.bayes_ceiling.get(name),
        "notes": [f"{unknown} images have no known {name} and are left out"] if unknown else [],
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


def compute_utility(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Train the Siamese verifier on people outside attacker-val and test; score the stored pairs."""
    protocol = Protocol.read(store, inputs["protocol"])
    cell = store.read(inputs["release"])
    view = "embedding" if "embedding" in cell.result["views"] else "image"
    ctx = context_of(store, inputs, runtime)
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


COMPUTE: Kinds = {
    "protocol": compute_protocol,
    "labels": compute_labels,
    "release": compute_release,
    "attack": compute_attack,
    "utility": compute_utility,
}
