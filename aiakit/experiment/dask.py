"""The engine for many machines: the workers of a Dask cluster, which share the store's folder with this process."""

from __future__ import annotations

import platform
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from aiakit.errors import AiakitError, InputError
from aiakit.experiment.config import framework_fingerprint, library_versions
from aiakit.experiment.engine import WorkerDied, Workers
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.workers import Problem, Setup, compute
from aiakit.plugins import registry
from aiakit.plugins.extras import not_installed
from aiakit.storage.store import json_digest

CONNECT_SECONDS = 10
GPU = {"GPU": 1}  # what workers with a GPU are started with: dask worker --resources GPU=1


@dataclass(frozen=True)
class Dask:
    """Every cell by the workers of a running cluster; cells that compute on CUDA go to workers that offer GPU=1.

    scheduler : its address (tcp://HOST:PORT, tls://HOST:PORT).
    Raises InputError where the extra is not installed.
    """

    scheduler: str

    def __post_init__(self) -> None:
        missing = not_installed("dask", "distributed")
        if missing:
            raise InputError(f"--engine dask cannot be used: {missing}")

    @property
    def lanes(self) -> float:
        return float("inf")  # workers come and go: how many there are shows in how fast cells finish

    def takes(self, cell: CellSpec) -> bool:
        return True

    @contextmanager
    def open(self, setup: Setup) -> Iterator[Workers]:
        """The workers. At the end of the block what still waits is cancelled; what a worker is at, it finishes.

        Raises InputError where no scheduler answers.
        """
        from distributed import Client

        try:
            client = Client(  # type: ignore[no-untyped-call]
                self.scheduler, timeout=CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"no Dask scheduler answers at {self.scheduler} ({reason}): check --scheduler, and that it is running"
            ) from None
        with client:
            workers = _Cluster(self.scheduler, client, setup)
            try:
                yield workers
            finally:
                workers.executor.shutdown(wait=False)  # cancels


class _Cluster:
    """Cells are queued at the scheduler, which also repeats those whose worker died, on up to four workers.

    What was queued behind the cell that kills its workers is blamed with it: so the retry, with nothing else about.
    """

    slots = float("inf")
    retries = 1

    def __init__(self, scheduler: str, client: Any, setup: Setup) -> None:
        self.scheduler = scheduler
        self.client = client
        self.setup = setup
        self.executor = client.get_executor(pure=False)
        self.attempts: Counter[str] = Counter()

    def submit(self, cell: CellSpec) -> Future[Problem | None]:
        resources = GPU if str(cell.inputs.get("device")).startswith("cuda") else {}
        self._require(resources)
        # Two runs on one store that want the same cell are given the same task.
        name = {"folder": str(self.setup.folder), "cell": cell.digest, "attempt": self.attempts[cell.digest]}
        self.attempts[cell.digest] += 1
        key = f"{cell.kind}-{json_digest(name)}"
        future: Future[Problem | None] = self.executor.submit(
            _work, self.setup, cell.inputs, key=key, resources=resources
        )
        return future

    def _require(self, resources: Mapping[str, int]) -> None:
        """Raise InputError where there are workers, but none that offers these: the cell would wait for ever."""
        present = self.client.scheduler_info(n_workers=-1)["workers"].values() if resources else ()
        if present and not any(worker["resources"].get("GPU", 0) >= 1 for worker in present):
            raise InputError(
                f"no worker of {self.scheduler} offers GPU=1: start some with --resources GPU=1, or give --device cpu"
            )

    def result(self, future: Future[Problem | None]) -> Problem | None:
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            died = f"{error.allowed_failures + 1} workers died while they computed it, alone too"
            raise WorkerDied(f"{died} (the last: {error.last_worker.address})") from error
        except CancelledError:
            raise AiakitError(
                f"the Dask scheduler at {self.scheduler} has gone: run the same command again to resume"
            ) from None
        except ImportError as error:
            raise InputError(
                f"a worker of {self.scheduler} cannot compute cells ({error}): install aiakit there"
            ) from None


_one_at_a_time = threading.Lock()  # torch's generators and number of threads belong to the process


def _work(setup: Setup, inputs: Mapping[str, Any]) -> Problem | None:
    """Runs on a worker."""
    with _one_at_a_time:
        setup.store()  # registers the plugin files
        differs = _difference(inputs)
        if differs:
            return Problem(
                f"a worker on {platform.node()} has another {differs} than this process: install the same",
                bad_input=True,
                ends_run=True,
            )
        return compute(setup, inputs)


def _difference(inputs: Mapping[str, Any]) -> str | None:
    """What would make this worker compute something else than the cell's name says."""
    if "framework" in inputs and inputs["framework"] != _framework():
        return "version of aiakit"
    libraries = library_versions()
    for library, version in inputs.get("libraries", {}).items():
        if libraries.get(library) != version:
            return f"version of {library} ({libraries.get(library)}, not {version})"
    for role in ("defense", "attack", "matcher", "linker", "decoder", "regressor"):
        spec = inputs.get(role)
        if (
            isinstance(spec, Mapping)
            and spec["kind"] != "file"
            and _fingerprint(spec["kind"], spec["name"]) != spec["fingerprint"]
        ):
            return f"version of the plugin {spec['name']}"
    return None


# Once a process: what it has imported does not change any more.
@cache
def _framework() -> str:
    return framework_fingerprint()


@cache
def _fingerprint(kind: registry.Kind, name: str) -> str:
    return registry.fingerprint(kind, name)
