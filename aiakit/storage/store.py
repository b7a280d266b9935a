"""The run folder: content-addressed cells, each written whole or not at all.

``FOLDER/run.json`` says what was asked for; ``FOLDER/cells/DIGEST/`` holds what one cell computed: ``result.json`` and
tensor files. A cell is written to a temporary folder, flushed to the disk and renamed, so a cell that can be seen is
finished. ``result.json`` carries the checksums of the other files: a damaged cell is found, named and computed again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.storage import tensorfile

RESULT = "result.json"
CELLS = "cells"
# What reading a damaged cell may raise. Other errors (no permission, too many open files) say nothing about the cell.
DAMAGE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError,
          RecursionError)  # fmt: skip


def json_digest(inputs: Mapping[str, Any]) -> str:
    """The name of a cell: sha256 over its inputs as canonical JSON."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Cell:
    """A finished cell."""

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self.inputs: dict[str, Any] = record["inputs"]
        self.result: dict[str, Any] = record["result"]
        self.seconds: float = record["seconds"]

    def tensors(self, name: str) -> dict[str, NDArray[Any]]:
        """The tensors of one of the cell's files, as read-only memory maps."""
        return tensorfile.load(self.folder / f"{name}.safetensors")


class Draft:
    """A cell while it is written: ``save`` or ``create`` tensor files, fill ``result``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.result: dict[str, Any] = {}
        self.seconds = 0.0

    def save(self, name: str, tensors: Mapping[str, NDArray[Any]]) -> None:
        tensorfile.save(self.folder / f"{name}.safetensors", tensors)

    def create(self, name: str, layout: Mapping[str, tuple[Any, tuple[int, ...]]]) -> dict[str, NDArray[Any]]:
        """Writable memory maps of a file that is filled in pieces."""
        return tensorfile.create(self.folder / f"{name}.safetensors", layout)


class Store:
    """The cells of one run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells = folder / CELLS
        self._sound: set[str] = set()
        self.damaged: list[str] = []

    def open(self) -> None:
        """Make the folders and sweep up what dead processes of this host left unfinished.

        Raises InputError where the folder cannot be written to.
        """
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.cells):
                pass
        except OSError as error:
            raise InputError(
                f"the folder {self.folder} cannot be written to ({error.strerror}): choose another with --out"
            ) from None
        for left in self.cells.glob(f".draft-{socket.gethostname()}-*"):
            if not _alive(left.name.split("-")[-2]):
                shutil.rmtree(left, ignore_errors=True)

    def has(self, digest: str) -> bool:
        """Whether the cell is finished and undamaged. A damaged one is moved aside and listed in ``damaged``."""
        return self.find(digest) is not None

    def find(self, digest: str) -> Cell | None:
        """The finished cell, or None."""
        folder = self.cells / digest
        if not folder.is_dir():
            return None
        try:
            record = json.loads((folder / RESULT).read_text("utf-8"))
            if digest not in self._sound:
                _verify(folder, record, digest)
                self._sound.add(digest)
            return Cell(folder, record)
        except (*DAMAGE, OSError) as error:
            if not isinstance(error, DAMAGE) and error.errno != errno.EIO:
                raise
            if self._set_aside(folder):
                self.damaged.append(f"cell {digest} is damaged ({error}) and will be computed again")
                return None
            return self.find(digest)

    def seconds(self, digest: str) -> float | None:
        """How long a cell took, without a look at its tensors; None where it is not finished, or does not say."""
        try:
            return float(json.loads((self.cells / digest / RESULT).read_text("utf-8"))["seconds"])
        except (*DAMAGE, OSError):
            return None

    def read(self, digest: str) -> Cell:
        """The finished cell. Raises InputError where there is none."""
        cell = self.find(digest)
        if cell is None:
            raise InputError(f"{self.folder} has no finished cell {digest}: run the same command again to resume")
        return cell

    @contextmanager
    def draft(self, digest: str, inputs: Mapping[str, Any]) -> Iterator[Draft]:
        """Write a cell; when the block ends well it is flushed and renamed, otherwise nothing is left.

        Where another process finished the same cell first, its copy stays and this one is dropped.
        """
        prefix = f".draft-{socket.gethostname()}-{os.getpid()}-"
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.cells))
        try:
            draft = Draft(folder)
            yield draft
            files = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
            record = {
                "schema": 1,
                "digest": digest,
                "inputs": dict(inputs),
                "files": files,
                "seconds": draft.seconds,
                "result": draft.result,
            }
            (folder / RESULT).write_text(json.dumps(record, indent=1, allow_nan=False), "utf-8")
            for path in [*folder.iterdir(), folder]:
                flush(path)
            folder.chmod(0o755)
            try:
                folder.rename(self.cells / digest)
            except OSError:
                if self.find(digest) is None:  # a damaged one was there, and is aside now
                    folder.rename(self.cells / digest)
            flush(self.cells)
            self._sound.add(digest)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _set_aside(self, folder: Path) -> bool:
        """Move a damaged cell away. False where another process has put a sound one in its place meanwhile."""
        aside = Path(tempfile.mkdtemp(prefix=f"damaged-{folder.name}-", dir=self.cells))
        moved = aside / "cell"
        try:
            folder.rename(moved)
        except FileNotFoundError:  # another process was first
            aside.rmdir()
            return not folder.is_dir()
        try:
            _verify(moved, json.loads((moved / RESULT).read_text("utf-8")), folder.name)
        except (*DAMAGE, OSError):
            return True
        with suppress(OSError):  # a third process has put one there
            moved.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
        return False


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a small file so that a reader sees the old one or the new one, never half of it."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of another at the end of the block, or is removed where that fails."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    flush(path.parent)


def flush(path: Path) -> None:
    """Have the operating system write a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _verify(folder: Path, record: Mapping[str, Any], digest: str) -> None:
    if record["digest"] != digest or json_digest(record["inputs"]) != digest:
        raise ValueError("its inputs are not those of its name")
    for name, checksum in record["files"].items():
        if "/" in name or file_digest(folder / name) != checksum:
            raise ValueError(f"{name} has another checksum")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
