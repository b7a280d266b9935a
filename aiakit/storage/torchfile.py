"""Tensors that torch.save wrote, by weights only: whatever else such a file holds is refused, not run."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from aiakit.errors import InputError
from aiakit.storage.arrays import LARGEST_RATIO, LARGEST_UNPACKED, ONLY_NPY, StoredArray, damage

TORCH = (".pt", ".pth")


def read_tensors(path: Path) -> dict[str, StoredArray]:
    """Name → array of a tensor or of a dictionary of tensors, numbers and texts in one row each.

    Raises InputError for anything else, and for a file that would have to be unpickled.
    """
    import torch

    with damage(path):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if any(each.file_size > max(LARGEST_UNPACKED, LARGEST_RATIO * each.compress_size)
                       for each in archive.infolist()):  # fmt: skip
                    raise InputError(f"{path} unpacks to very much more than it holds, which is refused: save it anew")
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises whatever a damaged file, or one with objects, leads it into
            reason = " ".join(str(error).split())[:80]
            raise InputError(
                f"{path} is damaged, or holds Python objects, which would have to be unpickled and are refused "
                f"({reason}): save a tensor, or a dictionary of tensors"
            ) from None
        named = {ONLY_NPY: found} if torch.is_tensor(found) else found
        if not isinstance(named, dict):
            raise InputError(f"{path} holds a {type(found).__name__}: save a tensor, or a dictionary of tensors")
        return {str(name): _stored(path, str(name), value) for name, value in named.items()}


def _stored(path: Path, name: str, value: Any) -> StoredArray:
    import numpy as np
    import torch

    if torch.is_tensor(value):
        value = value.detach()
        array = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    else:
        array = np.asarray(value)
    return StoredArray(array.shape, array.dtype, f"{path}: {name}", lambda: array)
