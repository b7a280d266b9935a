"""What work on every core costs: seconds that pass, seconds of the processor, and memory, of it alone."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiakit.datasets.parallel import usable_cores

CORES = usable_cores()
KIB = 1024
SAMPLED = 0.02  # seconds between looks at a command's threads


@dataclass(frozen=True)
class Cost:
    """What some work cost.

    seconds : that passed. processor : seconds of the processor, of all processes. peak : MiB of the largest process.
    ready : seconds of cores for which it had a thread that ran, or stood ready while other work had the core (Linux).
    """

    seconds: float
    processor: float
    peak: float = 0.0
    ready: float = 0.0

    @property
    def busy(self) -> float:
        """The part of the cores that it used."""
        return self.processor / (self.seconds * CORES)

    @property
    def wanted(self) -> float:
        """The part of the cores that it used or stood ready to use, which other work on the machine does not lower."""
        return self.ready / (self.seconds * CORES)

    def more_than(self, other: Cost) -> Cost:
        """What it cost beyond another, such as the same command on fewer files: what every start costs is left out."""
        return Cost(
            self.seconds - other.seconds,
            self.processor - other.processor,
            self.peak,
            self.ready - other.ready,
        )


def alone(work: Callable[[Any], object], items: Sequence[Any], processes: int = CORES) -> Cost:
    """The cost of ``work`` on each of some items by so many processes, after one item each that is not counted."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    with context.Pool(processes, _warm, (ready, work, items[0])) as pool:
        ready.wait()
        began = time.perf_counter()
        spent = pool.map(_Timed(work), items)
        return Cost(time.perf_counter() - began, sum(spent))


def command(arguments: Sequence[str], variables: Mapping[str, str], folder: Path) -> Cost:
    """The cost of a command in a process of its own. Its output goes to files in ``folder``."""
    began = time.perf_counter()
    with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as err:
        started = subprocess.Popen(arguments, env={**os.environ, **variables}, stdout=out, stderr=err)
        ready, looked = 0.0, began
        while (found := os.wait4(started.pid, os.WNOHANG))[0] == 0:
            since, looked = looked, time.perf_counter()
            ready += min(_ready(started.pid), CORES) * (looked - since)
            time.sleep(SAMPLED)
    _, status, used = found
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise SystemExit((folder / "stderr").read_text())
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / KIB, ready)


def _ready(process: int) -> int:
    """How many threads of a process run, or stand ready to."""
    count = 0
    for task in Path(f"/proc/{process}/task").glob("*/stat"):
        with suppress(OSError):  # of a thread that has just ended
            count += task.read_text().rpartition(")")[2].split()[0] == "R"
    return count


class _Timed:
    def __init__(self, work: Callable[[Any], object]) -> None:
        self.work = work

    def __call__(self, item: Any) -> float:
        began = time.process_time()
        self.work(item)
        return time.process_time() - began


def _warm(ready: Any, work: Callable[[Any], object], item: Any) -> None:
    work(item)
    ready.wait()
