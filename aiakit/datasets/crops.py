"""Whether photographs look like crops of one face, since nobody seeks a face in them: doubts, never a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aiakit.contracts import Dataset
from aiakit.datasets.pixels import formats
from aiakit.storage.text import counted

SAMPLE = 200  # photographs that are looked at; more would say no more
MOST_OBLONG = 1.1  # the longer side by the shorter
FEWEST = 20  # photographs whose agreement means something
SIDE = 16  # pixels to which they are shrunk: a layout, and no face, is compared
# Agreement of LFW's face boxes: 0.47; of its whole pictures, face in the middle: 0.40; of boxes anywhere in them: 0.14.
LEAST_AGREEMENT = 0.2
SOUGHT = " (data sets of photographs do that with align=face)"


def crop_doubts(paths: Sequence[Path], images: Any, dataset: type[Dataset] | None = None) -> list[str]:
    """What speaks against photographs being crops of a face in the middle; nothing where all is well.

    paths : N files. images : uint8 (N, H, W, 3), what was made of them.
    dataset : whose box of the face was taken of those that have the size of its photographs.
    """
    rows = np.unique(np.linspace(0, len(paths) - 1, min(len(paths), SAMPLE)).astype(np.int64))
    known = None if dataset is None or dataset.face_box is None else dataset.face_box[0]
    sizes = [_size(paths[row]) for row in rows]
    oblong = [
        f"{paths[row].name} is {size[0]}×{size[1]}"
        for row, size in zip(rows, sizes, strict=True)
        if size is not None and size != known and max(size) > MOST_OBLONG * min(size)
    ]
    doubts = []
    if oblong:
        what = f"photographs looked at are not square, and only their middle is used: crop them to the face{SOUGHT}"
        doubts.append(counted(len(oblong), len(rows), what, oblong))
    if len(rows) >= FEWEST and (shared := agreement(np.stack([images[row] for row in rows]))) < LEAST_AGREEMENT:
        doubts.append(
            f"these photographs have no layout in common (agreement {shared:.2f}, of face crops about 0.45): no face "
            f"is sought in them, so each must show one face, cropped alike{SOUGHT}"
        )
    return doubts


def agreement(images: Any) -> float:
    """The mean correlation of each picture (uint8 (N, H, W, 3)), small and grey, with the mean of the others."""
    small = [Image.fromarray(np.asarray(image)).convert("L").resize((SIDE, SIDE)) for image in images]
    grey = np.stack([np.asarray(image, np.float64).ravel() for image in small])
    grey -= grey.mean(axis=1, keepdims=True)
    grey /= np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-9)
    others = grey.sum(axis=0) - grey
    return float(np.mean((grey * others).sum(axis=1) / np.maximum(np.linalg.norm(others, axis=1), 1e-9)))


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height by the file's head; None where it cannot be read, which its reader says."""
    try:
        with Image.open(path, formats=formats()) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
