"""The cell of an inversion: what a decoder, trained on people whom the attacker knows, makes of a release."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from aiakit.contracts import Context, batches
from aiakit.experiment.comparable import points_of
from aiakit.experiment.maps import FloatArray, ridges
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.releasing import layout_of
from aiakit.experiment.runtime import Runtime, context_of
from aiakit.measures.similarity import cosine
from aiakit.storage.store import Draft, Store

ALIKE = 0.9999  # the mean cosine beyond which nothing is left to learn
TOGETHER = 4096  # images that are decoded at once
Decoder = Callable[[FloatArray], FloatArray]


def compute_inversion(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Learn on attacker-train how undefended images follow from released ones, and reconstruct every image.

    What is made lies where a release has its embedding, so that attacks can be applied to it. ``val`` in the result
    says of each kind of decoder how alike its reconstructions of attacker-val are (the mean cosine). Splits are the
    dealt ones.
    """
    protocol = Protocol.read(store, inputs["protocol"])
    released, undefended = store.read(inputs["release"]), store.read(inputs["undefended"])
    by, view = inputs["views"]
    sides = {
        split: (points_of(released, by, rows), points_of(undefended, view, rows))
        for split in ("attacker-train", "attacker-val")
        for rows in [protocol.rows(split)]
    }
    train, val = sides.values()
    decoder, name, reached = best_decoder(train, val, context_of(store, inputs, runtime))
    mean = train[1].mean(axis=0)
    count = len(protocol.tensors["identity"])
    made = draft.create("release", {"embedding": (np.dtype(np.float32), (count, len(mean)))})
    for part in batches(count, TOGETHER):
        rows = np.arange(part.start, min(part.stop, count))
        made["embedding"][part] = decoder(points_of(released, by, rows))
    draft.save("baseline", {"mean": mean})
    draft.result = {**layout_of(made), "decoder": name, "val": reached}


def best_decoder(
    train: tuple[FloatArray, FloatArray], val: tuple[FloatArray, FloatArray], ctx: Context
) -> tuple[Decoder, str, dict[str, float]]:
    """Of ridge regressions and a small network on top of the best of them the decoder that is best on attacker-val.

    train, val : released (N, p) and undefended (N, q) points of the same images.
    """
    from aiakit.networks.decoder import fit_residual

    def score(decoder: Decoder) -> float:
        return float(cosine(decoder(val[0]), val[1]).mean())

    name, linear = max(ridges(*train), key=lambda each: score(each[1]))
    if score(linear) > ALIKE:
        return linear, name, {name: score(linear)}
    learned = fit_residual(train[0], train[1] - linear(train[0]), lambda more: score(_sum(linear, more)), ctx)
    both = _sum(linear, learned)
    found: dict[str, tuple[Decoder, float]] = {name: (linear, score(linear)), f"network on {name}": (both, score(both))}
    chosen = max(found, key=lambda each: found[each][1])
    return found[chosen][0], chosen, {each: value for each, (_, value) in found.items()}


def _sum(one: Decoder, other: Decoder) -> Decoder:
    return lambda points: one(points) + other(points)
