"""A contact sheet: what a data set looks like, one person a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aiakit.contracts import FaceSet, PixelArray
from aiakit.errors import InputError


def contact_sheet(faces: FaceSet, rows: int = 8, columns: int = 8) -> PixelArray:
    """uint8 (rows·H, columns·W, 3): some people with enough images, evenly spread over the data set.

    A person with fewer images than columns leaves the rest of the row white.
    """
    counts = np.bincount(faces.identity, minlength=len(faces.people))
    full = np.flatnonzero(counts >= min(columns, counts.max()))
    chosen = full[np.linspace(0, len(full) - 1, min(rows, len(full))).astype(int)]
    height, width = faces.images.shape[1:3]
    sheet = np.full((len(chosen) * height, columns * width, 3), 255, np.uint8)
    for row, person in enumerate(chosen):
        for column, image in enumerate(np.flatnonzero(faces.identity == person)[:columns]):
            sheet[row * height :, column * width :][:height, :width] = faces.images[image]
    return sheet


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
