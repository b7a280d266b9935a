"""Runs the cells of a plan, in this process or by an engine's workers, and keeps going when a plugin fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from aiakit.contracts import no_progress
from aiakit.errors import AiakitError, InputError
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.remaining import Remaining
from aiakit.experiment.runtime import Kinds, Runtime
from aiakit.experiment.workers import Problem, Setup, execute, give_back_memory, problem_of, what_is_there_stays
from aiakit.plugins import registry
from aiakit.storage import tensorfile
from aiakit.storage.store import Store


class Observer(Protocol):
    """What a run tells about itself while it goes on."""

    def begin(self, remaining: Remaining) -> None:
        """Called once: which cells there are, how many were finished by an earlier start, how long the others take."""

    def start(self, label: str) -> None:
        """A cell begins."""

    def step(self, label: str, done: int, total: int) -> None:
        """A part of the cell that runs in this process has moved on."""

    def end(self, label: str, failure: str | None) -> None:
        """A cell is finished, or has failed for the reason given."""


class SilentObserver:
    """An observer that shows nothing."""

    def begin(self, remaining: Remaining) -> None: ...

    def start(self, label: str) -> None: ...

    def step(self, label: str, done: int, total: int) -> None: ...

    def end(self, label: str, failure: str | None) -> None: ...


class WorkerDied(AiakitError):
    """The process that computed a cell has gone, and the cell with it. The message is the cell's failure."""


class Workers(Protocol):
    """Processes that compute cells.

    slots : how many cells they are given at once. retries : how often a cell whose worker died is given again.
    """

    @property
    def slots(self) -> float: ...

    @property
    def retries(self) -> int: ...

    def submit(self, cell: CellSpec) -> Future[Problem | None]:
        """Have the cell computed."""

    def result(self, future: Future[Problem | None]) -> Problem | None:
        """How a cell that is done went. Raises WorkerDied, and what ends the run (a full disk)."""


class Engine(Protocol):
    """Where the cells of a run are computed."""

    @property
    def lanes(self) -> float:
        """How many cells its workers are expected to compute at once."""

    def takes(self, cell: CellSpec) -> bool:
        """Whether its workers may compute the cell; the others, and what these need, are computed in this process."""

    def open(self, setup: Setup) -> AbstractContextManager[Workers]:
        """The workers, for the length of a block. Left by an exception, it ends or cancels what they are at."""


@dataclass
class Outcome:
    """What happened: digests of failed cells and why; messages about damaged cells that were computed again.

    refused : those of the failed cells whose plugin cannot use what the user gave.
    """

    failures: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def run_cells(
    store: Store, cells: Sequence[CellSpec], runtime: Runtime, observer: Observer, engine: Engine, kinds: Kinds
) -> Outcome:
    """Compute the cells that are not finished, as ``kinds`` says. Each must come after the cells that go before it.

    A plugin's failure ends its own cell and those that need it, and is reported in the outcome; so is what the user
    gave and a plugin cannot use. Raises InputError where nobody can use it, and KeyboardInterrupt; finished cells stay.
    """
    store.open()
    todo = [cell for cell in cells if not store.has(cell.digest)]
    here = _computed_here(todo, engine)
    remaining = Remaining(store, cells, todo, lambda cell: cell.digest not in here, engine.lanes)
    observer.begin(remaining)
    book = _Outcomes(store, observer, remaining, Outcome(notes=list(store.damaged)))
    with what_is_there_stays():
        for cell in todo:
            if cell.digest in here:
                _compute_here(book, cell, runtime, kinds)
    apart = [cell for cell in todo if cell.digest not in here]
    if apart:
        plugins = tuple(registry.registered_files())
        setup = Setup(store.folder.resolve(), replace(runtime, report=no_progress), plugins, kinds)
        with engine.open(setup) as workers:
            _hand_out(book, apart, workers)
    return book.outcome


