"""The default engine: worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import BaseContext
from os import _exit  # the real one: while a plugin runs, os._exit is another
from typing import Any

from aiakit.experiment.apart import FORKS, TEMPLATE
from aiakit.experiment.engine import WorkerDied, Workers
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.workers import Problem, Setup, compute, spare_what_is_there

IN_PROCESS = ("protocol", "labels", "release")  # kinds of cells that use every thread, and that the others wait for


@dataclass(frozen=True)
class Local:
    """So many worker processes, which compute with one thread each.

    Releases are trained one after another in the process that asks, with every thread, since one large network uses
    them all. With one job all cells are computed there.
    """

    jobs: int = 1

    @property
    def lanes(self) -> float:
        return self.jobs

    def takes(self, cell: CellSpec) -> bool:
        return self.jobs > 1 and cell.kind not in IN_PROCESS

    @contextmanager
    def open(self, setup: Setup) -> Iterator[Workers]:
        """The workers; their processes end with the block, however it ends."""
        runtime = replace(setup.runtime, threads=max(1, setup.runtime.threads // self.jobs))
        pool = _Pool(replace(setup, runtime=runtime), self.jobs)
        try:
            yield pool
        except BaseException:
            pool.terminate()
            raise
        finally:
            pool.close()


class _Pool:
    """Processes that are started anew when one of them has died."""

    retries = 1

    def __init__(self, setup: Setup, jobs: int) -> None:
        self.setup = setup
        self.slots = jobs
        self.pools: list[ProcessPoolExecutor] = []

    def submit(self, cell: CellSpec) -> Future[Problem | None]:
        if self.pools:
            try:
                return self.pools[-1].submit(_work, cell.inputs)
            except BrokenExecutor:
                pass  # one of its processes died: the others went with it
        self.pools.append(ProcessPoolExecutor(self.slots, _context(), _start, (self.setup, dict(os.environ))))
        return self.pools[-1].submit(_work, cell.inputs)

    def result(self, future: Future[Problem | None]) -> Problem | None:
        try:
            return future.result()
        except BrokenExecutor as error:
            raise WorkerDied("its worker process died twice (killed, or out of memory)") from error

    def terminate(self) -> None:
        for pool in self.pools:
            for process in list((pool._processes or {}).values()):
                process.terminate()

    def close(self) -> None:
        for pool in self.pools:
            pool.shutdown(cancel_futures=True)


# What a worker process keeps between cells; set once by its initialiser.
_setup: list[Setup] = []


def _context() -> BaseContext:
    """Where libraries bear a fork, workers are forked from a process that has loaded them, and holds no data.

    torch loads its compiler with the first optimizer of a process, which takes more than a second of computing.
    """
    if not FORKS:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "aiakit.experiment.cells", "torch._dynamo"])
    return context


def _start(setup: Setup, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    if setup.plugins and FORKS:
        TEMPLATE.fork()
    spare_what_is_there()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business: it ends the workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _setup.append(setup)


def _end_with_parent() -> None:
    """A worker whose parent was killed has nobody to work for; what it was writing is a draft that nobody counts."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _exit(1)


def _work(inputs: Mapping[str, Any]) -> Problem | None:
    return compute(_setup[-1], inputs)
