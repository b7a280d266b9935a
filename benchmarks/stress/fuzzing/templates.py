"""Templates as stores of vectors write them: small sound files, and how they are changed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.plugins.bases import not_installed
from benchmarks.stress.fuzzing import mutations
from benchmarks.stress.fuzzing.mutations import Mutation

Arrays = Mapping[str, np.ndarray[Any, Any]]
Template = tuple[str, Callable[[Path, Arrays], None], dict[str, Mutation], str | None]


def _lists(folder: Path, arrays: Arrays) -> None:
    lines = ["person,gender,embedding"]
    for person, gender, values in zip(arrays["person"], arrays["gender"], arrays["embedding"], strict=True):
        lines.append(f'{person},{gender},"[{",".join(f"{value:.4f}" for value in values)}]"')
    (folder / "lists.csv").write_text("\n".join(lines) + "\n")


def _hdf5(folder: Path, arrays: Arrays) -> None:
    import h5py

    with h5py.File(folder / "release.h5", "w") as file:
        file["faces/embedding"] = arrays["embedding"].astype(np.float16)
        file["person"], file["gender"] = arrays["person"], arrays["gender"].astype("S")


def _torch(folder: Path, arrays: Arrays) -> None:
    import torch

    columns = {"person": torch.tensor(arrays["person"]), "gender": list(map(str, arrays["gender"]))}
    torch.save({"embedding": torch.tensor(arrays["embedding"]), **columns}, folder / "release.pt")


def _faiss(folder: Path, arrays: Arrays) -> None:
    values = arrays["embedding"].astype("<f4")
    header = struct.pack("<iqqq?i", values.shape[1], len(values), 1 << 20, 1 << 20, True, 1)
    flat = b"IxF2" + header + struct.pack("<Q", values.size) + values.tobytes()
    ids = struct.pack("<Q", len(values)) + np.arange(len(values), dtype="<i8").tobytes()
    (folder / "release.faiss").write_bytes(b"IxMp" + header + flat + ids)


def templates() -> dict[str, Template]:
    """Name → the file that is read, how it is made of arrays, how it is changed, why it cannot be read here."""
    damaged: dict[str, Mutation] = {"*": mutations.damaged}
    return {
        "lists in csv": ("lists.csv", _lists, {"*": mutations.text}, None),
        "hdf5": ("release.h5", _hdf5, damaged, not_installed("tables", "h5py")),
        "torch": ("release.pt", _torch, damaged, None),
        "faiss": ("release.faiss", _faiss, damaged, None),
    }
