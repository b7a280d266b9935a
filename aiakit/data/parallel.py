"""Work on consecutive parts of a data set by several threads, results in order."""

from __future__ import annotations

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
