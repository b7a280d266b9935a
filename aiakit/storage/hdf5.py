"""HDF5 files, within bounds: numbers and texts, and nothing that lies in another file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.storage.arrays import LARGEST, LARGEST_RATIO, LARGEST_UNPACKED, StoredArray, damage

HDF5 = (".h5", ".hdf5", ".hdf")
MOST = 1_000  # data sets that are listed


def read_hdf5(path: Path) -> dict[str, StoredArray]:
    """Name (with its groups, ``faces/embedding``) → array. Nothing but shapes and types is read.

    Links into other files and data sets that are stored outside of the file are left out: somebody else's file must not
    have others of this machine read. Raises InputError for a damaged file, and without h5py.
    """
    try:
        import h5py
    except ImportError:
        raise InputError(f"reading {path} needs h5py: pip install 'aiakit[tables]'") from None
    with _damage(path), h5py.File(path, "r") as file:
        found: dict[str, StoredArray] = {}
        for name, dataset in _datasets(file, ""):
            if len(found) == MOST:
                raise InputError(f"{path} holds more than {MOST} data sets: name the one that is wanted, FILE.h5:NAME")
            found[name] = _stored(path, name, dataset)
        return found


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """``damage``; h5py raises KeyError, too, where what a name leads to cannot be opened."""
    with damage(path):
        try:
            yield
        except KeyError as error:
            raise ValueError(error.args[0]) from None


def _datasets(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every data set that lies in the file itself, through hard links only: others may lead in circles."""
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink) or prefix.count("/") > 8:
            continue
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(item, f"{prefix}{name}/")
        elif isinstance(item, h5py.Dataset) and not item.is_virtual and not item.external:
            yield prefix + name, item


def _stored(path: Path, name: str, dataset: Any) -> StoredArray:
    import h5py

    where = f"{path}: {name}"
    text = h5py.check_string_dtype(dataset.dtype) is not None
    shape, dtype = tuple(dataset.shape or ()), np.dtype(np.str_) if text else dataset.dtype
    size, held = dataset.size * max(dataset.dtype.itemsize, 1), dataset.id.get_storage_size()
    if size > LARGEST or size > max(LARGEST_UNPACKED, LARGEST_RATIO * held):
        raise InputError(f"{where} declares {size:,} bytes and holds {held:,}, which is refused: save it unpacked")

    def read() -> NDArray[Any]:
        with _damage(path), h5py.File(path, "r") as file:
            values = file[name].asstr()[...] if text else file[name][...]
        return np.asarray(values, np.str_) if text else np.asarray(values)

    return StoredArray(shape, dtype, where, read)
