"""The embeddings that a data set holds itself, as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Encoder, PixelArray
from aiakit.errors import InputError


class Stored(Encoder):
    """What makes the embedding of a data set of embeddings (``--dataset table``): nothing."""

    summary = "the embeddings that a data set (table) holds already"

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """The rows as they are. Raises InputError for images."""
        if np.ndim(images) != 2:
            raise InputError("the encoder stored is for data sets of embeddings, and this one holds images")
        return np.asarray(images, dtype=np.float32)
