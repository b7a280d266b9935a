"""Runs the cells of a plan, in this process or in several, and keeps going when a plugin fails."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from aiakit import registry, tensorfile
from aiakit.contracts import no_progress
from aiakit.errors import AiakitError, Diverged, InputError
from aiakit.experiment.cells import COMPUTE, Kinds, execute
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.runtime import Runtime
from aiakit.store import Store

IN_PROCESS = ("protocol", "release")  # kinds of cells that use every thread, and that the others wait for


class Observer(Protocol):
    """What a run tells about itself while it goes on."""

    def begin(self, cells: int, finished: int) -> None:
        """Called once: how many cells there are, how many were finished by an earlier start."""

    def start(self, label: str) -> None:
        """A cell begins."""

    def step(self, label: str, done: int, total: int) -> None:
        """A part of the cell that runs in this process has moved on."""

    def end(self, label: str, failure: str | None) -> None:
        """A cell is finished, or has failed for the reason given."""


@dataclass
class Outcome:
    """What happened: digests of failed cells and why; messages about damaged cells that were computed again."""

    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def run_cells(
    store: Store,
    cells: Sequence[CellSpec],
    runtime: Runtime,
    observer: Observer,
    jobs: int = 1,
    kinds: Kinds = COMPUTE,
) -> Outcome:
    """Compute the cells that are not finished, as ``kinds`` says. Each must come after the cells that it needs.

    Releases are trained one after another in this process, with every thread of ``runtime``, since one large network
    uses them all. With ``jobs`` > 1 the other cells then run in so many worker processes, which share the threads.

    A plugin's failure ends its own cell and those that need it, and is reported in the outcome. Raises InputError
    where what the user gave cannot be used, and KeyboardInterrupt; finished cells stay.
    """
    store.open()
    todo = [cell for cell in cells if not store.has(cell.digest)]
    observer.begin(len(cells), len(cells) - len(todo))
    outcome = Outcome(notes=list(store.damaged))
    apart = [cell for cell in todo if jobs > 1 and cell.kind not in IN_PROCESS]
    _in_turn(store, [cell for cell in todo if cell not in apart], runtime, observer, outcome, kinds)
    if apart:
        _give_back_memory()
        _in_processes(store, apart, runtime, observer, outcome, jobs, kinds)
    return outcome


def _give_back_memory() -> None:
    """Return what was freed to the operating system: glibc would keep it, in each of several processes.

    Other C libraries have no such call and need none.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _in_turn(
    store: Store, cells: Sequence[CellSpec], runtime: Runtime, observer: Observer, outcome: Outcome, kinds: Kinds
) -> None:
    for cell in cells:
        blocked = next((need for need in cell.needs if need in outcome.failures), None)
        if blocked is not None:
            _fail(store, cell, "", outcome, observer, because=blocked)
            continue
        observer.start(cell.label)
        try:
            execute(store, cell.inputs, replace(runtime, report=observer.step), kinds)
        except InputError:
            raise
        except AiakitError as error:
            _fail(store, cell, str(error), outcome, observer, error=error)
        else:
            observer.end(cell.label, None)


def _fail(
    store: Store,
    cell: CellSpec,
    reason: str,
    outcome: Outcome,
    observer: Observer,
    because: str | None = None,
    error: AiakitError | None = None,
) -> None:
    if because is not None:
        reason = "not run, since what it needs failed"
    if isinstance(error, Diverged) and error.state:
        reason += f"; its last good state is in {keep_last_good_state(store, cell.digest, error.state)}"
    outcome.failures[cell.digest] = reason
    observer.end(cell.label, reason)


def keep_last_good_state(store: Store, digest: str, state: Mapping[str, Any]) -> Path:
    """Write the last good state of a defense that diverged under ``FOLDER/diverged`` and return the file."""
    folder = store.folder / "diverged"
    folder.mkdir(exist_ok=True)
    path = folder / f"{digest}.safetensors"
    tensorfile.save(path, {name: np.asarray(value) for name, value in state.items()})
    return path


# What a worker process keeps between cells; set once by its initialiser.
_worker: dict[str, Any] = {}


def _start_worker(folder: Path, runtime: Runtime, plugins: Sequence[Path], kinds: Kinds) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business: it ends the workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for path in plugins:
        registry.register_file(path)
    _worker.update(store=Store(folder), runtime=runtime, kinds=kinds)


def _end_with_parent() -> None:
    """A worker whose parent was killed has nobody to work for; what it was writing is a draft that nobody counts."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(inputs: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]] | None:
    """Compute a cell; None, or (class, message, state) of the error: errors of plugins may not be picklable."""
    try:
        execute(_worker["store"], inputs, _worker["runtime"], _worker["kinds"])
    except AiakitError as error:
        kind = "input" if isinstance(error, InputError) else "failure"
        state = error.state if isinstance(error, Diverged) else {}
        return kind, str(error), state
    finally:
        _give_back_memory()
    return None


def _in_processes(
    store: Store,
    todo: Sequence[CellSpec],
    runtime: Runtime,
    observer: Observer,
    outcome: Outcome,
    jobs: int,
    kinds: Kinds,
) -> None:
    waiting = sorted(todo, key=lambda cell: not cell.long)
    unfinished = {cell.digest for cell in todo}
    running: dict[Future[Any], CellSpec] = {}
    retried: set[str] = set()
    with _pool(store, runtime, jobs, kinds) as pool:
        while waiting or running:
            for cell in list(waiting):
                if any(need in outcome.failures for need in cell.needs):
                    waiting.remove(cell)
                    unfinished.discard(cell.digest)
                    _fail(store, cell, "", outcome, observer, because=cell.digest)
                elif len(running) < jobs and not unfinished.intersection(cell.needs):
                    waiting.remove(cell)
                    observer.start(cell.label)
                    running[pool().submit(_work, cell.inputs)] = cell
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                cell = running.pop(future)
                crash = future.exception()
                if crash is not None and cell.digest not in retried:
                    # The worker died (killed, out of memory): the pool is broken, and so are the cells beside it.
                    retried.add(cell.digest)
                    waiting.insert(0, cell)
                    continue
                unfinished.discard(cell.digest)
                if crash is not None:
                    _fail(store, cell, f"its worker process died twice ({crash})", outcome, observer)
                    continue
                problem = future.result()
                if problem is None:
                    observer.end(cell.label, None)
                    continue
                kind, message, state = problem
                if kind == "input":
                    raise InputError(message)
                _fail(store, cell, message, outcome, observer, error=Diverged(message, state))


@contextmanager
def _pool(store: Store, runtime: Runtime, jobs: int, kinds: Kinds) -> Iterator[Callable[[], ProcessPoolExecutor]]:
    """A pool of workers that is made anew when a worker has died; its processes end with the block, however it ends."""
    current: list[ProcessPoolExecutor] = []
    shared = replace(runtime, threads=max(1, runtime.threads // jobs), report=no_progress)

    def make() -> ProcessPoolExecutor:
        if not current or current[-1]._broken:
            current.append(
                ProcessPoolExecutor(
                    jobs,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_start_worker,
                    initargs=(store.folder, shared, registry.registered_files(), kinds),
                )
            )
        return current[-1]

    try:
        yield make
    except BaseException:
        for pool in current:
            for process in list((pool._processes or {}).values()):
                process.terminate()
        raise
    finally:
        for pool in current:
            pool.shutdown(cancel_futures=True)
