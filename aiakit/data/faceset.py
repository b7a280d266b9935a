"""A data set as the rest of aiakit sees it: pixels, people, categorical attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, PixelArray

MISSING = -1  # the code of an attribute value that is not known


@dataclass(frozen=True)
class Attribute:
    """A categorical attribute: ``values`` int64 (N,) index into the K ≥ 2 ``classes``, or MISSING."""

    values: IntArray
    classes: tuple[str, ...]


@dataclass(frozen=True)
class OfficialPairs:
    """A data set's own verification protocol.

    left, right : int64 (P,), image indices. same : bool (P,). fold : int64 (P,), the fold of each pair.
    """

    left: IntArray
    right: IntArray
    same: NDArray[np.bool_]
    fold: IntArray


@dataclass(frozen=True)
class FaceSet:
    """N images of P people.

    name : the data set's registered name.
    images : uint8 (N, H, W, 3), usually a read-only memory map.
    identity : int64 (N,), index into ``people``.
    people : P names.
    files : N names of the images, as the data set spells them.
    attributes : name → Attribute.
    default_attribute : the name of gender in this data set ("" where it has none).
    partition : None, or (N,) of "train" / "val" / "test": the official partition.
    pairs : the official verification pairs, if the data set has any.
    bayes_ceiling : attribute name → the best balanced accuracy that any attack can reach, where it is known.
    notes : what was found wrong with the data and how it was handled, one line each; reports print them.
    fingerprint : a digest of all of the above that changes whenever the data change.
    """

    name: str
    images: PixelArray
    identity: IntArray
    people: tuple[str, ...]
    files: tuple[str, ...]
    attributes: dict[str, Attribute]
    default_attribute: str = ""
    partition: NDArray[np.str_] | None = None
    pairs: OfficialPairs | None = None
    bayes_ceiling: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fingerprint: str = ""

    def __len__(self) -> int:
        return len(self.images)


SplitName = Literal["defender-train", "defender-val", "attacker-train", "attacker-val", "test"]
SPLITS: tuple[SplitName, ...] = ("defender-train", "defender-val", "attacker-train", "attacker-val", "test")
