"""Kills a small run again and again, starts it again each time, and holds the result against an undisturbed run.

    python -m benchmarks.stress.chaos [--kills 40] [--seed 0] [--jobs 2]

One run is left in peace; it gives the results to compare with and the time that a run takes. Then runs are started and
killed (SIGKILL, the whole process group) at moments drawn from the seed between the first write and the end; every
fourth kill waits for a cell that is half written instead. Every third run is started twice at once on one folder. What
was killed is started again until it ends by itself. It must then hold the same bytes and print the same results, no
file of a finished cell may have been written again, and no damaged cell may ever be seen. Exits with 1 where one is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import RUN, Run
from aiakit.storage.store import CELLS, RESULT, Store
from benchmarks.stress.processes import Begin, Process

SMALL = [
    "--defense", "aia", "--attacks", "logreg,gender-mlp,cnn", "--people", "80", "--images-per-person", "3",
    "--image-size", "16", "--precision", "fp32", "--set", "original.epochs=2", "--set", "original.width=8",
    "--set", "original.latent=16", "--set", "aia.epochs=2", "--set", "aia.width=8", "--set", "aia.latent=16",
    "--set", "cnn.epochs=2",
]  # fmt: skip
AIMED = 4  # every so-many-th kill waits for a half-written cell
TWICE = 3  # every so-many-th run is two processes on one folder
PATIENCE = 1800.0  # seconds after which a run that does not end has failed


class Violation(Exception):
    """What must never happen has happened."""


@dataclass
class Chaos:
    """One folder with a run folder and a pixel cache for each run. arguments : of ``aiakit run``."""

    folder: Path
    arguments: Sequence[str]
    jobs: int
    rng: random.Random
    begin: Begin = subprocess.Popen
    phases: Counter[str] = field(default_factory=Counter)
    started: list[Process] = field(default_factory=list)
    first_write: float = 0.0
    duration: float = 0.0

    def start(self, name: str, copy: int = 0) -> Process:
        """A process, and leader of its group, that makes the run of this name."""
        command = [sys.executable, "-m", "aiakit", "run"]
        command += [*self.arguments, "--jobs", str(self.jobs), "--threads", str(self.jobs)]
        command += ["--out", str(self.folder), "--name", name, "--json"]
        environment = {**os.environ, "AIAKIT_CACHE": str(self.folder / f"{name}.cache")}
        with (
            (self.folder / f"{name}.{copy}.json").open("wb") as out,
            (self.folder / f"{name}.{copy}.log").open("wb") as log,
        ):
            process = self.begin(command, stdout=out, stderr=log, env=environment, start_new_session=True)
        self.started.append(process)
        return process

    def end(self) -> None:
        """Leave no process behind, however this ends."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def undisturbed(self) -> dict[str, Any]:
        """The results of a run that nobody kills; notes when it first writes and how long it takes."""
        began = time.perf_counter()
        process = self.start("undisturbed")
        while process.poll() is None:
            if not self.first_write and (self.folder / "undisturbed" / RUN).exists():
                self.first_write = time.perf_counter() - began
            time.sleep(0.005)
        self.duration = time.perf_counter() - began
        self.require_success("undisturbed", 0, process)
        return self.results("undisturbed", 0)

    def tormented(self, name: str, copies: int, kills: int) -> tuple[dict[str, Any], int]:
        """The results of a run that was killed at most ``kills`` times, and how often it was."""
        done = 0
        finished: dict[Path, tuple[int, int]] = {}
        while True:
            processes = [self.start(name, copy) for copy in range(copies)]
            if done == kills or not self.kill(name, processes, aimed=(sum(self.phases.values()) + 1) % AIMED == 0):
                for copy, process in enumerate(processes):
                    process.wait(PATIENCE)
                    self.require_success(name, copy, process)
                self.require_kept(name, finished)
                return self.results(name, self.rng.randrange(copies)), done
            done += 1
            self.require_kept(name, finished)

    def kill(self, name: str, processes: Sequence[Process], aimed: bool) -> bool:
        """Kill at a random moment, or in the middle of a cell's files; False where the run ended before."""
        began = time.perf_counter()
        moment = began + self.rng.uniform(self.first_write, self.duration)
        while any(process.poll() is None for process in processes):
            if (aimed and self.half_written(name)) or (not aimed and time.perf_counter() >= moment):
                break
            time.sleep(0.0005 if aimed else 0.002)
        else:
            # the machine has become faster since the undisturbed run: the next one is killed in time
            self.duration = min(self.duration, time.perf_counter() - began)
            self.first_write = min(self.first_write, self.duration / 2)
            return False
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.phases[self.phase(name)] += 1
        return True

    def half_written(self, name: str) -> bool:
        try:
            return any(True for _ in (self.folder / name / CELLS).glob(".draft-*/*"))
        except FileNotFoundError:  # a draft was finished while it was listed
            return False

    def phase(self, name: str) -> str:
        """What the killed run was at, from what it left."""
        run = self.folder / name
        if not (run / RUN).exists():
            return "before the run folder"
        left = {path.name for path in (run / CELLS).glob(".draft-*/*")}
        if left - {"state.safetensors", "release.safetensors"}:
            return "writing a cell"
        if "release.safetensors" in left:
            return "releasing"
        cells = make_plan(Run.open(run).config).unique_cells()
        kinds = [cell.kind for cell in cells if not (run / CELLS / cell.digest).exists()]
        return {"protocol": "splitting", "release": "training a defense"}.get(kinds[0], "attacking or verifying") \
            if kinds else "reporting"  # fmt: skip

    def require_success(self, name: str, copy: int, process: Process) -> None:
        if process.returncode != 0:
            log = (self.folder / f"{name}.{copy}.log").read_text()
            raise Violation(f"{name} ended with {process.returncode}: {log.splitlines()[-1:]}")
        if "damaged" in (self.folder / f"{name}.{copy}.log").read_text():
            raise Violation(f"{name} read a damaged cell")

    def require_kept(self, name: str, finished: dict[Path, tuple[int, int]]) -> None:
        """Every finished cell is whole, and what was finished earlier is the same file, never written again."""
        store = Store(self.folder / name)
        for cell in sorted(store.cells.glob("[!.]*")):
            if store.find(cell.name) is None:
                raise Violation(f"{name}: {store.damaged or cell}")
            for path in cell.iterdir():
                stamp = (path.stat().st_ino, path.stat().st_mtime_ns)
                if finished.setdefault(path, stamp) != stamp:
                    raise Violation(f"{name}: {path} was written twice")
        lost = [path for path in finished if not path.exists()]
        if lost:
            raise Violation(f"{name}: {lost[0]} has gone")

    def results(self, name: str, copy: int) -> dict[str, Any]:
        """All that a run must get right: the bytes of every tensor, what each cell says, the printed document."""
        cells = {}
        for cell in sorted((self.folder / name / CELLS).glob("[!.]*")):
            for path in sorted(cell.iterdir()):
                content = path.read_bytes()
                key = f"{cell.name}/{path.name}"
                cells[key] = (
                    _steady(json.loads(content)) if path.name == RESULT else hashlib.sha256(content).hexdigest()
                )
        return {"cells": cells, "document": _steady(json.loads((self.folder / f"{name}.{copy}.json").read_bytes()))}


