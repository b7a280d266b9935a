"""A contact sheet: what a data set looks like, one person a row, and in which photographs no face was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aiakit.contracts import FaceSet, PixelArray
from aiakit.datasets.detections import SoughtFaceSet
from aiakit.datasets.pixels import read_image
from aiakit.errors import InputError

SEVERAL, NONE = (230, 150, 0), (200, 0, 0)  # frames: orange of several faces, red of none
FRAME = 16  # the side of an image in widths of its frame


def contact_sheet(faces: FaceSet, rows: int = 8, columns: int = 8) -> PixelArray:
    """uint8 (rows·H, columns·W, 3): some people with enough images, evenly spread over the data set.

    A person with fewer images than columns leaves the rest of the row white. Where faces were sought, images of
    photographs that show several have an orange frame, and a last row shows photographs without any in red ones.
    """
    counts = np.bincount(faces.identity, minlength=len(faces.people))
    full = np.flatnonzero(counts >= min(columns, counts.max()))
    chosen = full[np.linspace(0, len(full) - 1, min(rows, len(full))).astype(int)]
    height, width = faces.images.shape[1:3]
    people = [np.flatnonzero(faces.identity == person)[:columns] for person in chosen]
    found = faces.detections if isinstance(faces, SoughtFaceSet) else ()
    several = {each.file for each in found if each.faces > 1}
    shown = [
        [
            _framed(faces.images[row], SEVERAL) if faces.files[row] in several else faces.images[row]
            for row in rows_of_one
        ]
        for rows_of_one in people
    ]
    if lost := [each.path for each in found if not each.faces][:columns]:
        shown.append([_framed(read_image(path, height), NONE) for path in lost])
    sheet = np.full((len(shown) * height, columns * width, 3), 255, np.uint8)
    for row, images in enumerate(shown):
        for column, image in enumerate(images):
            sheet[row * height :, column * width :][:height, :width] = image
    return sheet


def _framed(image: PixelArray, colour: tuple[int, int, int]) -> PixelArray:
    """The image with its outermost pixels in one colour."""
    width = max(1, len(image) // FRAME)
    framed = np.full_like(image, colour)
    framed[width:-width, width:-width] = image[width:-width, width:-width]
    return framed


def save_contact_sheet(faces: FaceSet, path: Path) -> None:
    """Write the sheet as PNG. Raises InputError where the file cannot be written."""
    if faces.embedding is not None:
        raise InputError(f"{faces.name} holds embeddings, and there are no images to show")
    if path.suffix.lower() != ".png":
        raise InputError(f"the contact sheet is a PNG image: call it {path.with_suffix('.png').name}, not {path.name}")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        Image.fromarray(contact_sheet(faces)).save(unfinished, format="PNG")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InputError(f"cannot write the contact sheet {path}: {error.strerror or error}") from error
