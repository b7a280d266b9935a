"""What the engine costs: the overhead of a cell, and the speed-up of two jobs on a board of 40 cells.

    python -m benchmarks.speed.engine [--cells 40] [--work 0.5] [--jobs 1 2] [--dask] [--people 400] [--wait]

Cells that do nothing show the overhead: checking the store, handing out, flushing to the disk, renaming. Cells that
keep one thread busy for --work seconds show the speed-up that the engine leaves; starting the workers, once a run, is
in it and shown in a column of its own. "Of the processor" leaves the disk and other work on the machine out (workers of
a cluster are not in it). Then a real board: four attacks, with as many seeds as make the cells, on one
release; timed from the release to the last score, with two threads in all. --dask adds a cluster of as many workers.
--wait is for a machine that has other work: its cells need no processor, so that what is lost is the engine's.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.experiment.dask import Dask
from aiakit.experiment.engine import Engine, SilentObserver, run_cells
from aiakit.experiment.local import Local
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.runtime import Runtime
from aiakit.storage.store import CELLS, Draft, Store

ATTACKS = ("mlp", "gender-mlp", "xgboost", "svm")


class Strict(SilentObserver):
    """Ends the benchmark where a cell fails."""

    def end(self, label: str, failure: str | None) -> None:
        if failure:
            raise RuntimeError(f"{label}: {failure}")


def compute(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Keep one thread busy for so many seconds of the processor, or wait as long, and store a little."""
    if inputs["waits"]:
        time.sleep(inputs["seconds"])
    ends = time.process_time() + inputs["seconds"] * (not inputs["waits"])
    values = np.random.default_rng(inputs["number"]).random((64, 64))
    while time.process_time() < ends:
        values = np.tanh(values + 0.1)  # one thread whatever the libraries may use
    draft.save("scores", {"val": values, "test": values})


def processor() -> float:
    """Seconds that this process, and those it has waited for, have computed."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def seconds(engine: Engine, cells: int, work: float, waits: bool = False) -> tuple[float, float]:
    """Seconds that a run of so many cells takes, on the clock and of the processor."""
    board = [
        CellSpec({"kind": "benchmark", "number": number, "seconds": work, "waits": waits}, f"cell {number}")
        for number in range(cells)
    ]
    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), processor()
        run_cells(Store(Path(folder)), board, Runtime(Path(folder)), Strict(), engine, {"benchmark": compute})
        return time.perf_counter() - began, processor() - used


@contextmanager
def cluster(workers: int) -> Iterator[Engine]:
    """A Dask cluster of so many worker processes."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as started:  # type: ignore[no-untyped-call]
        yield Dask(started.scheduler_address)


def row(name: str, engine: Engine, cells: int, work: float, waits: bool, alone: float | None) -> float:
    """Print the row of an engine and return its seconds on cells that compute."""
    start, idle, (busy, _) = seconds(engine, 1, 0), seconds(engine, cells, 0), seconds(engine, cells, work, waits)
    clock, used = ((more - one) / max(1, cells - 1) * 1e3 for one, more in zip(start, idle, strict=True))
    speedup = "1" if alone is None else f"{alone / busy:.2f}"
    print(f"| {name} | {start[0]:.2f} | {clock:.0f} | {used:.0f} | {busy:.1f} | {speedup} |", flush=True)
    return busy


def board(jobs: int, threads: int, cells: int, people: int) -> float:
    """Seconds from the release to the last score of a run of four attacks with several seeds."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "aiakit", "run"]
        command += ["--defense", "original", "--set", "original.epochs=1", "--no-utility", "--people", str(people)]
        command += ["--attacks", ",".join(ATTACKS), "--attack-seeds", str(max(1, cells // len(ATTACKS)))]
        command += ["--jobs", str(jobs), "--threads", str(threads), "--out", out, "--name", "run"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"the run failed: {done.stderr.splitlines()[-1:]}")
        finished: dict[str, list[float]] = {}
        for folder in (Path(out) / "run" / CELLS).iterdir():
            kind = Store(folder.parents[1]).read(folder.name).inputs["kind"]
            finished.setdefault(kind, []).append(folder.stat().st_mtime)
        return max(finished["attack"]) - max(finished["release"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--work", type=float, default=0.5, help="seconds of computing a cell")
    parser.add_argument("--wait", action="store_true", help="cells wait instead of computing, and no real board is run")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--dask", action="store_true")
    parser.add_argument("--people", type=int, default=400, help="people of the real board, 8 images each")
    options = parser.parse_args()
    print(f"{options.cells} cells of {options.work} s{' of waiting' if options.wait else ''}")
    print("| engine | one empty cell, s | overhead a cell, ms | of the processor, ms | all cells, s | speed-up |")
    print(f"|{'---|' * 6}")
    alone: float | None = None
    for jobs in options.jobs:
        busy = row(f"local, {jobs} jobs", Local(jobs), options.cells, options.work, options.wait, alone)
        alone = alone or busy
    if options.dask:
        with cluster(max(options.jobs)) as engine:
            row(f"dask, {max(options.jobs)} workers", engine, options.cells, options.work, options.wait, alone)
    if options.wait:
        return
    print(f"\n{options.cells} cells of {', '.join(ATTACKS)} on {options.people * 8:,} images\n")
    print("| jobs | seconds | speed-up |\n|---|---|---|")
    times = {jobs: board(jobs, max(options.jobs), options.cells, options.people) for jobs in options.jobs}
    for jobs, took in times.items():
        print(f"| {jobs} | {took:.1f} | {times[options.jobs[0]] / took:.2f} |")


if __name__ == "__main__":
    main()
