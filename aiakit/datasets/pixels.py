"""From image files to square uint8 pixels."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from aiakit.contracts import Dataset, LoadSettings, PixelArray, batches
from aiakit.datasets.colours import in_colour, in_srgb
from aiakit.datasets.listing import NO_HEIF
from aiakit.datasets.parallel import in_order
from aiakit.errors import InputError
from aiakit.storage.cache import Batch

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels of the stored image
LARGEST = 64_000_000  # pixels of a source image; a small file that unpacks to more is taken for a decompression bomb
LARGEST_FILE = 256 << 20  # bytes
ORIENTATION = 0x0112  # the EXIF tag of how a camera was held
BATCH = 256  # images decoded together
SOUGHT = 16  # images in which faces are sought together, which takes longer
# What photographs are stored as. Pillow knows more formats: EPS runs another program, libtiff prints to the terminal.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# LARGEST is checked before anything is unpacked, so Pillow's own warning at a higher limit would only be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@cache
def formats() -> tuple[str, ...]:
    """``FORMATS``, and HEIF where pillow-heif is installed, which turns pictures as they say."""
    if NO_HEIF:
        return FORMATS
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return (*FORMATS, "HEIF")


class Encoded(NamedTuple):
    """A picture that is no file of its own: what messages call it, and the bytes of its JPEG, PNG …"""

    name: str
    data: bytes

    def __str__(self) -> str:
        return self.name


Source = str | Path | Encoded


def read_image(path: Source, image_size: int, box: Box | None = None) -> PixelArray:
    """uint8 (image_size, image_size, 3) of one picture: cropped to ``box`` or else to the central square, then resized.

    A box is clipped to the image. JPEGs much larger than needed are decoded at reduced size, which keeps at least
    twice the resolution that is asked for.

    Raises
    ------
    InputError : no image there, not an image, damaged, too large, or a box outside the image.
    """
    with opened(path) as image:
        return _square(image, image_size, box)


@contextmanager
def opened(source: Source) -> Iterator[Image.Image]:
    """A picture that is not unpacked yet. InputError, also of what is done with it: as ``read_image`` has it."""
    # From memory: of a file, Pillow would reserve whatever length a damaged part of it announces.
    with _explained(source), Image.open(io.BytesIO(_bytes(source)), formats=formats()) as image:
        if image.width * image.height > LARGEST:
            raise InputError(f"{source} unpacks to {image.width}×{image.height} pixels: more than {LARGEST} is refused")
        yield image


def encoded(source: Source) -> Encoded:
    """A picture with its bytes. Raises InputError where there is none, or a file too large."""
    with _explained(source):
        return Encoded(str(source), _bytes(source))


@contextmanager
def _explained(source: Source) -> Iterator[None]:
    """InputErrors for whatever reading a picture leads into."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise InputError(f"{source} unpacks to more than {LARGEST} pixels, which is refused") from error
    except FileNotFoundError as error:
        raise InputError(f"there is no image {source}") from error
    except (InputError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them into
        raise InputError(f"{source} cannot be read as an image: {_reason(error)}") from error


def _bytes(source: Source) -> bytes:
    if isinstance(source, Encoded):
        _require_small(source, len(source.data))
        return source.data
    with open(source, "rb", buffering=0) as file:
        _require_small(source, os.fstat(file.fileno()).st_size)
        return file.readall()


def _require_small(source: Source, size: int) -> None:
    if size > LARGEST_FILE:
        raise InputError(f"{source} has more than {LARGEST_FILE:,} bytes, which is refused")


def read_photograph(path: str | Path, image_size: int, dataset: type[Dataset]) -> PixelArray:
    """uint8 (image_size, image_size, 3) of a photograph of one's own, prepared as the data set prepares its own.

    One of the size of the data set's photographs is cropped to their box of the face, any other to its central square.
    Raises InputError as ``read_image`` does.
    """
    if dataset.face_box is None:
        return read_image(path, image_size)
    size, box = dataset.face_box
    try:
        with Image.open(path, formats=formats()) as image:
            same = image.size == size
    except (OSError, Image.DecompressionBombError):
        same = False  # ``read_image`` says what is wrong with it
    return read_image(path, image_size, box if same else None)


def _square(image: Image.Image, image_size: int, box: Box | None) -> PixelArray:
    full = image.size
    if box is None:
        side = min(full)
        left, top = (full[0] - side) / 2, (full[1] - side) / 2
        crop: Box = (left, top, left + side, top + side)
    else:
        crop = (max(box[0], 0), max(box[1], 0), min(box[2], full[0]), min(box[3], full[1]))
    if not (crop[2] - crop[0] >= 1 and crop[3] - crop[1] >= 1):
        raise ValueError(f"the face box {_plain(crop)} holds nothing of its {full[0]}×{full[1]} pixels")
    unpack_reduced(image, min(crop[2] - crop[0], crop[3] - crop[1]) / (2 * image_size))
    across, down = image.width / full[0], image.height / full[1]
    crop = (crop[0] * across, crop[1] * down, min(crop[2] * across, image.width), min(crop[3] * down, image.height))
    orientation = image.getexif().get(ORIENTATION)
    resized = in_colour(image).resize((image_size, image_size), Image.Resampling.LANCZOS, box=crop, reducing_gap=3)
    if (
        box is None and orientation is not None
    ):  # a box refers to the pixels as stored; the central square is the same before and after turning
        resized.getexif()[ORIENTATION] = orientation
        resized = ImageOps.exif_transpose(resized)
    return np.asarray(in_srgb(resized))


def unpack_reduced(image: Image.Image, excess: float) -> None:
    """Ask for a JPEG at 1/2, 1/4 or 1/8 of its size, where it is more than ``excess`` times larger than is needed."""
    if excess >= 2:  # only JPEG can do it, the other formats ignore the call
        image.draft("RGB", (int(image.width / excess) + 1, int(image.height / excess) + 1))


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return "unknown format or damaged" if "cannot identify" in text or not text else text


def _plain(box: Box) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"


# (picture, image size, where the face is) → its face, and what was seen
Seek = Callable[[Source, int, Box | None], tuple[PixelArray | None, Any]]
Read = Callable[[Source, int, Any], PixelArray]  # (picture, image size, where the face is) → its pixels


def decode(
    paths: Sequence[Source],
    places: NDArray[np.float64] | Box | None,
    image_size: int,
    first: int = 0,
    seek: Seek | None = None,
    read: Read | None = None,
) -> Batch:
    """Read pictures one after the other.

    places : where the face is in each, float (n, K), one for all, or None: what ``read`` is given.
    first : the position of ``paths[0]`` in the whole list, under which failures are reported.
    seek : what finds and crops the face of each; without any, a picture counts as failed.
    read : what else crops it; default ``read_image``, to whom a place is a box.
    """
    pixels, failed, seen = [], {}, {}
    for row, path in enumerate(paths):
        place: Any = places if places is None or isinstance(places, tuple) else tuple(map(float, places[row]))
        try:
            if seek is None:
                pixels.append((read or read_image)(path, image_size, place))
                continue
            face, seen[first + row] = seek(path, image_size, place)
            if face is None:
                failed[first + row] = f"{path} shows no face"
            else:
                pixels.append(face)
        except InputError as error:
            failed[first + row] = str(error)
    shape = (len(pixels), image_size, image_size, 3)
    return Batch(np.stack(pixels) if pixels else np.empty(shape, np.uint8), failed, seen)


def decode_all(
    count: int,
    sources: Callable[[slice], Sequence[Source]],
    places: NDArray[np.float64] | Box | None,
    settings: LoadSettings,
    seek: Seek | None = None,
    read: Read | None = None,
) -> Iterator[Batch]:
    """Batches of all pictures in order, by ``settings.jobs`` threads: Pillow decodes without the interpreter lock.

    sources : the pictures of some rows, of which there are ``count``. places, seek, read : as in ``decode``.
    """

    def batch_of(rows: slice) -> Batch:
        chosen = places[rows] if isinstance(places, np.ndarray) else places
        return decode(sources(rows), chosen, settings.image_size, rows.start, seek, read)

    parts = list(batches(count, BATCH if seek is None else SOUGHT))
    label = "reading images" if seek is None else "seeking faces"
    settings.report(label, 0, count)
    for part, batch in zip(parts, in_order(batch_of, parts, settings.jobs), strict=True):
        yield batch
        settings.report(label, part.stop, count)
