"""What goes between a cell and the process of a plugin: JSON messages, and files of tensors."""

from __future__ import annotations

import json
import re
import select
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.storage import tensorfile

Arrays = Mapping[str, NDArray[Any]]
Message = dict[str, Any]
LARGEST = 16 << 20  # bytes of a message
FILE = re.compile(r"[a-z]+[0-9]+\.safetensors")
ROWS = 4096  # copied at once
WAKE_SECONDS = 0.2  # how often a wait gives Python the chance to raise what ends it, such as the end of a cell's time


class Gone(Exception):
    """Nobody is at the other end any more."""


class Channel:
    """One end. folder : where both put their arrays; each removes what it has received. side : names this end's files.

    mapped : names of received arrays that stay memory maps of their file, which has no other reader any more.
    """

    def __init__(self, connection: socket.socket, folder: Path, side: str, mapped: tuple[str, ...] = ()) -> None:
        self.connection = connection
        self.folder = folder
        self.side = side
        self.mapped = mapped
        self._count = 0

    def send(self, message: Message, arrays: Arrays | None = None) -> None:
        """Raises Gone."""
        if arrays:
            name = f"{self.side}{self._count}.safetensors"
            self._count += 1
            _write(self.folder / name, arrays)
            message = {**message, "arrays": name}
        text = json.dumps(message).encode()
        try:
            self.connection.sendall(len(text).to_bytes(4, "little") + text)
        except OSError:
            raise Gone from None

    def receive(self) -> tuple[Message, dict[str, NDArray[Any]]]:
        """The next message and its arrays. Raises Gone; ValueError and InputError for what is no message."""
        length = int.from_bytes(self._read(4), "little")
        if length > LARGEST:
            raise ValueError(f"a message of {length:,} bytes")
        message = json.loads(self._read(length))
        if not isinstance(message, dict):
            raise ValueError("a message that is no table")
        name = message.pop("arrays", None)
        if name is None:
            return message, {}
        if not isinstance(name, str) or not FILE.fullmatch(name):
            raise ValueError(f"arrays in a file {name!r}")
        path = self.folder / name
        found = {key: part if key in self.mapped else np.array(part) for key, part in tensorfile.load(path).items()}
        path.unlink()
        return message, found

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            while not select.select([self.connection], [], [], WAKE_SECONDS)[0]:
                pass
            try:
                part = self.connection.recv(count - len(parts))
            except OSError:
                raise Gone from None
            if not part:
                raise Gone
            parts += part
        return bytes(parts)


def _write(path: Path, arrays: Arrays) -> None:
    """Write arrays, or rows of memory maps, some rows at a time."""
    targets = tensorfile.create(path, {name: (part.dtype, part.shape) for name, part in arrays.items()})
    for name, target in targets.items():
        if target.ndim == 0:
            target[...] = arrays[name]
            continue
        for start in range(0, len(target), ROWS):
            target[start : start + ROWS] = arrays[name][start : start + ROWS]
