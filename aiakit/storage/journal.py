"""What was found out once, by key, so that nobody need find it out again: an interrupted search goes on."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from aiakit.errors import InputError


class Journal:
    """JSON values by key in a file of lines that only grows. Threads, and processes on one machine, may share it.

    A line that a killed process has left unfinished is passed over: what it said is found out again.

    Raises InputError where the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"cannot read {path}: {reason}; delete it, or set AIAKIT_CACHE elsewhere") from error
        for line in text.splitlines():
            try:
                key, value = json.loads(line)
            except (ValueError, TypeError):
                continue
            if isinstance(key, str):
                self._known[key] = value

    def get(self, key: str) -> Any:
        """What is known; None where nothing is."""
        return self._known.get(key)

    def add(self, key: str, value: Any) -> None:
        """Note it in one write, on a line of its own whatever the file ends with. Raises OSError."""
        with self._lock:
            self._known[key] = value
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab", buffering=0) as file:
                file.write(f"\n{json.dumps([key, value])}\n".encode())
