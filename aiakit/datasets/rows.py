"""Some rows of an array, without copying them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray


class RowView:
    """Rows of a (mapped) array: indexing copies only what is asked for; ``np.asarray`` copies all."""

    def __init__(self, base: NDArray[Any], rows: IntArray) -> None:
        self.base = base
        self.rows = rows
        self.shape = (len(rows), *base.shape[1:])
        self.dtype = base.dtype
        self.ndim = base.ndim

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        if isinstance(index, tuple):
            return np.asarray(self.base[self.rows[index[0]]][(slice(None), *index[1:])])
        return np.asarray(self.base[self.rows[index]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        array = np.asarray(self.base[self.rows])
        return array if dtype is None else array.astype(dtype)
