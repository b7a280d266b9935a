"""Evidence whose arrays are parts of larger ones: a plugin that reads on beyond them meets other people's rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import LabelledRelease, Release


def evidence_within_larger(known: LabelledRelease) -> LabelledRelease:
    """The same evidence, each array the first half of a larger one."""
    return replace(
        known,
        release=release_within_larger(known.release),
        labels=_within(known.labels),
        identity=_within(known.identity),
        images=None if known.images is None else _within(known.images),
        undefended=None if known.undefended is None else release_within_larger(known.undefended),
    )


def release_within_larger(released: Release) -> Release:
    """The same release, each array the first half of a larger one."""
    parts = (released.embedding, released.pixels, released.claim, released.inverted)
    return Release._make(*(None if part is None else _within(part) for part in parts))


def _within(array: NDArray[Any]) -> NDArray[Any]:
    """The array as the first half of a larger one, whose other half holds its rows in another order."""
    other = np.random.default_rng(1).permutation(len(array))
    return np.concatenate([array, array[other]])[: len(array)]
