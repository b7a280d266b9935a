"""What plugins cost, measured on one machine and kept with the package: a reference for other machines and sizes.

The figures are processor seconds of one thread. How much faster or slower a machine is shows while it works; how a
plugin compares with another hardly changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("costs.json")
SAMPLES = 10_000  # for which a list of plugins says what each costs
SIDE = 64  # pixels of the pictures that plugins were measured on


@dataclass(frozen=True)
class Cost:
    """What a plugin took. rows : samples that it was measured on; seconds : what they took; fixed : what few take.

    pieces : what several plugins start from (a pre-trained network) → what making it for so many rows took, which is no
    part of ``seconds``.
    """

    rows: int
    seconds: float
    fixed: float = 0.0
    pieces: tuple[tuple[str, float], ...] = ()

    def of(self, rows: float) -> float:
        """Seconds for so many samples, pieces left out."""
        return self.fixed + max(0.0, self.seconds - self.fixed) * rows / self.rows


@cache
def _measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(MEASURED.read_text("utf-8"))
    return found


def cost_of(kind: str, name: str) -> Cost | None:
    """What a plugin of a kind costs; None of one that was not measured.

    kind : attack, defense or encoder; "verifier", whose names are views.
    """
    found = _measured().get(kind, {}).get(name)
    return None if found is None else Cost(**{**found, "pieces": tuple(found.get("pieces", {}).items())})


def conditions() -> str:
    """On what the costs were measured."""
    return str(_measured()["conditions"])
