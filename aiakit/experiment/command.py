"""The command line that made a run, as the run's record holds it: it determines nothing, and says how to repeat it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

Command = tuple[str, ...]
LONGEST = 1 << 16  # characters in all: the record may come from a stranger, and the page of the run shows it
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def to_store(words: Sequence[str] | None) -> list[str] | None:
    """What a record keeps of the arguments that ``aiakit`` was given; None where it would not be read again.

    The name and password of an address (``--track mlflow:https://NAME:PASSWORD@HOST``) are left out: reports are made
    to be passed on.
    """
    if words is None or not _short(words):
        return None
    return [CREDENTIALS.sub("***@", word) for word in words]


def from_record(stored: Any) -> Command | None:
    """What a record says. Raises ValueError for anything but null and a list of texts of at most 65,536 characters."""
    if stored is None:
        return None
    if not isinstance(stored, list) or not all(isinstance(word, str) for word in stored):
        raise ValueError("its command is no list of texts")
    if not _short(stored):
        raise ValueError(f"its command has more than {LONGEST:,} characters")
    return tuple(stored)


def _short(words: Sequence[str]) -> bool:
    return sum(len(word) + 1 for word in words) <= LONGEST  # + 1: empty words are no way round it


def without_folders(words: Sequence[str]) -> Command:
    """The arguments with the folders of this machine left out of absolute paths: what others may read.

    >>> without_folders(("run", "--data-root", "/home/me/faces", "--set", "art.file=/tmp/w.pt", "--out=runs"))
    ('run', '--data-root', '…/faces', '--set', 'art.file=…/w.pt', '--out=runs')
    """
    return tuple(re.sub(r"[^=,]+", lambda part: _without_folder(part.group()), word) for word in words)


def _without_folder(text: str) -> str:
    return ":".join(map(_without_place, text.split(":")))  # precomputed:FILE, python:FILE:function


def _without_place(path: str) -> str:
    away = path.startswith(("/", "~/")) and not path.startswith("//")  # as what follows in an address does
    return f"…/{PurePosixPath(path).name}" if away else path
