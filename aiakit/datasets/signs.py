"""Attributes that are written as signs: CelebA's 1 and -1, MAAD-Face's with 0, and the scores of LFW's classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Attribute

CLASSES = {"Male": ("female", "male")}  # the other attributes are no or yes


def by_sign(names: Sequence[str], values: NDArray[Any]) -> dict[str, Attribute]:
    """Attributes of numbers (N, len(names)): positive is yes (or male), negative no; 0 and NaN are not known."""
    attributes: dict[str, Attribute] = {}
    for name, column in zip(names, values.T, strict=True):
        codes = np.where(column > 0, 1, np.where(column < 0, 0, MISSING)).astype(np.int64)
        attributes[name] = Attribute(codes, CLASSES.get(name, ("no", "yes")))
    return attributes
