"""The cell of an inversion: what a decoder, trained on people whom the attacker knows, makes of a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aiakit.contracts import DecoderData, batches
from aiakit.experiment.comparable import points_of
from aiakit.experiment.measuring import Measurer
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.releasing import layout_of
from aiakit.experiment.runtime import Runtime
from aiakit.measures.similarity import cosine
from aiakit.storage.store import Draft, Store

TOGETHER = 4096  # images that are decoded at once


def compute_inversion(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Learn on attacker-train how undefended images follow from released ones, and reconstruct every image.

    What is made lies where a release has its embedding, so that attacks can be applied to it. ``val`` in the result
    says how alike its reconstructions of attacker-val are (the mean cosine). Splits are the dealt ones.
    """
    protocol = Protocol.read(store, inputs["protocol"])
    released, undefended = store.read(inputs["release"]), store.read(inputs["undefended"])
    by, view = inputs["views"]
    train, val = (
        DecoderData(points_of(released, by, rows), points_of(undefended, view, rows))
        for rows in (protocol.rows("attacker-train"), protocol.rows("attacker-val"))
    )
    decoder = Measurer.of("decoder", store, inputs, runtime)
    decoder.fit(train, val)
    mean = train.undefended.mean(axis=0)
    alike = float(cosine(decoder.ask("predict", val.released, mean.shape), val.undefended).mean())
    count = len(protocol.tensors["identity"])
    made = draft.create("release", {"embedding": (np.dtype(np.float32), (count, len(mean)))})
    everybody = np.arange(count)
    secret = protocol.secret(everybody)
    order = everybody if decoder.entry.built_in else secret.permutation(count)
    for part in batches(count, TOGETHER):
        rows = order[part]
        made["embedding"][rows] = decoder.ask("predict", points_of(released, by, rows), mean.shape)
    draft.save("baseline", {"mean": mean})
    draft.result = {**layout_of(made), "decoder": decoder.label, "val": {decoder.label: alike}}
