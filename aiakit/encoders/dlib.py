"""dlib's face recogniser: 128 dimensions, weights in the public domain (CC0) inside a package."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aiakit.contracts import Encoder, PixelArray, batches
from aiakit.encoders._landmarks import middle
from aiakit.networks.landmarks import frontal_faces, landmarks
from aiakit.plugins.bases import not_installed

BATCH = 64  # chips of 150×150 that the network is given at once
FACE_SIDE = 160  # pixels to which smaller pictures are enlarged before a face is looked for
SURROUNDINGS = 0.25  # of a picture's side, on each side, by which its edges are continued


class Dlib(Encoder):
    """The ResNet recogniser of dlib on faces that are turned upright by five landmarks (dlib.net/face_recognition.py).

    The pictures of a data set are face crops already, so that no detector need run: the landmarks are sought in the
    middle of the picture. Two pictures show the same person where their Euclidean distance is below about 0.6. It runs
    on the CPU, on one thread, and takes 50 to 100 ms a picture.

    Parameters
    ----------
    margin : the part of a picture's side, on each side, that lies outside the face.
    detect : whether a frontal face is looked for, by dlib's detector; a picture without any has a row of zeros.
    """

    summary = "dlib's 128-d face recogniser (extra judges), a strong embedding"

    def __init__(self, margin: Annotated[float, Field(ge=0, le=0.4)] = 0.1, detect: bool = False) -> None:
        self.margin = margin
        self.detect = detect

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        return not_installed("judges", "dlib", "face_recognition_models")

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        recogniser = _recogniser()
        embeddings = np.zeros((len(images), 128), dtype=np.float32)
        for rows in self.ctx_.track(list(batches(len(images), BATCH)), "dlib"):
            chips = [self._chip(np.ascontiguousarray(image)) for image in images[rows]]
            shown = [place for place, chip in enumerate(chips) if chip is not None]
            if shown:
                found = recogniser.compute_face_descriptor([chips[place] for place in shown])
                embeddings[rows][shown] = np.array(found)
        return embeddings

    def _chip(self, image: PixelArray) -> NDArray[np.uint8] | None:
        """The face upright, at the size and position in which the recogniser was trained: uint8 (150, 150, 3).

        None where a face is looked for and none is found.
        """
        import dlib

        if self.detect:
            image, face = _detected(image)
            if face is None:
                return None
        else:
            face = middle(image, self.margin)
        return np.asarray(dlib.get_face_chip(image, landmarks(image, face, "five"), size=150))


def _detected(image: PixelArray) -> tuple[PixelArray, Any]:
    """A picture in which the detector can find a face, and the largest one that it finds; None without any.

    The detector looks for faces of 80 pixels and more that have something around them, and crops of faces are smaller
    and tight: they are enlarged, and their edges are continued.
    """
    import dlib

    height, width = image.shape[:2]
    around = [(round(SURROUNDINGS * side),) * 2 for side in (height, width)]
    scale = max(1.0, FACE_SIDE / min(height, width))
    wider = np.ascontiguousarray(np.pad(image, (*around, (0, 0)), mode="edge"))
    rows, columns = (round(scale * side) for side in wider.shape[:2])
    enlarged = np.asarray(dlib.resize_image(wider, rows=rows, cols=columns))
    return enlarged, max(frontal_faces(enlarged), key=lambda face: face.area(), default=None)


@cache
def _recogniser() -> Any:
    """The network, loaded once a process."""
    import dlib
    import face_recognition_models as weights

    return dlib.face_recognition_model_v1(weights.face_recognition_model_location())
