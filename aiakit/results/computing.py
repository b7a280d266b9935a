"""All that a run takes: what it was asked for, and then what follows from the scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aiakit.experiment.cellspec import CellSpec
from aiakit.experiment.config import RunConfig
from aiakit.experiment.engine import Engine, Observer
from aiakit.experiment.outlook import outlook
from aiakit.experiment.plan import make_plan
from aiakit.experiment.remaining import Sizes
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.results.evaluate import evaluate
from aiakit.results.learning import at_most, curves_of
from aiakit.storage.store import Store


def compute(run: Run, runtime: Runtime, observer: Observer, engine: Engine, broken: dict[str, str]) -> list[str]:
    """Compute what is missing of a run: what it was asked for, and then the curves of its strongest attacks.

    Returns notes.
    """
    notes = run.execute(runtime, observer, engine, broken)
    if run.config.forecast:
        cells = list(_missing(run.store, run.config))
        if cells:
            notes += run.execute(runtime, observer, engine, {**broken, **run.failures()}, cells)
    return notes


def planned(
    folder: Path, config: RunConfig, engine: Engine, splits: Mapping[Any, Mapping[str, int]], side: int
) -> dict[str, Any]:
    """The document of ``--dry-run``, the arguments as of ``outlook``: what ``compute`` would do."""
    cells, store = make_plan(config).unique_cells(), Store(folder)
    if all(store.seconds(cell.digest) is not None for cell in cells):
        curves = len(list(_missing(store, config))) if config.forecast else 0
    else:
        curves = at_most(config, Sizes.of(splits, side, config.split.folds).people)
    return outlook(folder, cells, engine, splits, side, curves)


def _missing(store: Store, config: RunConfig) -> Iterator[CellSpec]:
    evaluation = evaluate(store, config)
    for row in evaluation.rows.values():
        cells = curves_of(config, evaluation.protocol, row).cells.values()
        yield from (cell for cell in cells if not store.has(cell.digest))
