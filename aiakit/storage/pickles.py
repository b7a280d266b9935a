"""Pickles are programs: they are refused, with the way on."""

from __future__ import annotations

from pathlib import Path

from aiakit.errors import InputError

ENDINGS = (".pkl", ".pickle")


def refuse_pickle(path: Path, instead: str) -> None:
    """Raise InputError where the file is called a pickle. instead : what to give in its place."""
    if path.suffix.lower() in ENDINGS:
        raise InputError(f"{path} is a pickle, which can run programs when it is opened, and is not read: {instead}")
