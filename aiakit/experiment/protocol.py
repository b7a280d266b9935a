"""A protocol cell, read back: the splits, labels and pairs that scores are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from aiakit.contracts import IntArray
from aiakit.measures.statistics import permute_by_identity
from aiakit.measures.verification import Pairs
from aiakit.storage.documents import printable
from aiakit.storage.store import Cell, Store

PROTOCOLS = ("random", "same_attribute")


Line = Annotated[str, AfterValidator(printable)]


class DataSummary(BaseModel):
    """What a protocol cell says of its data; the cell may be somebody else's."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    dataset: Line
    attribute: Line
    classes: Annotated[list[Line], Field(min_length=2)]
    people: int
    images: int
    splits: dict[Line, dict[Line, int]]
    bayes_ceiling: float | None
    notes: list[Line]


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
        return cls(cell, {**cell.tensors("protocol"), **other.tensors("labels")}, other)

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
        return np.asarray(self.tensors["labels"][rows])

    def permuted_labels(self, rows: IntArray, permutation: int | None) -> IntArray:
        """The labels of some rows, exchanged between their people in the numbered way (None: as they are)."""
        if permutation is None:
            return self.labels(rows)
        rng = np.random.default_rng([permutation, len(rows)])
        return permute_by_identity(self.labels(rows), self.identity(rows), rng)

    def identity(self, rows: IntArray) -> IntArray:
        return np.asarray(self.tensors["identity"][rows])

    def pairs(self, name: str, rows: IntArray) -> Pairs | None:
        """Stored pairs as positions in ``rows`` (sorted); None where the protocol has no such pairs."""
        if f"pairs.{name}.left" not in self.tensors:
            return None
        left, right = (np.searchsorted(rows, self.tensors[f"pairs.{name}.{side}"]) for side in ("left", "right"))
        return Pairs(left, right, np.asarray(self.tensors[f"pairs.{name}.same"]))
