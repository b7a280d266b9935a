"""What counts once in a figure."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["person", "image"]  # a person with all their images of a class, or an image


def sample_weights(identity: NDArray[Any], labels: NDArray[Any], unit: Unit = "person") -> NDArray[np.float64]:
    """(N,) what each sample weighs: each person's images of a class weigh 1 together, or every image weighs 1."""
    if unit == "image":
        return np.ones(len(labels))
    _, rows, images = np.unique(np.stack([identity, labels]), axis=1, return_inverse=True, return_counts=True)
    return np.asarray(1 / images[rows.ravel()])