def _steady(value: Any) -> Any:
    """A document without what rightly differs from run to run: times, memory and the folder."""
    if isinstance(value, dict):
        return {
            key: _steady(part)
            for key, part in value.items()
            if key != "run" and not key.endswith("seconds") and not key.startswith("peak_mib")
        }
    return [_steady(part) for part in value] if isinstance(value, list) else value


def kill_and_resume(
    folder: Path,
    kills: int,
    seed: int,
    arguments: Sequence[str] = SMALL,
    jobs: int = 2,
    twice: int = TWICE,
    begin: Begin = subprocess.Popen,
) -> Chaos:
    """Kill runs so many times. Raises Violation where one does not end as the undisturbed run did."""
    chaos = Chaos(folder, arguments, jobs, random.Random(seed), begin)  # noqa: S311  (draws moments, no secrets)
    try:
        expected = chaos.undisturbed()
        number = 0
        while (left := kills - sum(chaos.phases.values())) > 0:
            number += 1
            results, killed = chaos.tormented(f"run{number}", 2 if number % twice == 0 else 1, min(left, 5))
            if results != expected:
                raise Violation(f"run{number}, killed {killed} times, has other results than the undisturbed run")
            print(f"run {number}: killed {killed} times, same results", file=sys.stderr, flush=True)
    finally:
        chaos.end()
    return chaos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            chaos = kill_and_resume(Path(folder), options.kills, options.seed, SMALL, options.jobs)
        except Violation as violation:
            sys.exit(f"violated: {violation}")
    print(f"undisturbed: {chaos.duration:.1f} s, first write after {chaos.first_write:.1f} s")
    print("| killed while | times |\n|---|---|")
    for phase, times in chaos.phases.most_common():
        print(f"| {phase} | {times} |")
    print(f"{sum(chaos.phases.values())} kills: same results, no cell computed twice, no damaged cell read")


if __name__ == "__main__":
    main()
