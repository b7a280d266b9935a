"""Numbers that are protected beside the classes, as columns of what an eraser is fitted against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Embeddings


def standardised_numbers(train: Embeddings) -> NDArray[np.float64]:
    """(N, M) of mean 0 and variance 1 over those who are known, 0 where one is not: it then covaries with nothing.

    M is 0 where no number is protected. One that is the same for everybody is 0 throughout.
    """
    if train.numbers is None:
        return np.zeros((len(train), 0))
    found = np.zeros(train.numbers.shape)
    for column, values in zip(found.T, train.numbers.T, strict=True):
        known = np.isfinite(values)
        if known.any() and np.ptp(values[known]) > 0:
            column[known] = (values[known] - values[known].mean()) / values[known].std()
    return found


def targets(train: Embeddings) -> NDArray[np.float64]:
    """(N, K + M): the one-hot classes, and beside them the numbers, standardised."""
    return np.hstack([np.eye(len(train.classes))[train.labels], standardised_numbers(train)])
