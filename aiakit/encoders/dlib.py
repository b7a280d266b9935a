"""dlib's face recogniser: 128 dimensions, weights in the public domain (CC0) inside a package."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aiakit.contracts import Encoder, PixelArray, batches
from aiakit.encoders._landmarks import landmarks
from aiakit.plugins.bases import not_installed

BATCH = 64  # chips of 150×150 that the network is given at once


class Dlib(Encoder):
    """The ResNet recogniser of dlib on faces that are turned upright by five landmarks (dlib.net/face_recognition.py).

    The pictures of a data set are face crops already, so no detector runs: the landmarks are sought in the middle of
    the picture. Two pictures show the same person where their Euclidean distance is below about 0.6. It runs on the
    CPU, on one thread, and takes 50 to 100 ms a picture.

    Parameters
    ----------
    margin : the part of a picture's side, on each side, that lies outside the face.
    """

    summary = "dlib's 128-d face recogniser (extra judges), a strong embedding"

    def __init__(self, margin: Annotated[float, Field(ge=0, le=0.4)] = 0.1) -> None:
        self.margin = margin

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        return not_installed("judges", "dlib", "face_recognition_models")

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        recogniser = _recogniser()
        embeddings = np.empty((len(images), 128), dtype=np.float32)
        for rows in self.ctx_.track(list(batches(len(images), BATCH)), "dlib"):
            chips = [self._chip(np.ascontiguousarray(image)) for image in images[rows]]
            embeddings[rows] = np.array(recogniser.compute_face_descriptor(chips))
        return embeddings

    def _chip(self, image: PixelArray) -> NDArray[np.uint8]:
        """The face upright, at the size and position in which the recogniser was trained: uint8 (150, 150, 3)."""
        import dlib

        return np.asarray(dlib.get_face_chip(image, landmarks(image, self.margin, "five"), size=150))


@cache
def _recogniser() -> Any:
    """The network, loaded once a process."""
    import dlib
    import face_recognition_models as weights

    return dlib.face_recognition_model_v1(weights.face_recognition_model_location())
