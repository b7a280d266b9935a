"""How many threads may be used."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The cores that this process may run on: taskset, a container or Slurm may allow fewer than the machine has.

    Threads that share a core do not take turns gladly: they wait for each other in loops. Seen on one core: an audit of
    13,224 embeddings by products of coordinates takes 11 processor seconds with one thread and 80 with two.
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_in_all(asked: int | None = None) -> int:
    """How many threads may be used, by however many processes: ``asked``, else OMP_NUM_THREADS, else every core."""
    environment = os.environ.get("OMP_NUM_THREADS", "")
    return asked or (int(environment) if environment.isdecimal() and int(environment) > 0 else usable_cores())
