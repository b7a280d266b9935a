"""The small run, evaluated once."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiakit.experiment.run import Run
from aiakit.results.judge import Evaluation, evaluate

Evaluated = tuple[Run, Evaluation]


@pytest.fixture(scope="session")
def evaluated(tiny_run: Path) -> Evaluated:
    run = Run.open(tiny_run)
    return run, evaluate(run.store, run.config)
