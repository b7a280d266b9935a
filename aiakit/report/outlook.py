"""The plan of a run on a terminal."""

from __future__ import annotations

from typing import Any

from aiakit.report.grid import Grid, print_grid, say
from aiakit.report.terminal import stdout


def print_outlook(document: dict[str, Any]) -> None:
    """Print what a run would take, from the document of ``--dry-run``."""
    out = stdout()
    finished = f", {document['finished']} of them finished" if document["finished"] else ""
    say(out, f"{document['run']}: {document['cells']} cells{finished}", "bold")
    out.print()
    rows = [
        [row["release"], str(row["cells"] - row["finished"]), in_words(row["seconds"])] for row in document["releases"]
    ]
    print_grid(out, Grid("", ("release", "cells to do", "computing time"), rows))
    shown = "what this machine took for finished ones" if document["measured"] else document["costs"]
    say(
        out,
        f"About {in_words(document['seconds'])} in all (reckoned from {shown}), {_size(document['bytes'])} on the disk "
        f"({_size(document['free_bytes'])} free). Nothing was computed.",
    )
    if document["curves"]:
        say(
            out,
            f"Learning curves of the strongest attacks, known then, come on top: {document['curves']} cells at most.",
        )


def in_words(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2.5 h``.

    >>> in_words(200.0)
    '3 min'
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
