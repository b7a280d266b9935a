"""What plugins are given and return, as named arrays and plain values, and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from aiakit.contracts import (
    VIEWS,
    Context,
    DecoderData,
    Embeddings,
    Faces,
    LabelledRelease,
    LinkerData,
    RegressorData,
    Release,
)
from aiakit.experiment.apart.wire import Arrays, Message

PHOTOGRAPHS = ("train.images", "val.images")  # large: the plugin's process maps them
OF_CONTEXT = ("seed", "device", "precision", "threads", "compiled")

Known = Faces | Embeddings | LabelledRelease
Paired = LinkerData | DecoderData | RegressorData
PAIRED: dict[str, type[Paired]] = {each.__name__: each for each in (LinkerData, DecoderData, RegressorData)}


def of_release(release: Release, prefix: str = "") -> dict[str, Any]:
    """The arrays of a release."""
    parts = zip(VIEWS, (release.embedding, release.pixels, release.claim, release.inverted), strict=True)
    return {prefix + name: part for name, part in parts if part is not None}


def to_release(arrays: Arrays, prefix: str = "") -> Release:
    """The release of these arrays. Raises ValueError where they are none."""
    return Release(**{name: arrays[prefix + name] for name in VIEWS if prefix + name in arrays})


def of_known(known: Known, prefix: str) -> dict[str, Any]:
    """The arrays of labelled people."""
    found: dict[str, Any] = {f"{prefix}labels": known.labels, f"{prefix}identity": known.identity}
    if isinstance(known, Embeddings):
        found |= {} if known.numbers is None else {f"{prefix}numbers": known.numbers}
        return found | {f"{prefix}embedding": known.embedding}
    if isinstance(known, LabelledRelease):
        found |= of_release(known.release, f"{prefix}release.")
        if known.undefended is not None:
            found |= of_release(known.undefended, f"{prefix}undefended.")
    return found if known.images is None else found | {f"{prefix}images": known.images}


def to_known(kind: str, arrays: Arrays, prefix: str, classes: tuple[str, ...]) -> Known:
    """The labelled people of these arrays; ``kind`` is the name of their class."""
    labels, identity = arrays[f"{prefix}labels"], arrays[f"{prefix}identity"]
    images: Any = arrays.get(f"{prefix}images")
    if kind == "Faces":
        return Faces(images, labels, identity, classes)
    if kind == "Embeddings":
        return Embeddings(arrays[f"{prefix}embedding"], labels, identity, classes, arrays.get(f"{prefix}numbers"))
    undefended = any(name.startswith(f"{prefix}undefended.") for name in arrays)
    return LabelledRelease(
        to_release(arrays, f"{prefix}release."),
        labels,
        identity,
        classes,
        images,
        to_release(arrays, f"{prefix}undefended.") if undefended else None,
    )


def of_paired(known: Paired, prefix: str) -> dict[str, Any]:
    """The arrays of what linkers, decoders and regressors are given."""
    return {prefix + each.name: np.asarray(getattr(known, each.name)) for each in fields(known)}


def to_paired(kind: str, arrays: Arrays, prefix: str) -> Paired:
    """The same of these arrays; ``kind`` is the name of its class."""
    cls: Any = PAIRED[kind]
    found: Paired = cls(**{each.name: part if (part := arrays[prefix + each.name]).ndim else part.item()
                           for each in fields(cls)})  # fmt: skip
    return found


def of_context(ctx: Context) -> Message:
    """The plain values of a context."""
    return {name: getattr(ctx, name) for name in OF_CONTEXT}


def of_rng(rng: np.random.Generator) -> Any:
    """The state of a generator."""
    return rng.bit_generator.state


def to_rng(state: Any) -> np.random.Generator:
    """A generator in this state."""
    rng = np.random.default_rng()
    rng.bit_generator.state = state
    return rng
