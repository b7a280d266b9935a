"""The cells of numeric attributes: what is known of one, and what a regressor estimates of it from a release."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, RegressorData, View
from aiakit.datasets.ordinal import ranks, words_of
from aiakit.experiment.comparable import points_of
from aiakit.experiment.measuring import Measurer
from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.experiment.runtime import Runtime, load_faces
from aiakit.measures.regression import constants, weights_of
from aiakit.storage.store import Cell, Draft, Store

FloatArray = NDArray[np.float64]
SMALL = 1e-9


def compute_numbers(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """A numeric attribute of every image; NaN where it is not known."""
    faces = load_faces(store.read(inputs["protocol"]).inputs["dataset"], runtime)
    name, order = inputs["attribute"], inputs.get("order")
    values = ranks(words_of(faces.attributes[name]), name, order) if order else faces.numbers[name]
    draft.save("numbers", {"values": np.asarray(values, np.float64)})
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

    def learned_from(split: str) -> RegressorData:
        chosen = rows(split)
        identity = protocol.identity(chosen)
        return RegressorData(_inputs(release, inputs["view"], chosen), np.take(numbers, chosen), weights_of(identity))

    train = learned_from("attacker-train")
    model = fitted(Measurer.of("regressor", store, inputs, runtime), train, learned_from("attacker-val"))
    tensors: dict[str, NDArray[Any]] = {}
    for split in JUDGED:
        chosen = rows(split)
        estimates = model.predict(_inputs(release, inputs["view"], chosen), protocol.secret(chosen))
        tensors |= {f"{split}.rows": chosen, split: estimates}
    draft.save("estimates", tensors)
    mean, median = constants(train.values, train.weights)
    draft.result = {"setting": model.setting, "mean": mean, "median": median, "learned_from": model.learned_from}


class Model(NamedTuple):
    """What was learned. setting : the one that attacker-val chose. predict : of points, and what draws the order in
    which they are asked. learned_from : how many images.
    """

    setting: str
    predict: Callable[[FloatArray, np.random.Generator], FloatArray]
    learned_from: int


def fitted(regressor: Measurer, train: RegressorData, val: RegressorData) -> Model:
    """A regressor that was fitted on what it is given standardised; numbers go in and come out in their own unit.

    Estimates lie within a standard deviation of the least and the greatest number of attacker-train: beyond, one is
    put there. Where all points are one, everybody is estimated by the mean. Raises PluginError where it fails.
    """
    centre, scale = train.points.mean(axis=0), train.points.std(axis=0)
    varies = scale > SMALL * max(1.0, float(scale.max()))
    mean = float(np.average(train.values, weights=train.weights))
    unit = float(np.sqrt(np.average((train.values - mean) ** 2, weights=train.weights)))
    least, most = train.values.min() - unit, train.values.max() + unit
    if not varies.any():
        return Model("the mean", lambda points, secret: np.full(len(points), mean), len(train))

    def scaled(known: RegressorData) -> RegressorData:
        weights = known.weights / known.weights.mean()
        return RegressorData(inputs(known.points), (known.values - mean) / unit, weights)

    def inputs(points: FloatArray) -> FloatArray:
        found: FloatArray = ((points - centre) / np.where(varies, scale, 1.0))[:, varies]
        return found

    def predict(points: FloatArray, secret: np.random.Generator) -> FloatArray:
        return np.clip(mean + unit * regressor.ask("predict", inputs(points), (), secret), least, most)

    regressor.fit(scaled(train), scaled(val))
    return Model(regressor.setting, predict, regressor.learns_from(len(train)))


def _inputs(release: Cell, view: View, rows: IntArray) -> FloatArray:
    """(N, D) what regressors are given: points that are compared, and of pictures also how bright each is, which these
    lack.
    """
    points = points_of(release, view, rows)
    if view == "embedding":
        return points
    stored = release.tensors("release")[view]
    return np.column_stack([points, [float(np.mean(stored[row])) for row in rows]])
