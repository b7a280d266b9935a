"""Array files (.npy, .npz, .safetensors) whose headers are checked before anything is allocated."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.storage import tensorfile

LARGEST = 16 << 30  # bytes of one array: 200,000 × 512 in float32 is a fortieth of it
# A packed array that unpacks to more than the first, and to more than the second times its size, is taken for a bomb.
LARGEST_UNPACKED, LARGEST_RATIO = 256 << 20, 100
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes; unpacking others takes memory of its own
LARGEST_CHARACTER, SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
ONLY_NPY = "embedding"  # what the single array of an .npy file is called


@dataclass(frozen=True)
class StoredArray:
    """An array that lies in a file: its shape and type are known, its values are read by ``load``."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    where: str
    read: Callable[[], NDArray[Any]]

    @property
    def is_plain(self) -> bool:
        """Numbers, truth values or text; not Python objects, records, times or complex numbers."""
        return self.dtype.kind in "biufUS"

    def load(self) -> NDArray[Any]:
        """The values. Raises InputError for kinds of values that are refused, and for a damaged file."""
        if self.dtype.hasobject:
            raise objects_refused(self.where)
        if not self.is_plain:
            raise InputError(f"{self.where} holds {self.dtype}: give plain numbers or text")
        if 0 in self.shape[1:]:
            raise InputError(f"{self.where} has shape {self.shape} and so no values: save it again")
        values = self.read()
        if self.dtype.kind == "U" and not _is_text(values):
            raise InputError(f"{self.where} holds characters that do not exist: save the texts again")
        return values


def objects_refused(where: str) -> InputError:
    """The error for an array of Python objects that is wanted."""
    return InputError(
        f"{where} holds Python objects, which would have to be unpickled and are refused: save it as an array of "
        "numbers or of text (np.asarray(values, dtype=str))"
    )


def read_arrays(path: Path) -> dict[str, StoredArray]:
    """Name → array of a .npy, .npz or .safetensors file. Nothing but headers is read.

    Raises InputError where a file is damaged, or declares more than it holds or than 16 GiB in one array.
    """
    with damage(path):
        if path.suffix.lower() == ".safetensors":
            return {name: _in_memory_map(path, name, array) for name, array in tensorfile.load(path).items()}
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return {ONLY_NPY: _checked(file, path.stat().st_size, str(path), lambda: _load_npy(path))}
        with zipfile.ZipFile(path) as archive:
            return {
                info.filename.removesuffix(".npy"): _member(archive, info, path)
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }


def _in_memory_map(path: Path, name: str, array: NDArray[Any]) -> StoredArray:
    return StoredArray(array.shape, array.dtype, f"{path}: {name}", lambda: array)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> StoredArray:
    name = info.filename.removesuffix(".npy")
    if info.compress_type not in PACKED:
        raise InputError(f"{path}: {name} is packed in a way that NumPy does not: save it again with np.savez")
    if info.file_size > max(LARGEST_UNPACKED, LARGEST_RATIO * info.compress_size):
        raise InputError(
            f"{path}: {name} unpacks from {info.compress_size:,} to {info.file_size:,} bytes, which is refused: save "
            "it unpacked with np.savez"
        )
    with archive.open(info) as file:
        return _checked(file, info.file_size, f"{path}: {name}", lambda: _load_npz(path, name))


def _checked(file: IO[bytes], size: int, where: str, read: Callable[[], NDArray[Any]]) -> StoredArray:
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise InputError(f"{where} is stored in format {version}: save it again with np.save as plain numbers or text")
    try:
        shape, _, dtype = HEADERS[version](file)
    except Exception as error:  # NumPy evaluates the header as a Python literal, which fails in every way there is
        raise ValueError(f"its header is none: {error}") from None
    if dtype.itemsize == 0 or any(length < 0 for length in shape):
        raise InputError(f"{where} declares {shape} of {dtype}, which holds nothing: save it again")
    declared, held = math.prod(shape) * dtype.itemsize, size - file.tell()
    if declared > LARGEST:
        raise InputError(f"{where} declares {shape} of {dtype}, {declared:,} bytes: more than {LARGEST:,} is refused")
    if declared != held and not dtype.hasobject:
        raise InputError(f"{where} declares {declared:,} bytes of values and holds {held:,}: get a whole copy")
    return StoredArray(shape, dtype, where, read)


def _load_npy(path: Path) -> NDArray[Any]:
    with damage(path):
        return np.asarray(np.load(path, allow_pickle=False))


def _load_npz(path: Path, name: str) -> NDArray[Any]:
    with damage(path), np.load(path, allow_pickle=False) as arrays:
        return np.asarray(arrays[name])


def _is_text(values: NDArray[Any]) -> bool:
    codes = np.ascontiguousarray(values).view(np.dtype("u4").newbyteorder(values.dtype.byteorder))
    return not ((codes > LARGEST_CHARACTER) | ((codes >= SURROGATES[0]) & (codes <= SURROGATES[1]))).any()


# What a damaged file leads the libraries into.
DAMAGE = (OSError, EOFError, ValueError, OverflowError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Whatever a damaged file leads the libraries into, as one line."""
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is damaged or no {path.suffix} file ({reason}): get a whole copy") from None
