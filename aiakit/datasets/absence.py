"""Rows without a released value: that they are missing may itself tell what is private."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attribute

TELLS = 0.005  # of balanced accuracy above chance; what is missing and tells less is left out


@dataclass(frozen=True)
class Told:
    """What a guess from nothing but the absence of a row knows of an attribute.

    accuracy : its balanced accuracy. words : in which classes most and least is missing.
    """

    accuracy: float
    words: str


def told_by_absence(absent: NDArray[np.bool_], attribute: Attribute) -> Told | None:
    """What is told by which rows are missing; None where that is next to nothing.

    absent : (N,) whether a row is missing. A guess of one class for what is missing, and of another for the rest, has
    the balanced accuracy (1 + highest − lowest share) / classes.
    """
    shares = {
        name: float(absent[attribute.values == code].mean())
        for code, name in enumerate(attribute.classes)
        if (attribute.values == code).any()
    }
    spread = max(shares.values(), default=0.0) - min(shares.values(), default=0.0)
    if spread <= TELLS * len(attribute.classes):
        return None
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    words = f"{shares[most]:.1%} of {most}, {shares[least]:.1%} of {least}"
    return Told((1 + spread) / len(attribute.classes), words)
