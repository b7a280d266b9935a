"""The images of a release as points that a cosine compares: embeddings as they are, pictures shrunk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray, View
from aiakit.storage.store import Cell

VIEWS: tuple[View, ...] = ("embedding", "image")
SIDE = 16  # pixels that a picture is shrunk to: faces are not aligned to a pixel


def points_of(cell: Cell, view: View, rows: IntArray) -> NDArray[np.float64]:
    """(N, D) some images of a release in the space in which they are compared.

    Embeddings as they are; pictures shrunk to ``SIDE``, less their mean, so that a cosine is a correlation.
    """
    stored = cell.tensors("release")[view]
    if view == "embedding":
        return np.asarray(stored[rows], np.float64)
    channels, high, wide = stored.shape[1], *(side // SIDE or 1 for side in stored.shape[2:])
    tall, broad = stored.shape[2] // high, stored.shape[3] // wide
    found = np.empty((len(rows), channels * tall * broad))
    for place, row in enumerate(rows):
        picture = np.asarray(stored[row, :, : tall * high, : broad * wide], np.float64)
        found[place] = picture.reshape(channels, tall, high, broad, wide).mean(axis=(2, 4)).ravel()
    return np.asarray(found - found.mean(axis=1, keepdims=True))
