"""Where the figures of an entry differ from others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

TOLERANCE = 1e-6  # sums of floating numbers differ in the last digits from machine to machine


def differences(
    stated: Any, computed: Any, tolerance: float = TOLERANCE, path: str = "figures"
) -> Iterator[tuple[str, Any, Any]]:
    """(path, stated, computed) wherever two JSON values differ by more than a tolerance, relative or absolute.

    A figure that is not stated is one that the version which wrote the entry did not know: it is computed anyhow.
    """
    if isinstance(stated, dict) and isinstance(computed, dict):
        for key in sorted({*stated, *(key for key, value in computed.items() if isinstance(value, dict))}, key=str):
            yield from differences(stated.get(key), computed.get(key), tolerance, f"{path}.{key}")
    elif isinstance(stated, list) and isinstance(computed, list) and len(stated) == len(computed):
        for number, (left, right) in enumerate(zip(stated, computed, strict=True)):
            yield from differences(left, right, tolerance, f"{path}.{number}")
    elif _is_number(stated) and _is_number(computed):
        if not math.isclose(stated, computed, rel_tol=tolerance, abs_tol=tolerance):
            yield path, stated, computed
    elif type(stated) is not type(computed) or stated != computed:
        yield path, stated, computed


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
