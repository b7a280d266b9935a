"""The cell of a matcher: a fixed encoder that nobody trained here compares released pictures, or photographs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, Faces, IntArray, batches
from aiakit.errors import PluginError
from aiakit.experiment import apart
from aiakit.experiment.points import Points, pair_names, save_scores, sides, templates_of
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.releasing import RELEASE_BATCH
from aiakit.experiment.runtime import Runtime, context_of, load_faces
from aiakit.measures.similarity import cosine
from aiakit.plugins import registry
from aiakit.storage.store import Draft, Store


def compute_matches(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Encode the pictures that occur in pairs, and score these pairs by the cosine.

    They are those of a release, or without one the photographs, on which the matcher shows what it can do.
    ``pictures`` tells of each picture whether a face was found in it: a row of zeros of the encoder says that none was.
    """
    protocol = Protocol.read(store, inputs["protocol"])
    if inputs["release"] is None:
        pictures = load_faces(protocol.cell.inputs["dataset"], runtime).images
    else:
        pictures = store.read(inputs["release"]).tensors("release")["image"].transpose(0, 2, 3, 1)
    spec, templates = inputs["matcher"], inputs.get("templates", ())
    rows = _occurring(protocol, templates)
    encoder = apart.make("encoder", spec["name"], spec["params"], store.folder)
    entry, ctx = registry.entry("encoder", spec["name"]), context_of(store, inputs, runtime)
    with registry.guard(entry):
        encoder.fit(*[_nobody(pictures, protocol)] * 2, ctx)
    points = np.concatenate(list(_encoded(encoder, entry, pictures, rows, ctx)))
    if not np.isfinite(points).all():
        raise PluginError(f"{entry}: encode() returned non-finite values")
    acquired = np.asarray(points.any(axis=1))
    draft.save("pictures", {"rows": rows, "acquired": acquired})
    save_scores(draft, protocol, Points(rows, points, cosine, acquired=acquired), templates)
    draft.result = {"pictures": len(rows), "not_acquired": int(np.count_nonzero(~acquired))}


def _occurring(protocol: Protocol, templates: Sequence[int]) -> IntArray:
    """Sorted indices of the images that occur in pairs, or in templates."""
    found = [side for name in pair_names(protocol) for side in sides(protocol, name)]
    found += [each.enrolled.ravel() for images in templates for each in templates_of(protocol, images).values()]
    return np.unique(np.concatenate(found))


def _nobody(pictures: NDArray[Any], protocol: Protocol) -> Faces:
    """No picture of anybody: a matcher learns from nobody here."""
    none = np.zeros(0, np.int64)
    return Faces(np.zeros((0, *pictures.shape[1:]), np.uint8), none, none, protocol.classes)


def _encoded(
    encoder: Any, entry: registry.Entry, pictures: NDArray[Any], rows: IntArray, ctx: Context
) -> Iterator[NDArray[np.float32]]:
    for part in ctx.track(list(batches(len(rows), RELEASE_BATCH)), "matcher"):
        some = np.ascontiguousarray(pictures[rows[part]])
        with registry.guard(entry):
            made = np.asarray(encoder.encode(some, ("",) * len(some)), np.float32)
        if made.ndim != 2 or len(made) != len(some):
            raise PluginError(f"{entry}: encode() must return (N, D) embeddings of {len(some)} pictures")
        yield made
