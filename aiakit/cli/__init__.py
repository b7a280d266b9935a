"""The command line: one file per command, imported when the command is used."""

from __future__ import annotations

from aiakit.cli.main import main

__all__ = ["main"]
