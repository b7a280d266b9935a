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
from aiakit.datasets.fingerprint import array_digest
from aiakit.datasets.joint import marginal
from aiakit.datasets.pairs import IMPOSTOR_KINDS, sample_pairs
from aiakit.datasets.splits import ATTACKED, SPLITS, SplitName
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
    a digest of the names of the people of test, in the order of their numbers. absence : of an audit, the balanced
    accuracy of a guess from which rows are empty; None where that tells nothing. joint_classes : what defenses learn
    where several attributes are protected; None with one.
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
    absence: float | None = None
    joint_classes: list[Line] | None = None


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
    """A protocol cell, read back. relabelled : the cell of a further attribute, whose labels stand in for its own.

    fold : where people are cross-fitted, the fold that is tested: the next one is attacker-val, and the others are
    attacker-train. None for the dealt splits, by which verification goes.
    """

    cell: Cell
    tensors: dict[str, NDArray[Any]]
    relabelled: Cell | None = None
    fold: int | None = None

    @classmethod
    def read(cls, store: Store, digest: str, labels: str | None = None, fold: int | None = None) -> Protocol:
        """The protocol of a run; with the digest of a ``labels`` cell, as a further attribute is judged by it."""
        cell = store.read(digest)
        if labels is None:
            return cls(cell, cell.tensors("protocol"), None, fold)
        other = store.read(labels)
        # its images may be others, and pairs are drawn of those of the protected attribute
        own = {name: array for name, array in cell.tensors("protocol").items() if not name.startswith("pairs.")}
        return cls(cell, {**own, **other.tensors("labels")}, other, fold)

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
        parts = self._dealt if self.fold is None else self._around(self.fold)
        return np.sort(np.concatenate([parts[split] for split in splits]))

    @property
    def _dealt(self) -> dict[str, IntArray]:
        return {split: self.tensors[f"rows.{split}"] for split in SPLITS}

    @cached_property
    def folds(self) -> list[IntArray]:
        """Sorted image indices of each fold; none where people are not cross-fitted."""
        if "folds" not in self.tensors:
            return []
        everybody = np.sort(np.concatenate([self._dealt[split] for split in ATTACKED]))
        fold = np.take(np.asarray(self.tensors["folds"]), everybody)
        return [everybody[fold == number] for number in range(int(fold.max()) + 1)]

    def _around(self, fold: int) -> dict[str, IntArray]:
        chosen = (fold + 1) % len(self.folds)
        others = [rows for number, rows in enumerate(self.folds) if number not in (fold, chosen)]
        return self._dealt | {
            "attacker-train": np.concatenate(others),
            "attacker-val": self.folds[chosen],
            "test": self.folds[fold],
        }

    def judged(self, split: SplitName) -> IntArray:
        """Sorted image indices whose scores are judged: of attacker-val and test, or of all folds together."""
        return np.sort(np.concatenate(self.folds)) if self.folds else self.rows(split)

    def fold_of(self, rows: IntArray) -> IntArray | None:
        """The fold of each of some rows; None where people are not cross-fitted."""
        return np.take(np.asarray(self.tensors["folds"]), rows) if self.folds else None

    def labels(self, rows: IntArray) -> IntArray:
        return np.take(np.asarray(self.tensors["labels"]), rows)

    def secret(self, rows: IntArray) -> np.random.Generator:
        """Draws orders of some rows that nobody can foretell who does not know their labels and whom they show."""
        return np.random.default_rng(int(array_digest(self.labels(rows), self.identity(rows)), 16))

    @property
    def joint_classes(self) -> tuple[str, ...]:
        """The classes that defenses learn: of several protected attributes their joint ones."""
        return tuple(self.facts["joint_classes"] or self.classes)

    def joint_labels(self, rows: IntArray) -> IntArray:
        """Which of them some rows are of."""
        return np.take(np.asarray(self.tensors["joint.labels"]), rows) if self.joint else self.labels(rows)

    @property
    def joint(self) -> bool:
        """Whether several attributes are protected together."""
        return "joint.labels" in self.tensors

    def of_attribute(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """(N, K) probabilities of the attribute that is judged, from (N, J) of the classes that defenses learn."""
        if not self.joint:
            return probabilities
        return probabilities @ marginal(np.asarray(self.tensors["joint.codes"]), len(self.classes))

    def permuted_labels(self, rows: IntArray, permutation: int | None) -> IntArray:
        """The labels of some rows, exchanged in the numbered way between the people of a split or a fold (None: not at
        all).
        """
        if permutation is None:
            return self.labels(rows)
        parts: dict[str, IntArray] = {split: self._dealt[split] for split in SPLITS}
        if self.folds:
            parts = {split: chosen for split, chosen in parts.items() if split not in ATTACKED}
            parts |= {f"fold {number}": chosen for number, chosen in enumerate(self.folds)}
        labels = np.array(self.tensors["labels"])
        for name, chosen in ((name, chosen) for name, chosen in parts.items() if len(chosen)):
            rng = Context(permutation).rng("permutation", name)
            labels[chosen] = permute_by_identity(labels[chosen], self.identity(chosen), rng)
        return np.take(labels, rows)

    def identity(self, rows: IntArray) -> IntArray:
        return np.take(np.asarray(self.tensors["identity"]), rows)

    def pairs(self, name: str, rows: IntArray) -> Pairs | None:
        """Stored pairs as positions in ``rows`` (sorted); None where the protocol has no such pairs."""
        if f"pairs.{name}.left" not in self.tensors:
            return None
        left, right = (np.searchsorted(rows, self.tensors[f"pairs.{name}.{side}"]) for side in ("left", "right"))
        return Pairs(left, right, np.asarray(self.tensors[f"pairs.{name}.same"]))
