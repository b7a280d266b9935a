"""Paths that users give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether it is a file; False, too, of a name that no file can have, where pathlib raises."""
    try:
        return path.is_file()
    except OSError:
        return False


def existing(what: str) -> Callable[[str], str]:
    """A validator of options: the path as it is. Raises ValueError, saying what is wanted, where no file is there."""

    def check(path: str) -> str:
        if not is_file(Path(path).expanduser()):
            raise ValueError(f"the path of {what} that exists")
        return path

    return check