def _computed_here(todo: Sequence[CellSpec], engine: Engine) -> set[str]:
    """Digests of what the engine leaves to this process and of all that it needs: workers only begin afterwards."""
    here: set[str] = set()
    for cell in reversed(todo):  # each comes after what it needs
        if cell.digest in here or not engine.takes(cell):
            here.update((cell.digest, *cell.needs, *cell.after))
    return here


@dataclass(frozen=True)
class _Outcomes:
    """Where it is written down how each cell went."""

    store: Store
    observer: Observer
    remaining: Remaining
    outcome: Outcome

    def blocked(self, cell: CellSpec) -> bool:
        """Whether something that the cell needs has failed; if so, the cell has failed too."""
        if not any(need in self.outcome.failures for need in cell.needs):
            return False
        self.fail(cell, Problem("not run, since what it needs failed"))
        return True

    def start(self, cell: CellSpec) -> None:
        self.remaining.start(cell)
        self.observer.start(cell.label)

    def end(self, cell: CellSpec, failure: str | None = None) -> None:
        self.remaining.end(cell, failure is not None)
        self.observer.end(cell.label, failure)

    def fail(self, cell: CellSpec, problem: Problem) -> None:
        reason = problem.message
        if problem.state:
            reason += f"; its last good state is in {keep_last_good_state(self.store, cell.digest, problem.state)}"
        self.outcome.failures[cell.digest] = reason
        if problem.bad_input:
            self.outcome.refused.add(cell.digest)
        self.end(cell, reason)


def keep_last_good_state(store: Store, digest: str, state: Mapping[str, Any]) -> Path:
    """Write the last good state of a defense that diverged under ``FOLDER/diverged`` and return the file."""
    folder = store.folder / "diverged"
    folder.mkdir(exist_ok=True)
    path = folder / f"{digest}.safetensors"
    tensorfile.save(path, {name: np.asarray(value) for name, value in state.items()})
    return path


def _compute_here(book: _Outcomes, cell: CellSpec, runtime: Runtime, kinds: Kinds) -> None:
    if book.blocked(cell):
        return
    book.start(cell)
    try:
        execute(book.store, cell.inputs, replace(runtime, report=book.observer.step), kinds)
    except AiakitError as error:
        problem = problem_of(error)
        if problem.ends_run:
            raise
        book.fail(cell, problem)
    else:
        book.end(cell)
    finally:
        give_back_memory()


def _hand_out(book: _Outcomes, todo: Sequence[CellSpec], workers: Workers) -> None:
    """Give each cell to the workers when what it needs is finished; the long ones first."""
    waiting = sorted(todo, key=lambda cell: not cell.long)
    unfinished = {cell.digest for cell in todo}
    running: dict[Future[Problem | None], CellSpec] = {}
    deaths: dict[str, int] = {}

    def ready(cell: CellSpec) -> bool:
        if unfinished.intersection((*cell.needs, *cell.after)):
            return False
        # A death takes all that ran beside it along, and any of them may be its cause: each is tried again alone.
        suspect = bool(deaths) and any(other.digest in deaths for other in [cell, *running.values()])
        return not running if suspect else len(running) < workers.slots

    while waiting or running:
        for cell in list(waiting):
            if book.blocked(cell):
                waiting.remove(cell)
                unfinished.discard(cell.digest)
            elif ready(cell):
                waiting.remove(cell)
                book.start(cell)
                running[workers.submit(cell)] = cell
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            cell = running.pop(future)
            try:
                problem = workers.result(future)
            except WorkerDied as death:
                deaths[cell.digest] = deaths.get(cell.digest, 0) + 1
                if deaths[cell.digest] <= workers.retries:
                    waiting.insert(0, cell)
                    continue
                problem = Problem(str(death))
            unfinished.discard(cell.digest)
            if problem is None:
                book.end(cell)
            elif problem.ends_run:
                raise InputError(problem.message)
            else:
                book.fail(cell, problem)
