"""What is asked of the output of a model or function that is not ours, in words that name it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import PixelArray
from aiakit.errors import InputError

UNIT = 1e-3  # how far from 1 the norm of an embedding of unit norm is at most


def rows_of(output: Any, count: int, files: tuple[str, ...], who: str, hint: str) -> NDArray[np.float32]:
    """float32 (B, D), one row for each of ``count`` pictures; what has more axes is flattened.

    files : what the first pictures are called. who : whose output it is. hint : how to mend one of another shape.
    Raises InputError for another shape, for what are no numbers, and for what is not finite.
    """
    array = np.asarray(output)
    if array.ndim < 2 or len(array) != count or array.dtype.kind not in "fiu" or not array.size:
        raise InputError(
            f"{who} gives {array.dtype} {array.shape} for {count} pictures, and no row of numbers for each: {hint}"
        )
    with np.errstate(over="ignore"):  # which is infinity, and said below
        rows = array.reshape(count, -1).astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        first = f", {files[bad[0]]} for one" if bad[0] < len(files) and files[bad[0]] else ""
        raise InputError(
            f"{who} gives NaN or infinity for {len(bad)} of {count} pictures{first}: mend it, or leave these out"
        )
    return rows


def require_varied(embeddings: NDArray[np.float32], images: PixelArray, who: str, hint: str) -> None:
    """Raise InputError where different pictures all have the same embedding. hint : what may be the cause."""
    if len(images) > 1 and (embeddings == embeddings[0]).all() and np.any(images != images[:1]):
        raise InputError(f"{who} gives each of {len(images)} pictures the same embedding: {hint}")


def in_words(embeddings: NDArray[np.float32]) -> str:
    """``512 dimensions of unit norm``."""
    norms = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    norm = "unit norm" if np.abs(norms - 1).max() < UNIT else f"norms from {norms.min():.3g} to {norms.max():.3g}"
    return f"{embeddings.shape[1]} dimensions of {norm}"
