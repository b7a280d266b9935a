"""Checks of an encoder on made-up people."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, Faces
from aiakit.plugins import mock
from aiakit.plugins.checks.common import PluginClass, Skipped, disturb_global_randomness, same_bytes, want

PEOPLE = {"train": 24, "val": 8, "other": 6}  # of 4 images each


class Made:
    """Train and val people of the defender's, and the faces of others to encode."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self.train, self.val, self.other = (mock.faces(mock.people(n, 4, rng), rng) for n in PEOPLE.values())


def names_of(faces: Faces) -> tuple[str, ...]:
    """What the images are called: 000.png, 001.png, …"""
    return tuple(f"{row:03d}.png" for row in range(len(faces)))


class EncoderSubject(PluginClass):
    """An encoder under check, and one fit of it that several checks look at."""

    @cached_property
    def made(self) -> Made:
        """The made-up people."""
        return Made()

    @cached_property
    def fitted(self) -> Any:
        """Fitted on ``made`` with seed 0."""
        return self.fit()

    @cached_property
    def embeddings(self) -> NDArray[Any]:
        """What ``fitted`` makes of other people."""
        return encode(self.fitted, self.made.other)

    def fit(self, made: Made | None = None) -> Any:
        """A fresh instance after ``fit``."""
        made = made or self.made
        return self.make().fit(made.train, made.val, Context())


def encode(encoder: Any, faces: Faces, rows: slice = slice(None)) -> NDArray[Any]:
    """Valid embeddings (N, D) of some of the faces, or Failed."""
    images = faces.images[rows]
    made = encoder.encode(images, names_of(faces)[rows])
    want(isinstance(made, np.ndarray), f"encode must return a NumPy array, not {type(made).__name__}")
    want(made.ndim == 2 and len(made) == len(images), f"encode gave {made.shape} for {len(images)} images")
    want(made.shape[1] > 0, "encode gave embeddings of no dimension")
    want(made.dtype.kind == "f" and bool(np.isfinite(made).all()), "encode must give finite floats")
    return made  # type: ignore[no-any-return]


def check_fit_returns_self(encoder: EncoderSubject) -> None:
    """``fit`` returns the instance."""
    made = encoder.make()
    want(made.fit(encoder.made.train, encoder.made.val, Context()) is made, "fit must return self")


def check_embeddings(encoder: EncoderSubject) -> None:
    """(N, D), finite floats, D the same for a single image, and not the same for every image."""
    alone = encode(encoder.fitted, encoder.made.other, slice(1))
    want(alone.shape[1] == encoder.embeddings.shape[1], "the embedding of one image has another dimension")
    want(len(np.unique(encoder.embeddings, axis=0)) > 1, "every image has the same embedding")


def check_encoding_repeats(encoder: EncoderSubject) -> None:
    """Two calls of ``encode`` give the same bytes."""
    want(same_bytes(encoder.embeddings, encode(encoder.fitted, encoder.made.other)), "two calls of encode differ")


def check_same_seed_same_bytes(encoder: EncoderSubject) -> None:
    """Two fits with one seed agree to the last bit, whatever the global random generators do."""
    disturb_global_randomness(1)
    first = encode(encoder.fit(), encoder.made.other)
    disturb_global_randomness(2)
    second = encode(encoder.fit(), encoder.made.other)
    want(same_bytes(first, second), "two fits with one seed differ: draw only from ctx")


def check_images_are_encoded_alone(encoder: EncoderSubject) -> None:
    """An image's embedding does not depend on the images beside it."""
    scale = float(np.abs(encoder.embeddings).max()) + 1e-12
    for row in range(3):
        alone = encode(encoder.fitted, encoder.made.other, slice(row, row + 1))[0]
        off = float(np.abs(alone - encoder.embeddings[row]).max()) / scale
        want(off < 1e-3, f"an image's embedding changes by {off:.2g} with the images beside it")


def check_state_restores_the_encoder(encoder: EncoderSubject) -> None:
    """``load_state_dict`` on a fresh instance gives the same embeddings, to the last bit."""
    state = encoder.fitted.state_dict()
    for name, array in state.items():
        plain = isinstance(name, str) and isinstance(array, np.ndarray) and array.dtype.kind in "fiub"
        want(plain, f"state_dict must map names to arrays of numbers, {name!r} is {type(array).__name__}")
    fresh = encoder.make()
    want(fresh.load_state_dict({name: array.copy() for name, array in state.items()}) is fresh, "it must return self")
    restored = encode(fresh, encoder.made.other)
    want(same_bytes(encoder.embeddings, restored), "the restored encoder gives other embeddings")


def check_state_that_does_not_fit_is_refused(encoder: EncoderSubject) -> None:
    """A state with a missing array raises ValueError."""
    state = encoder.fitted.state_dict()
    if not state:
        raise Skipped("this encoder learns nothing")
    state.pop(next(iter(state)))
    try:
        encoder.make().load_state_dict(state)
    except ValueError:
        return
    want(False, "load_state_dict must raise ValueError where an array is missing")


def check_input_is_not_modified(encoder: EncoderSubject) -> None:
    """``fit`` and ``encode`` leave what they are given as it was."""
    used, untouched = Made(), Made()
    encode(encoder.fit(used), used.other)
    for part in ("train", "val", "other"):
        left, right = getattr(used, part), getattr(untouched, part)
        for what in ("images", "labels", "identity"):
            want(same_bytes(getattr(left, what), getattr(right, what)), f"the {what} of {part} were changed")


def check_extreme_input(encoder: EncoderSubject) -> None:
    """Pictures that are black or white all over have finite embeddings."""
    other = encoder.made.other
    for value in (0, 255):
        plain = Faces(np.full_like(other.images, value), other.labels, other.identity, other.classes)
        encode(encoder.fitted, plain)


ENCODER_CHECKS = (
    check_fit_returns_self,
    check_embeddings,
    check_encoding_repeats,
    check_same_seed_same_bytes,
    check_images_are_encoded_alone,
    check_state_restores_the_encoder,
    check_state_that_does_not_fit_is_refused,
    check_input_is_not_modified,
    check_extreme_input,
)
