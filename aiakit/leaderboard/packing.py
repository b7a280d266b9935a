"""The compact form in which the tensors of an entry are stored, and what statistics read from it.

Probabilities (N, 2) of two classes are kept as log-odds of the first, (N, 1), of more classes, (N, K), as the logarithm
of each over the largest: in half precision these keep the order of samples that an attack is sure of, which
probabilities near 1 would not. Similarities are kept in the same precision, positions and codes in the smallest
integers that hold them. Packing what was unpacked gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

PRECISIONS = (np.float16, np.float32, np.float64)  # tried in this order
_INTEGERS = (np.int8, np.int16, np.int32, np.int64)
_LEAST = np.finfo(np.float64).tiny  # probabilities below it count as this

Tensors = Mapping[str, NDArray[Any]]


def packed(tensors: Tensors, precision: Any = PRECISIONS[0]) -> dict[str, NDArray[Any]]:
    """Tensors as they are stored. precision : the floating type of scores and similarities."""
    return {name: _pack(name, np.asarray(part), precision) for name, part in tensors.items()}


def unpacked(tensors: Tensors) -> dict[str, NDArray[Any]]:
    """Tensors as statistics read them: probabilities, and float64, int64 and bool."""
    return {name: _unpack(name, np.asarray(part)) for name, part in tensors.items()}


def _holds_probabilities(name: str, part: NDArray[Any]) -> bool:
    return name.startswith(("attack.", "beside.")) and part.ndim == 2 and part.dtype.kind == "f"


def _pack(name: str, part: NDArray[Any], precision: Any) -> NDArray[Any]:
    if _holds_probabilities(name, part):
        logs = np.log(np.maximum(part.astype(np.float64), _LEAST))
        relative = logs[:, :1] - logs[:, 1:] if logs.shape[1] == 2 else logs - logs.max(axis=1, keepdims=True)
        return _rounded(relative, precision)
    if part.dtype.kind == "f":
        return _rounded(part, precision)
    if part.dtype.kind == "i":
        low, high = (int(part.min()), int(part.max())) if part.size else (0, 0)
        return part.astype(next(kind for kind in _INTEGERS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max))
    return part


def _rounded(part: NDArray[Any], precision: Any) -> NDArray[Any]:
    """To half precision by way of single: what was stored in single gives the same when it is packed again."""
    return part.astype(np.float32).astype(precision) if precision == np.float16 else part.astype(precision)


def _unpack(name: str, part: NDArray[Any]) -> NDArray[Any]:
    if _holds_probabilities(name, part):
        logs = part.astype(np.float64)
        logs = np.concatenate([logs, np.zeros_like(logs)], axis=1) if logs.shape[1] == 1 else logs
        return np.asarray(np.exp(log_softmax(logs, axis=1)))
    return part.astype({"f": np.float64, "i": np.int64}.get(part.dtype.kind, part.dtype))
