"""Embeddings as a file with the columns beside them: what ``read_embeddings`` reads."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.contracts import FloatArray
from aiakit.errors import InputError
from aiakit.storage.store import replacing

ENDINGS = (".npz", ".parquet")
EMBEDDING = "embedding"


def require_writer(path: Path) -> None:
    """Raise InputError where a file of this ending cannot be written here."""
    if path.suffix == ".parquet":
        _pyarrow(path)


def write_embeddings(path: Path, embedding: FloatArray, columns: Mapping[str, Sequence[str]]) -> None:
    """Write N rows, and columns of N texts, "" where nothing is known; another file is replaced at the very end.

    Raises InputError without pyarrow where that is needed, OSError for a disk that is full.
    """
    if path.suffix == ".parquet":
        pa, parquet = _pyarrow(path)
        values = pa.FixedSizeListArray.from_arrays(pa.array(embedding.ravel()), embedding.shape[1])
        texts = {name: [text or None for text in column] for name, column in columns.items()}
        table = pa.table({**{name: pa.array(column, pa.string()) for name, column in texts.items()}, EMBEDDING: values})
        with replacing(path) as file:
            parquet.write_table(table, file)
        return
    arrays: dict[str, Any] = {name: np.array(column, dtype=np.str_) for name, column in columns.items()}
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:  # np.savez takes no array that is called file
        for name, array in {EMBEDDING: embedding, **arrays}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise InputError(f"writing {path} needs pyarrow: pip install 'aiakit[parquet]', or write .npz") from None
    return pa, parquet
