"""Checks of an encoder on made-up people."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.plugins.checks.common import same_bytes, want
from aiakit.plugins.checks.trained import TRAINED_CHECKS, TrainedSubject


class EncoderSubject(TrainedSubject):
    """An encoder under check."""

    def apply(self, fitted: Any, inputs: NDArray[Any]) -> NDArray[Any]:
        """Its embeddings."""
        return encode(fitted, inputs)

    def same(self, left: NDArray[Any], right: NDArray[Any]) -> bool:
        """Whether they are equal to the last bit."""
        return same_bytes(left, right)


def encode(encoder: Any, images: NDArray[Any], first: int = 0) -> NDArray[Any]:
    """Valid embeddings (N, D) of images that are called 000.png, 001.png … from a number on, or Failed."""
    made = encoder.encode(images, tuple(f"{first + row:03d}.png" for row in range(len(images))))
    want(isinstance(made, np.ndarray), f"encode must return a NumPy array, not {type(made).__name__}")
    want(made.ndim == 2 and len(made) == len(images), f"encode gave {made.shape} for {len(images)} images")
    want(made.shape[1] > 0, "encode gave embeddings of no dimension")
    want(made.dtype.kind == "f" and bool(np.isfinite(made).all()), "encode must give finite floats")
    return made  # type: ignore[no-any-return]


def check_embeddings(encoder: EncoderSubject) -> None:
    """(N, D), finite floats, D the same for a single image, and not the same for every image."""
    alone = encode(encoder.fitted, encoder.made.inputs[:1])
    want(alone.shape[1] == encoder.outcome.shape[1], "the embedding of one image has another dimension")
    want(len(np.unique(encoder.outcome, axis=0)) > 1, "every image has the same embedding")


def check_encoding_repeats(encoder: EncoderSubject) -> None:
    """Two calls of ``encode`` give the same bytes."""
    want(same_bytes(encoder.outcome, encode(encoder.fitted, encoder.made.inputs)), "two calls of encode differ")


def check_images_are_encoded_alone(encoder: EncoderSubject) -> None:
    """An image's embedding does not depend on the images beside it."""
    scale = float(np.abs(encoder.outcome).max()) + 1e-12
    for row in range(3):
        alone = encode(encoder.fitted, encoder.made.inputs[row : row + 1], row)[0]
        off = float(np.abs(alone - encoder.outcome[row]).max()) / scale
        want(off < 1e-3, f"an image's embedding changes by {off:.2g} with the images beside it")


ENCODER_CHECKS = (*TRAINED_CHECKS, check_embeddings, check_encoding_repeats, check_images_are_encoded_alone)
