"""How the commands under stress are begun: as ``subprocess.Popen`` does it, or somebody in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Process(Protocol):
    """What is asked of a process that was begun: a part of ``subprocess.Popen``."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


Begin = Callable[..., Process]
