"""A protocol cell, read back: the splits, labels and pairs that scores are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from aiakit.contracts import Context, IntArray, OfficialPairs
from aiakit.datasets.pairs import IMPOSTOR_KINDS, sample_pairs
from aiakit.datasets.splits import SplitName
from aiakit.experiment.config import PairsSpec
from aiakit.measures.statistics import permute_by_identity
from aiakit.measures.verification import Pairs
from aiakit.storage.documents import printable
from aiakit.storage.store import Cell, Store

JUDGED: tuple[SplitName, ...] = ("attacker-val", "test")  # whose scores are stored
SIDES = ("left", "right", "same")
Line = Annotated[str, AfterValidator(printable)]


class Group(BaseModel):
    """A column by which results are broken down; tensor ``group.NUMBER`` holds each image's place in ``classes``."""

    name: Line
    classes: list[Line]


class DataSummary(BaseModel):
    """What a protocol cell says of its data; the cell may be somebody else's.

    groups : what an audit's results are broken down by, besides the classes; None of a run. test_people : of an audit,
    a digest of the names of the people of test, in the order of their numbers.
    """

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    dataset: Line
    attribute: Line
    classes: Annotated[list[Line], Field(min_length=2)]
    people: int
    images: int
    splits: dict[Line, dict[Line, int]]
    bayes_ceiling: float | None
    notes: list[Line]
    groups: list[Group] | None = None
    test_people: str = ""


def drawn_pairs(
    identity: IntArray, labels: IntArray, rows: Mapping[SplitName, IntArray], spec: PairsSpec, seed: int
) -> dict[str, NDArray[Any]]:
    """The verification pairs of attacker-val and test, as image indices, under the names that ``Protocol`` reads.

    identity, labels : int64 (N,) of every image. Raises InputError where nobody, or no two people, can be paired.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for part in JUDGED:
        chosen = rows[part]
        for kind in IMPOSTOR_KINDS:
            pairs = sample_pairs(
                identity[chosen],
                Context(seed).rng("pairs", part, kind),
                genuine=spec.genuine,
                impostor=spec.impostor,
                attribute=labels[chosen],
                same_attribute=kind == "same_attribute",
            )
            tensors |= _named(f"{part}.{kind}", chosen[pairs.left], chosen[pairs.right], pairs.same)
    return tensors


def official_pairs(pairs: OfficialPairs, judged: IntArray | None) -> dict[str, NDArray[Any]]:
    """A data set's own pairs, under the names that ``Protocol`` reads.

    judged : the images that a trained verifier has not seen, so that it may be judged by pairs of them; None where
    nothing is trained, and every pair counts.
    """
    fair = np.ones(len(pairs.left), bool)
    if judged is not None:
        fair = np.isin(pairs.left, judged) & np.isin(pairs.right, judged)
    named = _named("official", pairs.left[fair], pairs.right[fair], pairs.same[fair])
    return named | {"pairs.official.fold": pairs.fold[fair]}


def _named(name: str, left: IntArray, right: IntArray, same: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {f"pairs.{name}.{side}": values for side, values in zip(SIDES, (left, right, same), strict=True)}


@dataclass(frozen=True)
class Protocol:
    """A protocol cell, read back. relabelled : the cell of a further attribute, whose labels stand in for its own."""

    cell: Cell
    tensors: dict[str, NDArray[Any]]
    relabelled: Cell | None = None

    @classmethod
    def read(cls, store: Store, digest: str, labels: str | None = None) -> Protocol:
        """The protocol of a run; with the digest of a ``labels`` cell, as a further attribute is judged by it."""
        cell = store.read(digest)
        if labels is None:
            return cls(cell, cell.tensors("protocol"))
        other = store.read(labels)
        # its images may be others, and pairs are drawn of those of the protected attribute
        own = {name: array for name, array in cell.tensors("protocol").items() if not name.startswith("pairs.")}
        return cls(cell, {**own, **other.tensors("labels")}, other)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is known of the data: attribute, classes, people, images, splits, bayes_ceiling, notes.

        Raises ValueError where a stored cell says none of that.
        """
        relabelled = {} if self.relabelled is None else self.relabelled.result
        return DataSummary.model_validate({**self.cell.result, **relabelled}).model_dump()

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.facts["classes"])

    def rows(self, *splits: str) -> IntArray:
        """Sorted image indices of some splits together."""
        return np.sort(np.concatenate([self.tensors[f"rows.{split}"] for split in splits]))

    def labels(self, rows: IntArray) -> IntArray:
        return np.take(np.asarray(self.tensors["labels"]), rows)

    def permuted_labels(self, split: SplitName, rows: IntArray, permutation: int | None) -> IntArray:
        """The labels of some rows of a split, exchanged between their people in the numbered way (None: not at all)."""
        if permutation is None:
            return self.labels(rows)
        rng = Context(permutation).rng("permutation", split)
        return permute_by_identity(self.labels(rows), self.identity(rows), rng)

    def identity(self, rows: IntArray) -> IntArray:
        return np.take(np.asarray(self.tensors["identity"]), rows)

    def pairs(self, name: str, rows: IntArray) -> Pairs | None:
        """Stored pairs as positions in ``rows`` (sorted); None where the protocol has no such pairs."""
        if f"pairs.{name}.left" not in self.tensors:
            return None
        left, right = (np.searchsorted(rows, self.tensors[f"pairs.{name}.{side}"]) for side in ("left", "right"))
        return Pairs(left, right, np.asarray(self.tensors[f"pairs.{name}.same"]))
