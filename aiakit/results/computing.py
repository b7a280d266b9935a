"""All that a run takes: what it was asked for, and then what follows from the scores."""

from __future__ import annotations

from collections.abc import Iterator

from aiakit.experiment.cellspec import CellSpec
from aiakit.experiment.engine import Engine, Observer
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.results.evaluate import evaluate
from aiakit.results.learning import curves_of
from aiakit.results.row import Row


def compute(run: Run, runtime: Runtime, observer: Observer, engine: Engine, broken: dict[str, str]) -> list[str]:
    """Compute what is missing of a run: what it was asked for, and then the curves of its strongest attacks.

    Returns notes.
    """
    notes = run.execute(runtime, observer, engine, broken)
    if run.config.forecast:
        evaluation = evaluate(run.store, run.config)
        cells = [cell for row in evaluation.rows.values() for cell in _missing(run, evaluation.protocol, row)]
        if cells:
            notes += run.execute(runtime, observer, engine, {**broken, **run.failures()}, cells)
    return notes


def _missing(run: Run, protocol: Protocol, row: Row) -> Iterator[CellSpec]:
    cells = curves_of(run.config, protocol, row).cells.values()
    yield from (cell for cell in cells if not run.store.has(cell.digest))
