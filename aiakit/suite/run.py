"""A suite as a whole: its releases, its sweep where asked for, and the files that say what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiakit.errors import InputError
from aiakit.experiment.document import document_of
from aiakit.experiment.engine import Engine, Observer
from aiakit.experiment.evaluate import evaluate
from aiakit.experiment.request import Prepared
from aiakit.experiment.run import Run, default_name
from aiakit.experiment.runtime import Runtime
from aiakit.report.html import write_report
from aiakit.store import write_atomically
from aiakit.suite.document import suite_document
from aiakit.suite.request import Requests
from aiakit.suite.schema import Suite
from aiakit.suite.tables import as_markdown
from aiakit.sweep.page import write_sweep_page
from aiakit.sweep.run import PreparedSweep, prepare_sweep

DOCUMENT, MARKDOWN = "benchmark.json", "benchmark.md"


@dataclass(frozen=True)
class Result:
    """What a suite came to. files : what was written for people, beside the cells."""

    document: dict[str, Any]
    folder: Path
    files: list[Path]
    notes: list[str]
    complete: bool


def prepare_sweep_of(path: Path, requests: Requests) -> PreparedSweep:
    """The suite's sweep, checked. Raises InputError, with the file, where it names none or a value is no good."""
    if requests.sweep is None:
        raise InputError(f"{path} names no sweep: add [sweep] with a defense and values, or leave out --sweep")
    try:
        return prepare_sweep(requests.sweep)
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
    """Compute what is missing of the table and of the sweep, and write the document, its Markdown and the reports.

    The run lies in ``out``/``name`` (by default named after its configuration), a sweep in a folder beside it.
    command : the arguments of ``aiakit``, for the run's record.
    Raises InputError where the folders hold something else or cannot be written to.
    """
    run = Run.create(out / (name or f"benchmark-{default_name(prepared.config)}"), prepared.config, command)
    notes = [*prepared.notes, *run.execute(runtime, observer, engine, prepared.broken)]
    swept, pages = None, []
    if sweep is not None:
        folder = out / (f"{name}-sweep" if name else sweep.default_name())
        swept, more = sweep.execute(folder, runtime, observer, engine)
        notes, pages = [*notes, *more], write_sweep_page(swept, folder, figures=True)
    evaluation, failures = evaluate(run.store, run.config), run.failures()
    report, *_ = write_report(run, evaluation, document_of(evaluation, failures))
    document = suite_document(suite_name, suite, evaluation, failures, swept)
    write_atomically(run.folder / DOCUMENT, json.dumps(document, indent=1, allow_nan=False) + "\n")
    write_atomically(run.folder / MARKDOWN, as_markdown(document))
    files = [run.folder / MARKDOWN, run.folder / DOCUMENT, report, *pages]
    return Result(document, run.folder, files, notes, document["complete"] and (swept is None or swept["complete"]))
