"""Points of images in a space in which verification compares them: two images, or a template of several with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Context, IntArray, batches
from aiakit.datasets.pairs import IMPOSTOR_KINDS
from aiakit.datasets.splits import SplitName
from aiakit.datasets.templates import Templates, enrol
from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.measures.similarity import Formula
from aiakit.measures.verification import Pairs
from aiakit.storage.store import Draft

PAIRS_TOGETHER = 2**11  # compared at once: they stay in a processor's cache
OFFICIAL = "official"


@dataclass(frozen=True)
class Points:
    """The points of some images, and how two are compared.

    rows : int64 (N,), sorted image indices. points : float (N, D). similarity : of two points, higher is more alike.
    directions : whether only the direction of a point says something, so that a template is the mean of points of
    length 1. acquired : bool (N,), the images that can be compared, since a face was found in them; None for all.
    """

    rows: IntArray
    points: NDArray[Any]
    similarity: Formula
    directions: bool = True
    acquired: NDArray[np.bool_] | None = None

    def compare(self, left: IntArray, right: IntArray) -> NDArray[np.float64]:
        """(P,) similarities of these images; NaN where one of the two cannot be compared."""
        scores = np.empty(len(left))
        for part in batches(len(left), PAIRS_TOGETHER):
            (one, known), (other, also) = self._at(left[part]), self._at(right[part])
            scores[part] = np.where(known & also, self.similarity(one, other), np.nan)
        return scores

    def compare_templates(self, templates: Templates) -> NDArray[np.float64]:
        """(Q,) similarities of templates and probes; NaN where a probe, or every image of a template, is not acquired.

        A template is the mean of those of its images that are.
        """
        scores = np.empty(len(templates.probe))
        for part in batches(len(scores), PAIRS_TOGETHER):
            (several, known), (probe, also) = self._at(templates.enrolled[part]), self._at(templates.probe[part])
            enrolled = (_of_length_one(several) if self.directions else several) * known[..., None]
            mean = enrolled.sum(axis=1) / np.maximum(known.sum(axis=1), 1)[:, None]
            one = _of_length_one(mean) if self.directions else mean
            scores[part] = np.where(known.any(axis=1) & also, self.similarity(one, probe), np.nan)
        return scores

    def _at(self, images: IntArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The points of images, and which of them are acquired."""
        places = np.searchsorted(self.rows, images)
        known = np.ones(places.shape, bool) if self.acquired is None else self.acquired[places]
        return np.asarray(self.points[places], np.float64), known


def _of_length_one(points: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(points, axis=-1, keepdims=True)
    found: NDArray[np.float64] = np.divide(points, length, out=np.zeros_like(points), where=length > 0)
    return found


def pair_names(protocol: Protocol) -> list[str]:
    """The verification pairs that a protocol has: ``SPLIT.KIND``, and ``official``."""
    names = [*(f"{split}.{kind}" for split in JUDGED for kind in IMPOSTOR_KINDS), OFFICIAL]
    return [name for name in names if f"pairs.{name}.same" in protocol.tensors]


def sides(protocol: Protocol, name: str) -> tuple[IntArray, IntArray]:
    """The image indices of both sides of stored pairs."""
    left, right = (np.asarray(protocol.tensors[f"pairs.{name}.{side}"]) for side in ("left", "right"))
    return left, right


def templates_of(protocol: Protocol, images: int) -> dict[str, Templates]:
    """``SPLIT.KIND`` → its pairs with templates of so many images, which are the same whoever compares them."""
    rng = Context(protocol.cell.inputs["split"]["seed"]).rng
    found = {}
    for name in pair_names(protocol):
        if name != OFFICIAL:
            split: SplitName = "attacker-val" if name.startswith("attacker-val") else "test"
            identity, rows = np.full(len(protocol.tensors["identity"]), MISSING), protocol.rows(split)
            identity[rows] = protocol.identity(rows)
            pairs = Pairs(*sides(protocol, name), np.asarray(protocol.tensors[f"pairs.{name}.same"]))
            found[name] = enrol(pairs, identity, images, rng("templates", name, images))
    return found


def save_scores(draft: Draft, protocol: Protocol, points: Points, templates: Sequence[int]) -> None:
    """Store the similarities of all pairs, and of those with templates of so many images."""
    draft.save("scores", {name: points.compare(*sides(protocol, name)) for name in pair_names(protocol)})
    tensors: dict[str, NDArray[Any]] = {}
    for images in templates:
        for name, found in templates_of(protocol, images).items():
            key = f"{images}.{name}"
            tensors |= {f"{key}.pairs": found.pairs, f"{key}.scores": points.compare_templates(found)}
    if tensors:
        draft.save("templates", tensors)
