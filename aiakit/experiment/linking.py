"""The cell of a trained linker: what somebody who knows people in two releases learns of who is who in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, LinkerData
from aiakit.errors import PluginError
from aiakit.experiment.comparable import points_of
from aiakit.experiment.measuring import Measurer
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.runtime import Runtime
from aiakit.measures.pairing import ProbePairs
from aiakit.storage.store import Draft, Store

PLAIN = "cosine"  # what is compared without learning anything


def compute_linker(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Learn from attacker-train how images in a source and in a target release compare, and take test there.

    Splits are the dealt ones, by which verification goes too. ``val`` in the result says what the linker, and a plain
    cosine, tell of attacker-val: how often an image of a person is more alike than one of somebody else.
    """
    protocol = Protocol.read(store, inputs["protocol"])
    cells = [store.read(inputs[side]) for side in ("source", "target")]

    def shown(split: str) -> LinkerData:
        rows = protocol.rows(split)
        one, other = (points_of(cell, view, rows) for cell, view in zip(cells, inputs["views"], strict=True))
        return LinkerData(one, other, protocol.identity(rows), inputs["source"] == inputs["target"])

    train, val, linker = shown("attacker-train"), shown("attacker-val"), Measurer.of("linker", store, inputs, runtime)
    linker.fit(train, val)
    pairs = ProbePairs.of(val.people, val.same, linker.ctx.rng("linker", "attacker-val"))
    label = f"linker {PLAIN}" if linker.label == PLAIN else linker.label
    reached = {} if pairs is None else {label: pairs.area(*_put(linker, val, None))}
    if pairs is not None and val.source.shape == val.target.shape:
        reached[PLAIN] = pairs.area(val.source, val.target)
    rows = protocol.rows("test")
    source, target = _put(linker, shown("test"), protocol.secret(rows))
    draft.save("points", {"rows": rows, "source": source.astype(np.float32), "target": target.astype(np.float32)})
    draft.result = {"linker": label, "val": reached}


def _put(linker: Measurer, known: LinkerData, secret: np.random.Generator | None) -> list[NDArray[np.float64]]:
    """Where a linker puts the images of the source and of the target release."""
    sides = {"of_source": known.source, "of_target": known.target}
    found = [linker.ask(method, points, (None,), secret) for method, points in sides.items()]
    if len({points.shape[1] for points in found}) != 1 or not found[0].shape[1]:
        said = " and ".join(f"{points.shape[1]}" for points in found)
        raise PluginError(f"{linker.entry}: of_source() and of_target() must return as many columns, not {said}")
    return found


def linked_rows(tensors: Mapping[str, NDArray[Any]]) -> tuple[IntArray, NDArray[Any], NDArray[Any]]:
    """What such a cell holds of test: rows, ascending, and its points of the source and of the target release."""
    rows, source, target = (np.asarray(tensors[name]) for name in ("rows", "source", "target"))
    return rows, source, target
