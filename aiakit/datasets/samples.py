"""What is audited, after every check that needs no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Attribute, FloatArray, IntArray, OfficialPairs, View, batches
from aiakit.datasets.absence import Told, told_by_absence
from aiakit.datasets.identities import people_of
from aiakit.datasets.labels import MOST_CLASSES, about_classes, categorical
from aiakit.datasets.numbers import numbers_of
from aiakit.errors import InputError
from aiakit.storage.numbers import as_float32
from aiakit.storage.text import as_text

LARGEST_VALUE = 1e15  # a sum of squares of thousands of such values still fits float32
CHUNK = 65_536  # rows looked at together


@dataclass(frozen=True)
class Samples:
    """N released samples of P people.

    values : float32 (N, D) embeddings, or uint8 (N, H, W, 3) pictures, as ``view`` says.
    identity : int64 (N,), index into ``people`` or MISSING.
    attributes : name → the private attribute. groups : name → what results are broken down by.
    split : None, or N texts that put every row into a split. pairs : official verification pairs, as row numbers.
    reference : the undefended release of the same rows, as ``values``, or None. absence : attribute → the balanced
    accuracy of a guess from nothing but which rows hold zeros, or are missing, where that tells something.
    numbers : name → float64 (N,) of numeric attributes, NaN where not known.
    """

    name: str
    view: View
    values: NDArray[Any]
    identity: IntArray
    people: tuple[str, ...]
    attributes: dict[str, Attribute]
    groups: dict[str, Attribute]
    split: tuple[str, ...] | None = None
    pairs: OfficialPairs | None = None
    reference: NDArray[Any] | None = None
    notes: tuple[str, ...] = ()
    absence: Mapping[str, float] = field(default_factory=dict)
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def tensors(self, reference: bool = False) -> dict[str, NDArray[Any]]:
        """All rows as an adversary gets them, by view: pictures as (N, 3, H, W); of the reference where asked for."""
        values = self.reference if reference else self.values
        assert values is not None
        return {"embedding": values} if values.ndim == 2 else {"image": values.transpose(0, 3, 1, 2)}

    def usable(self, attribute: str) -> IntArray:
        """The rows whose person and attribute value are known."""
        return np.flatnonzero((self.identity != MISSING) & (self.attributes[attribute].values != MISSING))


def make_samples(
    name: str,
    values: Any,
    attributes: Mapping[str, Any],
    identity: Any,
    groups: Mapping[str, Any],
    split: Any,
    pairs: OfficialPairs | None,
    reference: Any,
    notes: Sequence[str],
    absence: Mapping[str, Told] | None = None,
    numbers: Mapping[str, Any] | None = None,
) -> Samples:
    """Check arrays and columns, and code them. absence : attribute → what is told by rows that are not there at all.

    numbers : name → the column of a numeric attribute.

    Raises
    ------
    InputError : values that no attack can use, lengths that disagree, one person, no attribute to infer.
    """
    view, checked, found = _values(values, "the embeddings")
    found = [*notes, *found]
    who, remarks = people_of(_cells(identity, len(checked), "identity"))
    people = tuple(sorted(set(who) - {""}))
    codes = {person: code for code, person in enumerate(people)}
    owner = np.array([codes.get(name, MISSING) for name in who], np.int64)
    _require_people(people)
    found += remarks
    told = dict(absence or {})
    if not attributes:
        raise InputError("no attribute is named: give at least one whose leakage is measured")
    coded = {each: _attribute(each, column, len(checked)) for each, column in attributes.items()}
    if view == "embedding":
        remarks, empty = _leave_out_zeros(np.asarray(values), owner, coded)
        found += remarks
        told = {each: max(known, key=lambda one: one.accuracy) for each in coded
                if (known := [one[each] for one in (told, empty) if each in one])}  # fmt: skip
    for each, attribute in coded.items():
        found += _about_labels(each, attribute, owner, as_text(attributes[each]))
    if reference is not None:
        if np.shape(reference)[:1] != (len(checked),):
            raise InputError(
                f"the reference has {len(reference)} rows and the release {len(checked)}: give the same rows"
            )
        _, reference, remarks = _values(reference, "the reference")
        found += [f"reference: {remark}" for remark in remarks]
    if pairs is not None:
        _check_pairs(pairs, owner, found)
    return Samples(
        name=name,
        view=view,
        values=checked,
        identity=owner,
        people=people,
        attributes=coded,
        groups={each: _attribute(each, cells, len(checked)) for each, cells in groups.items()},
        split=None if split is None else tuple(_cells(split, len(checked), "split")),
        pairs=pairs,
        reference=reference,
        notes=tuple(found),
        absence={each: known.accuracy for each, known in told.items()},
        numbers={each: numbers_of(each, _cells(cells, len(checked), each)) for each, cells in (numbers or {}).items()},
    )


def _values(values: Any, what: str) -> tuple[View, NDArray[Any], list[str]]:
    array = np.asarray(values)
    if array.ndim == 4:
        return "image", _pictures(array), []
    checked, notes = embedding(array, what)
    return "embedding", checked, notes


def _pictures(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.shape[-1] != 3 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    if array.dtype != np.uint8 or array.shape[-1] != 3:
        raise InputError(
            f"pictures must be uint8 of shape (N, H, W, 3) or (N, 3, H, W), got {array.dtype} {array.shape}"
        )
    if len(array) == 0:
        raise InputError("there are no pictures: the array has no rows")
    return array


def embedding(values: Any, what: str) -> tuple[FloatArray, list[str]]:
    """Float32 (N, D) and remarks; columns far from zero are moved (``as_float32``).

    Raises InputError for what is no matrix of moderate finite numbers, and where all rows are the same.
    """
    checked, remarks = as_float32(_moderate(values, what))
    constant = int(np.count_nonzero(checked.max(0) == checked.min(0)))
    if constant == checked.shape[1]:
        raise InputError(f"{what} are the same in all {len(checked)} rows: there is nothing to infer from")
    if constant:
        remarks.append(f"{constant} of {checked.shape[1]} dimensions are constant and say nothing")
    return checked, remarks


def matrix(values: Any, what: str) -> FloatArray:
    """Float32 (N, D). Raises InputError for what is no matrix of moderate finite numbers."""
    return np.ascontiguousarray(_moderate(values, what), dtype=np.float32)


def _moderate(values: Any, what: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        hint = "Python objects or ragged rows" if array.dtype == object else str(array.dtype)
        raise InputError(f"{what} must be numbers, got {hint}: make an array of float32")
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{what} must have shape (rows, dimensions), got {array.shape}")
    for rows in batches(len(array), CHUNK):
        _check_numbers(array[rows], rows.start, what)
    return array


def _check_numbers(part: NDArray[Any], start: int, what: str) -> None:
    finite = np.isfinite(part)
    if not finite.all():
        rows = np.flatnonzero(~finite.all(axis=1))
        raise InputError(
            f"{what} hold NaN or infinite values (row {start + rows[0]} first, {len(rows)} of the {len(part)} rows "
            f"from {start} on): remove or repair those rows"
        )
    low, high = float(part.min()), float(part.max())
    if max(-low, high) > LARGEST_VALUE:
        row = start + int(np.argmax(np.maximum(-part.min(axis=1).astype(float), part.max(axis=1).astype(float))))
        raise InputError(
            f"{what} reach {max(-low, high):.3g} (row {row}), and beyond {LARGEST_VALUE:g} sums of squares overflow "
            "float32: scale them down"
        )


def _cells(column: Any, rows: int, what: str) -> list[str]:
    cells = as_text(column)
    if len(cells) != rows:
        raise InputError(f"{what} has {len(cells)} values and the release {rows} rows: give one value a row")
    return cells


def _attribute(name: str, column: Any, rows: int) -> Attribute:
    attribute = categorical(_cells(column, rows, name))
    if len(attribute.classes) > MOST_CLASSES:
        raise InputError(
            f"{name} has {len(attribute.classes)} distinct values, more than {MOST_CLASSES}: it is a measurement or a "
            "name; group its values into classes"
        )
    return attribute


def _require_people(people: Sequence[str]) -> None:
    if len(people) < 2:
        shown = f"one person only ({people[0]})" if people else "nobody"
        raise InputError(
            f"the identity column shows {shown}: results are about people, so several are needed, each with a name or "
            "number of their own (numbers that floating point rounds, such as those beyond 2⁵³, are nobody's)"
        )


def _leave_out_zeros(
    values: NDArray[Any], owner: IntArray, attributes: Mapping[str, Attribute]
) -> tuple[list[str], dict[str, Told]]:
    """Make the rows of zeros nobody's: no face was found there. Notes, and what these rows tell of which attribute.

    Where they tell something they stay, as what an attacker is given: a release without a row for every woman would
    tell who is one, and an audit of the rest would not see it.
    """
    zero = np.concatenate([~values[rows].any(axis=1) for rows in batches(len(values), CHUNK)])
    if not zero.any():
        return [], {}
    what = f"{zero.sum()} of {len(zero)} rows hold zeros only (no face was found?) and"
    example = f"row {np.argmax(zero)} for one"
    told = {name: found for name, each in attributes.items() if (found := told_by_absence(zero, each))}
    if told:
        shares = "; ".join(f"{name}: {found.words}" for name, found in told.items())
        return [f"{what} stay, since they alone tell something ({shares}): {example}"], told
    owner[zero] = MISSING
    return [f"{what} are left out: {example}"], {}


def _about_labels(name: str, attribute: Attribute, owner: IntArray, cells: Sequence[str]) -> list[str]:
    if len(attribute.classes) < 2:
        held = f"only {attribute.classes[0]}" if attribute.classes else "no known value"
        raise InputError(f"{name} has {held}: there is nothing to infer, choose another attribute")
    notes = about_classes(name, cells)
    unknown = int(np.count_nonzero(attribute.values == MISSING))
    if unknown:
        notes.append(f"{unknown} of {len(owner)} rows have no known {name} and are left out")
    known = (owner != MISSING) & (attribute.values != MISSING)
    shown = np.unique(np.stack([owner[known], attribute.values[known]]), axis=1)[0]
    people, values = np.unique(shown, return_counts=True)
    several = int(np.count_nonzero(values > 1))
    if several:
        notes.append(f"{several} of {len(people)} people show more than one value of {name}")
    return notes


def _check_pairs(pairs: OfficialPairs, owner: IntArray, notes: list[str]) -> None:
    sides = np.concatenate([pairs.left, pairs.right])
    if len(sides) == 0 or sides.min() < 0 or sides.max() >= len(owner):
        raise InputError(f"the pairs name rows outside 0 … {len(owner) - 1}")
    left, right = owner[pairs.left], owner[pairs.right]
    known = (left != MISSING) & (right != MISSING)
    disagree = int(np.count_nonzero((left == right)[known] != pairs.same[known]))
    if disagree:
        notes.append(f"{disagree} of {len(left)} pairs are called same or different against the identity column")
