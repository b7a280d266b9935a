"""The cells of numeric attributes: what is known of one, and what a regressor estimates of it from a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, IntArray, View
from aiakit.experiment.comparable import points_of
from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.experiment.regressors import Known, best_of
from aiakit.experiment.runtime import Runtime, load_faces
from aiakit.measures.regression import constants, weights_of
from aiakit.storage.store import Cell, Draft, Store


def compute_numbers(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """A numeric attribute of every image; NaN where it is not known."""
    faces = load_faces(store.read(inputs["protocol"]).inputs["dataset"], runtime)
    draft.save("numbers", {"values": np.asarray(faces.numbers[inputs["attribute"]], np.float64)})
    draft.result = {}


def compute_regression(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Learn a numeric attribute on attacker-train, and estimate it of attacker-val and of test.

    Images of which it is not known take no part. The numbers of test go nowhere near the regressor. What a constant
    would be is kept beside the estimates: the mean and the median of attacker-train.
    """
    protocol = Protocol.read(store, inputs["protocol"], fold=inputs.get("fold"))
    release, numbers = store.read(inputs["release"]), store.read(inputs["numbers"]).tensors("numbers")["values"]

    def rows(split: str) -> IntArray:
        found = protocol.rows(split)
        known: IntArray = found[np.isfinite(np.take(numbers, found))]
        return known

    def learned_from(split: str) -> Known:
        chosen = rows(split)
        identity = protocol.identity(chosen)
        return Known(_inputs(release, inputs["view"], chosen), np.take(numbers, chosen), weights_of(identity))

    train = learned_from("attacker-train")
    model = best_of(inputs["regressor"], train, learned_from("attacker-val"), Context(inputs["seed"]))
    tensors: dict[str, NDArray[Any]] = {}
    for split in JUDGED:
        chosen = rows(split)
        tensors |= {f"{split}.rows": chosen, split: model.predict(_inputs(release, inputs["view"], chosen))}
    draft.save("estimates", tensors)
    mean, median = constants(train.values, train.weights)
    draft.result = {"setting": model.setting, "mean": mean, "median": median, "learned_from": model.learned_from}


def _inputs(release: Cell, view: View, rows: IntArray) -> NDArray[np.float64]:
    """(N, D) what regressors are given: points that are compared, and of pictures also how bright each is, which these
    lack.
    """
    points = points_of(release, view, rows)
    if view == "embedding":
        return points
    stored = release.tensors("release")[view]
    return np.column_stack([points, [float(np.mean(stored[row])) for row in rows]])
