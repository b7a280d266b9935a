"""Photographs with squares for faces, and what finds squares in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aiakit.contracts import PixelArray
from aiakit.datasets.alignment import UPRIGHT, Face

RED, GREEN, BLUE = (0, 1, 2)  # the channel in which a square is drawn


def squares_in(image: PixelArray) -> list[Face]:
    """Squares of one pure colour, as a detector of faces would give them."""
    faces = []
    for channel in range(3):
        of_it = (image[..., channel] > 127) & (image.sum(axis=2) < 300)
        rows, columns = of_it.any(axis=1).nonzero()[0], of_it.any(axis=0).nonzero()[0]
        if len(rows):
            left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            points = left + 1j * top + UPRIGHT * (right - left) - (0.5 + 0.5j)
            faces.append(Face((float(left), float(top), float(right), float(bottom)), lambda at=points: at))
    return faces


def draw(path: Path, *faces: tuple[int, int, int, int], size: tuple[int, int] = (400, 300), turn: int = 0) -> None:
    """A black photograph with squares. faces : (channel, left, top, side). turn : the EXIF orientation."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for channel, left, top, side in faces:
        pixels[top : top + side, left : left + side, channel] = 255
    exif = Image.Exif()
    if turn:
        exif[0x0112] = turn
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif)
