"""A file that is piped into a command."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiakit.errors import InputError

STDIN = "-"
# How files begin, and the endings by which they are read; an .npz and a .pt are both archives.
BEGINNINGS = {b"\x93NUMPY": ".npy", b"PK\x03\x04": ".npz", b"PAR1": ".parquet", b"\x89HDF": ".h5", b"IxF": ".faiss",
              b"IxM": ".faiss", b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"RIFF": ".webp"}  # fmt: skip
OF_TORCH = b"/data.pkl"  # the member of the archive of a .pt, among the first bytes


@contextmanager
def file_on_stdin() -> Iterator[Path]:
    """What is on stdin as a file, told by how it begins; text is a CSV. Raises InputError where there is nothing."""
    content = sys.stdin.buffer.read()
    if not content:
        raise InputError("stdin is empty: pipe a file into it")
    suffix = next((ending for beginning, ending in BEGINNINGS.items() if content.startswith(beginning)), ".csv")
    if suffix == ".npz" and OF_TORCH in content[:256]:
        suffix = ".pt"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"stdin{suffix}"
        path.write_bytes(content)
        yield path
