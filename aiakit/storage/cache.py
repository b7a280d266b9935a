"""The pixel cache: images decoded or drawn once, then mapped into memory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from aiakit.contracts import PixelArray
from aiakit.errors import InputError

PIXELS, RECORD = "pixels.npy", "record.json"
ABANDONED_SECONDS = 24 * 3600  # an unfinished folder this old belongs to a process that was killed


@dataclass(frozen=True)
class Pixels:
    """A finished cache.

    images : uint8 (N, H, W, 3), a read-only memory map of the images that could be read.
    digest : SHA-256 of the pixels.
    failed : position among the requested images → why it could not be read.
    repeated : row of ``images`` → the first row that holds the same pixels.
    seen : position among the requested images → what else their reader found in it, of JSON.
    """

    images: PixelArray
    digest: str
    failed: dict[int, str]
    repeated: dict[int, int]
    seen: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Consecutive images as they are made: ``pixels`` holds those that could be read, ``failed`` names the others.

    seen : as in Pixels.
    """

    pixels: PixelArray
    failed: dict[int, str]
    seen: dict[int, Any] = field(default_factory=dict)


def cache_folder() -> Path:
    """Where pixels are kept: AIAKIT_CACHE, or the platform's folder for caches."""
    if chosen := os.environ.get("AIAKIT_CACHE"):
        return Path(chosen)
    return user_cache_path("aiakit", appauthor=False)


def cached_pixels(folder: Path, key: str, image_size: int, batches: Iterable[Batch]) -> Pixels:
    """The pixels stored under ``key``, made from ``batches`` when they are not there yet.

    ``batches`` is iterated only when something has to be made. A cache is written to a temporary folder, flushed, then
    renamed, so another process sees all of it or nothing; of two processes that make the same one, the first wins.

    Raises
    ------
    InputError : the folder cannot be written, or the disk is full.
    """
    place = folder / key
    found = _open(place)
    if found is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        making = folder / f".{key}-{uuid.uuid4().hex[:12]}"
        making.mkdir()
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        _write(making, image_size, batches)
        _publish(making, place)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    made = _open(place)
    if made is None:
        raise InputError(f"the pixel cache {place} cannot be read back: check the disk, or set AIAKIT_CACHE elsewhere")
    return made


def _open(place: Path) -> Pixels | None:
    """The finished cache at ``place``; None where it is absent or damaged, since it can be made again."""
    try:
        record: dict[str, Any] = json.loads((place / RECORD).read_text())
        images = np.load(place / PIXELS, mmap_mode="r", allow_pickle=False)
        if list(images.shape) != record["shape"] or images.dtype != np.uint8:
            return None
        record.setdefault("seen", {})  # of a cache that an earlier version made
        of_rows = ("failed", "repeated", "seen")
        failed, repeated, seen = ({int(row): found for row, found in record[key].items()} for key in of_rows)
        return Pixels(images, record["digest"], failed, repeated, seen)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, AttributeError):
        return None
    except OSError as error:
        raise _unwritable(place, error) from error


def _write(making: Path, image_size: int, batches: Iterable[Batch]) -> None:
    """Stream the images into an .npy file. Plain writes: a full disk is an error there, a crash in a memory map."""
    failed: dict[int, str] = {}
    seen: dict[int, Any] = {}
    total, checksum = 0, hashlib.sha256()
    first: dict[bytes, int] = {}
    repeated: dict[int, int] = {}
    with open(making / PIXELS, "wb") as file:
        _header(file, total, image_size)
        start = file.tell()
        for batch in batches:
            failed.update(batch.failed)
            seen.update(batch.seen)
            data = np.ascontiguousarray(batch.pixels).data
            checksum.update(data)
            file.write(data)
            for row, image in enumerate(np.ascontiguousarray(batch.pixels), start=total):
                found = first.setdefault(hashlib.blake2b(image.data, digest_size=16).digest(), row)
                if found != row:
                    repeated[row] = found
            total += len(batch.pixels)
        file.seek(0)
        _header(file, total, image_size)  # NumPy pads the header so that the first axis can grow in place
        if file.tell() != start:
            raise AssertionError("the header of an .npy file changed its length")
        _flush(file)
    record = {
        "shape": [total, image_size, image_size, 3],
        "digest": checksum.hexdigest(),
        "failed": failed,
        "repeated": repeated,
        "seen": seen,
    }
    with open(making / RECORD, "w") as text:
        json.dump(record, text)
        _flush(text)


def _header(file: Any, total: int, image_size: int) -> None:
    layout = {"descr": "|u1", "fortran_order": False, "shape": (total, image_size, image_size, 3)}
    np.lib.format.write_array_header_1_0(file, layout)


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _publish(making: Path, place: Path) -> None:
    """Put a finished cache in its place, unless a sound one is there: the first wins.

    A damaged one is mended file by file and never moved away: what another process has published meanwhile would go
    with it. Two that repair the same one write the same pixels.
    """
    try:
        making.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        if _open(place) is None:
            for name in (PIXELS, RECORD):
                (making / name).replace(place / name)


def _sweep(folder: Path) -> None:
    for entry in folder.glob(".*-*"):
        try:
            age = time.time() - max(part.stat().st_mtime for part in (entry, *entry.iterdir()))
        except FileNotFoundError:  # its process has just finished
            continue
        if age > ABANDONED_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"cannot keep pixels in {folder}: {reason}; make room, or set AIAKIT_CACHE to another folder")
