"""What a worker does, be it a process of this machine or one of a cluster: compute one cell and say how it went."""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from aiakit.errors import AiakitError, Diverged, InputError
from aiakit.experiment.costs import forget_peak, peak_mib
from aiakit.experiment.limits import OutOfTime, time_limit
from aiakit.experiment.runtime import Kinds, Runtime
from aiakit.experiment.threads import limited, threads_of
from aiakit.plugins import registry
from aiakit.storage.documents import read_json
from aiakit.storage.store import Store, json_digest, write_atomically


@dataclass(frozen=True)
class Setup:
    """What a worker needs besides a cell's inputs: the store's folder, where it runs, plugin files, kinds of cells."""

    folder: Path
    runtime: Runtime
    plugins: tuple[Path, ...]
    kinds: Kinds

    def store(self) -> Store:
        """The store, once a process, since it checks what it has read once only; registers the plugin files."""
        return _store(self.folder, self.plugins)


class Problem(NamedTuple):
    """Why a cell was not computed, in plain values: errors of plugins may not be picklable.

    bad_input : whether the user must correct it. ends_run : whether nothing can be computed before that; what does not
    suit one plugin ends its own cells. state : the last good one where it diverged.
    """

    message: str
    bad_input: bool = False
    ends_run: bool = False
    state: Mapping[str, Any] = {}


def problem_of(error: AiakitError) -> Problem:
    """Why a cell was not computed that raised this."""
    if isinstance(error, InputError):
        return Problem(f"{error.who}: {error}" if error.who else str(error), bad_input=True, ends_run=not error.who)
    return Problem(str(error), state=error.state if isinstance(error, Diverged) else {})


def execute(store: Store, inputs: Mapping[str, Any], runtime: Runtime, kinds: Kinds) -> None:
    """Compute a cell and write it to the store, unless it is there already.

    Raises whatever aiakit's own errors say; a plugin's exceptions as PluginError.
    """
    digest = json_digest(inputs)
    if store.has(digest):
        return
    _refuse_hung(store, digest, runtime.cell_seconds)
    started = time.perf_counter()
    forget_peak()
    with store.draft(digest, inputs) as draft:
        try:
            hung = partial(_remember_hung, store, digest, runtime.cell_seconds)
            with limited(threads_of(inputs)), time_limit(runtime.cell_seconds, hung):
                kinds[inputs["kind"]](store, inputs, draft, runtime)
        except OutOfTime as error:  # a plugin's would be a PluginError
            raise AiakitError(str(error)) from None
        draft.seconds = time.perf_counter() - started
        draft.result["peak_mib"] = max(peak_mib(), draft.result.get("peak_mib", 0.0))


def _hung(store: Store, digest: str) -> Path:
    """Where it is kept that a cell hung, and its process with it."""
    return store.cells / f".hung-{digest}"


def _remember_hung(store: Store, digest: str, seconds: float | None, message: str) -> None:
    write_atomically(_hung(store, digest), json.dumps({"seconds": seconds, "message": message}))


def _refuse_hung(store: Store, digest: str, seconds: float | None) -> None:
    """Raise AiakitError where the last process that computed this cell had to be ended, with no less time than now.

    Whoever computes it next (another worker, or the next start) reports that, and goes on with the other cells; the
    one after that tries again.
    """
    path = _hung(store, digest)
    if not path.is_file():
        return
    told = read_json(path)
    path.unlink(missing_ok=True)
    if seconds is not None and seconds <= told["seconds"]:
        raise AiakitError(told["message"])


def compute(setup: Setup, inputs: Mapping[str, Any]) -> Problem | None:
    """Compute a cell, unless the store has it. Errors that are not aiakit's own (a full disk) are raised."""
    try:
        execute(setup.store(), inputs, setup.runtime, setup.kinds)
    except AiakitError as error:
        return problem_of(error)
    finally:
        give_back_memory()
    return None


@lru_cache(maxsize=8)
def _store(folder: Path, plugins: tuple[Path, ...]) -> Store:
    for path in plugins:
        registry.register_file(path)
    return Store(folder)


@contextmanager
def what_is_there_stays() -> Iterator[None]:
    """Spare the search for garbage, which follows every cell, the objects of libraries: a third of a second each."""
    spare_what_is_there()
    try:
        yield
    finally:
        _spared[0] = 0
        gc.unfreeze()


_spared = [0]  # how many modules there were when libraries were last spared; 0 while they are not


def spare_what_is_there() -> None:
    """What is loaded by now stays, and is searched for garbage no more."""
    gc.freeze()
    _spared[0] = len(sys.modules)


def give_back_memory() -> None:
    """Return what was freed to the operating system: glibc would keep it, in each of several processes.

    Other C libraries have no such call and need none. Libraries that a cell has loaded are spared from now on, where
    those before it are: torch loads most of its own with the first optimizer. How many objects are spared is never
    asked: ``gc.get_freeze_count`` walks over all of them, in every cell.
    """
    gc.collect()
    if 0 < _spared[0] < len(sys.modules):
        spare_what_is_there()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
