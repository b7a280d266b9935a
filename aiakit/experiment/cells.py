"""What each kind of cell computes: a function of the store and the cell's inputs, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, FaceSet
from aiakit.datasets.duplicates import shared_with_test
from aiakit.datasets.joint import Joint, dealt
from aiakit.datasets.splits import SPLITS, Fractions, Split, relabelled, require_pairs
from aiakit.experiment.config import PairsSpec
from aiakit.experiment.inverting import compute_inversion
from aiakit.experiment.linking import compute_linker
from aiakit.experiment.matching import compute_matches
from aiakit.experiment.points import Points, save_scores
from aiakit.experiment.probing import compute_attack
from aiakit.experiment.protocol import JUDGED, Protocol, drawn_pairs, official_pairs
from aiakit.experiment.querying import compute_queries
from aiakit.experiment.regressing import compute_numbers, compute_regression
from aiakit.experiment.releasing import compute_release
from aiakit.experiment.runtime import Kinds, Runtime, context_of, load_faces, release_of
from aiakit.measures.similarity import FORMULAS
from aiakit.networks.verifier import SiameseVerifier
from aiakit.storage.store import Cell, Draft, Store


def compute_protocol(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Who is in which split, their labels, and the verification pairs: all that scores are judged by."""
    faces = load_faces(inputs["dataset"], runtime)
    attribute = faces.attributes[inputs["attribute"]]
    protected = inputs.get("protected", [inputs["attribute"]])
    spec = dict(inputs["split"])
    seed, folds = spec.pop("seed"), spec.pop("folds", 1)
    split = dealt(faces, protected, seed, Fractions(**spec), folds)
    tensors: dict[str, NDArray[Any]] = {f"rows.{name}": rows for name, rows in split.rows.items()}
    tensors |= {} if split.folds is None else {"folds": split.folds}
    tensors |= {"identity": faces.identity, "labels": attribute.values}
    joint = Joint.of([faces.attributes[name] for name in protected])
    if len(protected) > 1:
        tensors |= {"joint.labels": joint.attribute.values, "joint.codes": joint.codes}
    if inputs["pairs"] is not None:
        require_pairs(faces, split)
        tensors |= drawn_pairs(faces.identity, attribute.values, split.rows, PairsSpec(**inputs["pairs"]), seed)
        if faces.pairs is not None:
            tensors |= official_pairs(faces.pairs, split.rows["test"])
    draft.save("protocol", tensors)
    draft.result = {
        "dataset": faces.name,
        **_summary(faces, split),
        **({"joint_classes": list(joint.attribute.classes)} if len(protected) > 1 else {}),
        "notes": [
            *faces.notes,
            *split.notes,
            *shared_with_test(faces.images if faces.embedding is None else faces.embedding, split.rows, faces.files),
        ],
    }


def compute_labels(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """A further attribute of the same people in the same splits, without the images of which it is not known."""
    protocol = Protocol.read(store, inputs["protocol"])
    faces = load_faces(protocol.cell.inputs["dataset"], runtime)
    name = inputs["attribute"]
    split = relabelled(faces, {part: protocol.rows(part) for part in SPLITS}, name, protocol.tensors.get("folds"))
    draft.save(
        "labels",
        {"labels": faces.attributes[name].values, **{f"rows.{part}": rows for part, rows in split.rows.items()}},
    )
    summary = _summary(faces, split)
    unknown = protocol.facts["images"] - summary["images"]
    draft.result = {**summary, "notes": [f"{unknown} images have no known {name} and are left out"] if unknown else []}


def _summary(faces: FaceSet, split: Split) -> dict[str, Any]:
    """What is known of an attribute: of whom, and in which splits."""
    return {
        "attribute": split.attribute,
        "classes": list(faces.attributes[split.attribute].classes),
        "people": sum(split.people.values()),
        "images": sum(len(rows) for rows in split.rows.values()),
        "splits": {part: dict(counts) for part, counts in split.summary().items()},
        "bayes_ceiling": faces.bayes_ceiling.get(split.attribute),
    }


def compute_utility(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Score the stored pairs: by a formula on the embedding, or by a verifier trained on people outside of them."""
    protocol = Protocol.read(store, inputs["protocol"])
    cell = store.read(inputs["release"])
    view = "embedding" if "embedding" in cell.result["views"] else "image"
    if inputs["score"] == "siamese":
        points = _trained(protocol, cell, view, context_of(store, inputs, runtime))
    else:
        embedding, directions = cell.tensors("release")["embedding"], inputs["score"] == "cosine"
        points = Points(np.arange(len(embedding)), embedding, FORMULAS[inputs["score"]], directions)
    save_scores(draft, protocol, points, inputs.get("templates", ()))
    draft.result = {"view": view}


def _trained(protocol: Protocol, cell: Cell, view: str, ctx: Context) -> Points:
    """By the Siamese verifier, trained on people outside attacker-val and test."""
    train, val = protocol.rows("defender-train", "attacker-train"), protocol.rows("attacker-val")
    val_pairs = protocol.pairs("attacker-val.random", val)
    assert val_pairs is not None
    verifier = SiameseVerifier().fit(
        release_of(cell, view, train), protocol.identity(train), release_of(cell, view, val), val_pairs, ctx
    )
    rows = np.concatenate([protocol.rows(split) for split in JUDGED])
    points = np.concatenate([verifier.transform(release_of(cell, view, protocol.rows(split))) for split in JUDGED])
    order = np.argsort(rows)
    return Points(rows[order], points[order], FORMULAS["euclidean"])


COMPUTE: Kinds = {
    "protocol": compute_protocol,
    "labels": compute_labels,
    "release": compute_release,
    "queries": compute_queries,
    "attack": compute_attack,
    "utility": compute_utility,
    "matches": compute_matches,
    "linker": compute_linker,
    "inversion": compute_inversion,
    "numbers": compute_numbers,
    "regression": compute_regression,
}
