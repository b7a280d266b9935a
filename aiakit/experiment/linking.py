"""The cell of a trained linker: what somebody who knows people in two releases learns of who is who in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from aiakit.contracts import Context, IntArray
from aiakit.experiment.comparable import points_of
from aiakit.experiment.maps import Affine, FloatArray, centred, of_length_one, ridges, rotation, whitened
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.runtime import Runtime
from aiakit.storage.store import Draft, Store

MOST = 2000  # images of attacker-val, on either side, among which a linker is chosen
CENTRED = "centred"
PLAIN = "cosine"  # what is compared without learning anything


class Shown(NamedTuple):
    """The same N images in two releases. source : (N, p). target : (N, q). people : (N,), who they show."""

    source: FloatArray
    target: FloatArray
    people: IntArray


class Linker(NamedTuple):
    """Takes two releases to one space, in which cosines compare them.

    name : what it is called. way : from the source to the target release; None where they are one. space : where images
    of one person lie together.
    """

    name: str
    way: Affine | None
    space: Affine

    def of_source(self, points: FloatArray) -> FloatArray:
        return self.space(points if self.way is None else self.way(points))

    def of_target(self, points: FloatArray) -> FloatArray:
        return self.space(points)


def compute_linker(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Learn from attacker-train how images in a source and in a target release compare, and take test there.

    Splits are the dealt ones, by which verification goes too. ``val`` in the result says what the one that was chosen,
    and a plain cosine, tell of attacker-val: how often an image of a person is more alike than one of somebody else.
    """
    protocol = Protocol.read(store, inputs["protocol"])
    cells = [store.read(inputs[side]) for side in ("source", "target")]

    def shown(*splits: str) -> Shown:
        rows = protocol.rows(*splits)
        one, other = (points_of(cell, view, rows) for cell, view in zip(cells, inputs["views"], strict=True))
        return Shown(one, other, protocol.identity(rows))

    same = inputs["source"] == inputs["target"]
    rng = Context(inputs["seed"]).rng("linker", "attacker-val")
    linker, val = chosen(shown("attacker-train"), shown("attacker-val"), same, rng)
    test = shown("test")
    draft.save(
        "points",
        {
            "rows": protocol.rows("test"),
            "source": linker.of_source(test.source).astype(np.float32),
            "target": linker.of_target(test.target).astype(np.float32),
        },
    )
    draft.result = {"linker": linker.name, "val": val}


def chosen(train: Shown, val: Shown, same: bool, rng: np.random.Generator) -> tuple[Linker, dict[str, float]]:
    """The linker that tells people of attacker-val apart best, and what it and a plain cosine reach there.

    The way from one release to the other is chosen first, and with it the space in which they are compared.
    same : whether both releases are one, of which different images are compared.
    """
    pairs = _Pairs.of(val.people, same, rng)
    best = Linker(CENTRED, None, centred(train.target))
    reached = -np.inf if pairs is None else pairs.reached(best, val) if same else -np.inf
    for name, way in () if same else _ways(train):
        linker = best._replace(name=f"{CENTRED}, {name}", way=way)
        value = 0.0 if pairs is None else pairs.reached(linker, val)
        if value > reached:
            best, reached = linker, value
    if pairs is None:
        return best, {}
    _, _, how = best.name.partition(CENTRED)
    for name, space in whitened(train.target, train.people):
        linker = Linker(name + how, best.way, space)
        value = pairs.reached(linker, val)
        if value > reached:
            best, reached = linker, value
    plain = {PLAIN: pairs.area(val.source, val.target)} if val.source.shape == val.target.shape else {}
    return best, {best.name: reached, **plain}


def _ways(train: Shown) -> Iterator[tuple[str, Affine]]:
    """What leads from the source to the target release."""
    if train.source.shape[1] == train.target.shape[1]:
        yield "rotation", rotation(train.source, train.target)
    yield from ridges(train.source, train.target)


class _Pairs(NamedTuple):
    """Images of attacker-val by which linkers are chosen.

    enrolled : of each person one, in the target. probes : others in the source. place : whom each shows among them.
    """

    enrolled: IntArray
    probes: IntArray
    place: IntArray

    @classmethod
    def of(cls, people: IntArray, same: bool, rng: np.random.Generator) -> _Pairs | None:
        """Other images of the same people; of releases that differ the same images where nobody has two. None where
        nothing can be told.
        """
        order = rng.permutation(len(people))
        enrolled = order[np.unique(people[order], return_index=True)[1]][:MOST]
        _, place = np.unique(people, return_inverse=True)
        others = np.setdiff1d(np.flatnonzero(place < len(enrolled)), enrolled)
        if not len(others) and not same:
            others = enrolled
        others = rng.permutation(others)[:MOST]
        return cls(enrolled, others, place[others]) if len(others) and len(enrolled) > 1 else None

    def reached(self, linker: Linker, val: Shown) -> float:
        """The area under the ROC curve of what a linker says of these pairs."""
        return self.area(linker.of_source(val.source), linker.of_target(val.target))

    def area(self, source: FloatArray, target: FloatArray) -> float:
        """The same of the cosines of these points."""
        scores = of_length_one(source[self.probes]) @ of_length_one(target[self.enrolled]).T
        own = np.zeros(scores.shape, bool)
        own[np.arange(len(scores)), self.place] = True
        ranks, mated = rankdata(scores.ravel())[own.ravel()], len(scores)
        return float((ranks.sum() - mated * (mated + 1) / 2) / (mated * (scores.size - mated)))


def linked_rows(tensors: Mapping[str, NDArray[Any]]) -> tuple[IntArray, NDArray[Any], NDArray[Any]]:
    """What such a cell holds of test: rows, ascending, and its points of the source and of the target release."""
    rows, source, target = (np.asarray(tensors[name]) for name in ("rows", "source", "target"))
    return rows, source, target
