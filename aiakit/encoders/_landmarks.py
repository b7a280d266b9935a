"""dlib's landmarks of faces that are cropped already, and the alignment of recognisers in the line of ArcFace."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiakit.contracts import PixelArray
from aiakit.networks.landmarks import SIDE, TEMPLATE, landmarks, turned

# What ``TEMPLATE`` names, of dlib's 68 landmarks: an eye is the middle of its six.
FIVE = (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))


def middle(image: PixelArray, margin: float) -> Any:
    """dlib's rectangle of a face that was cropped already: all of a picture but ``margin`` of its side on each side."""
    import dlib

    height, width = image.shape[:2]
    across, down = round(margin * width), round(margin * height)
    return dlib.rectangle(across, down, width - 1 - across, height - 1 - down)


def five_points(image: PixelArray, margin: float) -> NDArray[np.complex128]:
    """Where a picture has what ``TEMPLATE`` names, in pixels whose centres are whole numbers."""
    found = landmarks(image, middle(image, margin), "68").parts()
    points = np.array([complex(point.x, point.y) for point in found])
    return np.array([points[part].mean() for part in FIVE])


def aligned(image: PixelArray, margin: float, side: int) -> NDArray[np.uint8]:
    """The face turned, scaled and moved to where the template has it: uint8 (side, side, 3), black outside."""
    found = five_points(image, margin)
    return turned(Image.fromarray(image), found, TEMPLATE * (side / SIDE), side)
