"""How many threads may be used, and work on consecutive parts of a data set by several of them, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_order(work: Callable[[slice], T], parts: Sequence[slice], jobs: int) -> Iterator[T]:
    """``work`` of each part, in the order of the parts.

    At most twice ``jobs`` results wait to be taken, so memory does not grow with the data. Threads, because Pillow and
    NumPy do their work without the interpreter lock, and because forking a process that has loaded torch can hang.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for part in parts:
                waiting.append(pool.submit(work, part))
                if len(waiting) >= 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


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
