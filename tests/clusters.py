"""Clusters of this machine for tests of the engine that is Dask's."""

from __future__ import annotations

import multiprocessing.forkserver
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import LocalCluster

from aiakit.experiment.apart import FORKS
from aiakit.experiment.local import _context


@contextmanager
def cluster_of(workers: int) -> Iterator[LocalCluster]:
    """So many worker processes of one thread, forked like those of the default engine where libraries bear it."""
    method = "forkserver" if FORKS else "spawn"
    if FORKS:
        _context()
        multiprocessing.forkserver.ensure_running()  # with what our engine loads, before Dask says what else to load
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": method}),
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as started,
    ):
        yield started
