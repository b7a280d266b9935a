"""Numbers as float32, without losing what they tell where they lie far from zero or very near to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FAR = 100  # ranges; what lies farther from zero loses digits in float32, and every cosine is about 1
TINY = float(np.finfo(np.float32).tiny) * 2**23  # a range below it loses digits in float32
INTEGERS = 2**24  # up to here float32 has them all
CHUNK = 65_536  # rows looked at together


def as_float32(values: NDArray[Any]) -> tuple[NDArray[np.float32], list[str]]:
    """(N, D) finite numbers as contiguous float32, and notes on the columns that were moved or lost digits.

    A column whose mean is more than 100 times its range from zero has its mean subtracted (a constant one where it is
    so for the widest range), and one whose range is too small for float32 is scaled: neither changes what can be told
    from the rows. Rows of zeros count for neither.
    """
    mean, extent = _moments(values)
    varied = np.where(extent > 0, extent, extent.max(initial=0))  # a constant says nothing, and may outweigh the rest
    far = (varied > 0) & (np.abs(mean) > FAR * varied)
    tiny = (extent > 0) & (extent < TINY)
    shift, scale = np.where(far, mean, 0), np.where(tiny, extent, 1)
    moved, cut = far | tiny, np.zeros(values.shape[1], bool)
    result = np.empty(values.shape, np.float32)
    for start in range(0, len(values), CHUNK):
        rows = slice(start, start + CHUNK)
        part = (values[rows].astype(np.float64) - shift) / scale if moved.any() else values[rows]
        result[rows] = part
        cut |= (result[rows].astype(part.dtype) != part).any(axis=0)
    if values.dtype.kind == "f" and values.dtype.itemsize <= 4:
        cut[:] = False  # what was subtracted has more digits, the values have not
    elif values.dtype.kind in "iu":
        cut &= ~moved | (extent > INTEGERS)
    notes = []
    if cut.any():
        notes.append(
            f"{cut.sum()} of {len(cut)} dimensions have more digits than float32, at which they are measured: what the "
            "further digits tell is not known, so publish no more than float32"
        )
    if far.any():
        notes.append(
            f"{far.sum()} of {len(far)} dimensions lie far from zero for their range (a mean of {mean[far][0]:.6g} and "
            f"a range of {extent[far][0]:.3g} for one): their means were subtracted"
        )
    if tiny.any():
        notes.append(f"{tiny.sum()} of {len(tiny)} dimensions have too small a range for float32: they were scaled up")
    return result, notes


def _moments(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and range of each column in float64, of the rows that are not all zeros."""
    total, count = np.zeros(values.shape[1]), 0
    low, high = np.full(values.shape[1], np.inf), np.full(values.shape[1], -np.inf)
    for start in range(0, len(values), CHUNK):
        part = values[start : start + CHUNK]
        kept = part[part.any(axis=1)].astype(np.float64)
        total, count = total + kept.sum(axis=0), count + len(kept)
        low, high = (
            np.minimum(low, kept.min(axis=0, initial=np.inf)),
            np.maximum(high, kept.max(axis=0, initial=-np.inf)),
        )
    return total / max(count, 1), high - low if count else np.zeros(values.shape[1])
