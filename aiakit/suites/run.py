"""A suite as a whole: its releases, its sweep where asked for, and the document that says what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiakit.errors import InputError
from aiakit.experiment.config import parse_chain
from aiakit.experiment.engine import Engine, Observer
from aiakit.experiment.request import Prepared
from aiakit.experiment.run import Run, default_name
from aiakit.experiment.runtime import Runtime
from aiakit.results.computing import compute
from aiakit.results.evaluate import Evaluation, evaluate
from aiakit.storage.store import write_atomically
from aiakit.suites.document import suite_document
from aiakit.suites.request import Requests
from aiakit.suites.schema import Suite
from aiakit.sweeps.axes import axes_of
from aiakit.sweeps.run import PreparedSweep, prepare_sweep

DOCUMENT = "benchmark.json"


@dataclass(frozen=True)
class Result:
    """What a suite came to.

    run, evaluation : the table's. sweep : the sweep's document and its folder, None where there was no sweep.
    """

    document: dict[str, Any]
    run: Run
    evaluation: Evaluation
    sweep: tuple[dict[str, Any], Path] | None
    notes: list[str]

    @property
    def complete(self) -> bool:
        """Whether every cell of the table and of the sweep has a result."""
        return bool(self.document["complete"]) and (self.sweep is None or bool(self.sweep[0]["complete"]))


def prepare_sweep_of(path: Path, suite: Suite, requests: Requests) -> PreparedSweep:
    """The suite's sweep, checked. Raises InputError, with the file, where it names none or a value is no good."""
    if requests.sweep is None or suite.sweep is None:
        raise InputError(f"{path} names no sweep: add [sweep] with a defense and values, or leave out --sweep")
    try:
        # Options that the sweep shares with the table are axes of one value.
        stages = parse_chain(suite.sweep.defense)
        given = {stage: requests.sweep.options.get(stage, {}) for stage in stages}
        fixed = {f"{stage}.{option}": (value,) for stage, of in given.items() for option, value in of.items()}
        return prepare_sweep(requests.sweep, axes_of({**suite.sweep.values, **fixed}, suite.sweep.defense))
    except InputError as error:
        raise InputError(f"{path}: sweep: {error}") from None


def run_suite(
    suite_name: str,
    suite: Suite,
    prepared: Prepared,
    sweep: PreparedSweep | None,
    out: Path,
    name: str | None,
    runtime: Runtime,
    observer: Observer,
    engine: Engine,
    command: Sequence[str] | None = None,
) -> Result:
    """Compute what is missing of the table and of the sweep, and write the document.

    The run lies in ``out``/``name`` (by default named after its configuration), a sweep in a folder beside it.
    command : the arguments of ``aiakit``, for the run's record.
    Raises InputError where the folders hold something else or cannot be written to.
    """
    if prepared.config.protected or prepared.config.protected_numbers:
        raise InputError(f"{suite_name}: attribute: a suite protects one attribute, aiakit run several at once")
    run = Run.create(out / (name or f"benchmark-{default_name(prepared.config)}"), prepared.config, command)
    notes = compute(run, runtime, observer, engine, prepared.broken)
    swept = None
    if sweep is not None:
        folder = out / (f"{name}-sweep" if name else sweep.default_name())
        document, more = sweep.execute(folder, runtime, observer, engine)
        swept, notes = (document, folder), [*notes, *more]
    evaluation = evaluate(run.store, run.config)
    document = suite_document(suite_name, suite, evaluation, run.failures(), None if swept is None else swept[0])
    write_atomically(run.folder / DOCUMENT, json.dumps(document, indent=1, allow_nan=False) + "\n")
    return Result(document, run, evaluation, swept, notes)
