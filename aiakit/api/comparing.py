"""``aiakit.compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiakit.api.result import Result
from aiakit.experiment.run import Run
from aiakit.report.comparison import compare_runs


def compare(first: Result | str | Path, second: Result | str | Path) -> dict[str, Any]:
    """What ``aiakit compare --json`` prints of two runs or audits: paired differences, second minus first.

    Raises InputError where a folder holds no run.
    """
    return compare_runs(_run(first), _run(second))


def _run(given: Result | str | Path) -> Run:
    return given.run if isinstance(given, Result) else Run.open(Path(given))
