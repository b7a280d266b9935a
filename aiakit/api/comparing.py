"""``aiakit.compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiakit.api.result import Result
from aiakit.results import comparison
from aiakit.results.comparison import Side


def compare(first: Result | str | Path, second: Result | str | Path) -> dict[str, Any]:
    """What ``aiakit compare --json`` prints of two runs or audits: paired differences, second minus first.

    Texts may name a release, ``"runs/a:leace"``; without one every release of the first is paired with every one of the
    second. Raises InputError where a folder holds no run, or has no such release.
    """
    return comparison.compare(_side(first), _side(second))


def _side(given: Result | str | Path) -> Side:
    return Side(given.run) if isinstance(given, Result) else Side.read(str(given))
