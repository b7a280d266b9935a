"""Several attributes that are protected at once: their joint classes, which people are dealt by and defenses learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Attribute, FaceSet, IntArray
from aiakit.datasets.folds import cross_fitted
from aiakit.datasets.splits import Fractions, Split, relabelled, resolve_attribute, split_people
from aiakit.errors import InputError, unknown

NUMERIC = "numeric:"  # before the name of an attribute that is meant as a number


@dataclass(frozen=True)
class Joint:
    """The joint classes of A attributes: those of the product that some image has, J of them.

    attribute : the joint class of each image, MISSING where any of the attributes is. codes : int64 (J, A), which class
    of each attribute a joint class stands for.
    """

    attribute: Attribute
    codes: IntArray

    @classmethod
    def of(cls, attributes: Sequence[Attribute]) -> Joint:
        """The joint classes of some attributes of the same images."""
        values = np.stack([each.values for each in attributes], axis=1)
        known = (values != MISSING).all(axis=1)
        codes, place = np.unique(values[known], axis=0, return_inverse=True)
        together = np.full(len(values), MISSING, np.int64)
        together[known] = place.ravel()
        names = [",".join(a.classes[code] for a, code in zip(attributes, row, strict=True)) for row in codes]
        return cls(Attribute(together, tuple(names)), codes)


def marginal(codes: IntArray, classes: int) -> NDArray[np.float64]:
    """(J, K) what turns probabilities of joint classes into those of the first attribute, which has K classes."""
    return np.eye(classes)[codes[:, 0]]


@dataclass(frozen=True)
class Protected:
    """What is protected together: attributes of classes, one at least, and attributes that are numbers."""

    attributes: tuple[str, ...]
    numbers: tuple[str, ...] = ()


def protected_attributes(faces: FaceSet, text: str | None) -> Protected:
    """``"gender,smiling,age"`` → all of them, to be protected together; one alone as ``resolve_attribute`` has it.

    What has both classes and numbers is taken by its classes; ``numeric:age`` says that the number is meant.

    Raises
    ------
    InputError : an attribute that the data set has not, an empty name, one that is there twice, a number in front.
    """
    if text is None or text in faces.attributes:
        return Protected((resolve_attribute(faces, text),))
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise InputError(f"--attribute {text} has an empty name: several attributes are written gender,smiling")
    numbers = [name for name in names if _is_number(faces, name)]
    for name in names:
        if name.startswith(NUMERIC) and name not in numbers:
            raise unknown("numeric attribute", name.removeprefix(NUMERIC), sorted(faces.numbers), f" of {faces.name}")
        if name not in (*faces.attributes, *numbers):
            raise unknown("attribute", name, sorted({*faces.attributes, *faces.numbers}), f" of {faces.name}")
        if names.count(name) > 1 or (name not in faces.attributes and NUMERIC + name in names):
            raise InputError(f"--attribute {text} names {name} twice: name each attribute once")
    if names[0] in numbers:
        raise InputError(f"--attribute {text}: {names[0]} is a number, and people are dealt by classes: put an "
                         f"attribute of classes before it, as in gender,{names[0]}")  # fmt: skip
    attributes = tuple(name for name in names if name not in numbers)
    return Protected(attributes, tuple(name.removeprefix(NUMERIC) for name in numbers))


def _is_number(faces: FaceSet, name: str) -> bool:
    return name.removeprefix(NUMERIC) in faces.numbers and name not in faces.attributes


def dealt(faces: FaceSet, names: Sequence[str], seed: int, shares: Fractions, folds: int) -> Split:
    """The splits of those who protect these attributes, cross-fitted where there are folds; of the first one by name.

    People are dealt by joint classes, so that each split has all of them. Raises InputError as ``split_people`` and
    ``cross_fitted`` do, of joint classes too, and where there is nothing to infer of one of the attributes.
    """
    name = ",".join(names)
    if len(names) > 1:
        joint = Joint.of([faces.attributes[each] for each in names]).attribute
        faces = replace(faces, attributes={**faces.attributes, name: joint})
    known = faces.attributes[name]
    split = split_people(faces, name, seed, shares)
    split = cross_fitted(split, faces.identity, known.values, known.classes, folds, seed)
    for each in names if len(names) > 1 else ():
        relabelled(faces, split.rows, each, split.folds)
    return replace(split, attribute=names[0])
