"""Paths that users give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def existing(what: str) -> Callable[[str], str]:
    """A validator of options: the path as it is. Raises ValueError, saying what is wanted, where no file is there."""

    def check(path: str) -> str:
        if not Path(path).expanduser().is_file():
            raise ValueError(f"the path of {what} that exists")
        return path

    return check
