"""dlib's models of where a face is (extra judges), a template, and turning a picture to where landmarks are wanted."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiakit.contracts import PixelArray

SIDE = 112
# Where an aligned picture of 112×112 has, as x + iy: the eye on the left and on the right, the tip of the nose, the
# corner of the mouth on the left and on the right (InsightFace).
TEMPLATE: NDArray[np.complex128] = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)
_of_thread = threading.local()


def frontal_faces(image: PixelArray) -> list[Any]:
    """dlib's rectangles of the frontal faces of about 80 pixels and more in a contiguous uint8 (H, W, 3) picture.

    Histograms of gradients and no network: it runs without the interpreter lock, one detector a thread, since a
    detector keeps the picture that it works on.
    """
    import dlib

    if not hasattr(_of_thread, "detector"):
        _of_thread.detector = dlib.get_frontal_face_detector()  # its weights are in dlib itself
    return list(_of_thread.detector(image))


def landmarks(image: PixelArray, face: Any, model: str) -> Any:
    """dlib's landmarks of the face in a rectangle of a contiguous uint8 (H, W, 3) picture. model : "five" or "68"."""
    return _predictor(model)(image, face)


@cache
def _predictor(model: str) -> Any:
    """A landmark model, loaded once a process."""
    import dlib
    import face_recognition_models as weights

    five = weights.pose_predictor_five_point_model_location
    return dlib.shape_predictor(five() if model == "five" else weights.pose_predictor_model_location())


def similarity(found: NDArray[np.complex128], wanted: NDArray[np.complex128]) -> tuple[complex, complex]:
    """Turn and shift of ``x ↦ turn·x + shift``, from the wanted picture into the one with (K,) points x + iy found.

    Its inverse is the similarity of least squares.
    """
    middle, other = wanted.mean(), found.mean()
    turn = np.vdot(found - other, found - other) / np.vdot(found - other, wanted - middle)
    return complex(turn), complex(other - turn * middle)


def turned(
    image: Image.Image, found: NDArray[np.complex128], wanted: NDArray[np.complex128], side: int
) -> NDArray[np.uint8]:
    """The picture turned, scaled and moved so that landmarks come to lie where they are wanted: uint8 (side, side, 3).

    found, wanted : (K,) points x + iy before and after, in pixels whose centres are whole numbers. What lies outside
    the picture is black.
    """
    turn, shift = similarity(found, wanted)
    shift += (0.5 + 0.5j) * (1 - turn)  # Pillow's pixels have their centres at halves
    rows = (turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag)
    return np.asarray(image.transform((side, side), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR))
