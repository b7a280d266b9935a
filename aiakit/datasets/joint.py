"""Several attributes that are protected at once: their joint classes, which people are dealt by and defenses learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Attribute, FaceSet, IntArray
from aiakit.datasets.folds import cross_fitted
from aiakit.datasets.splits import Fractions, Split, relabelled, resolve_attribute, split_people
from aiakit.errors import InputError


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


def protected_attributes(faces: FaceSet, text: str | None) -> tuple[str, ...]:
    """``"gender,smiling"`` → both, as they are to be protected together; one alone as ``resolve_attribute`` has it.

    Raises
    ------
    InputError : an attribute that the data set has not, an empty name, or one that is there twice.
    """
    if text is None or text in faces.attributes or "," not in text:
        return (resolve_attribute(faces, text),)
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise InputError(f"--attribute {text} has an empty name: several attributes are written gender,smiling")
    for name in names:
        resolve_attribute(faces, name)
        if names.count(name) > 1:
            raise InputError(f"--attribute {text} names {name} twice: name each attribute once")
    return tuple(names)


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
