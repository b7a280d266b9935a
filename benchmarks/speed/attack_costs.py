"""What every attack on embeddings costs: seconds, processor seconds and peak memory.

    python -m benchmarks.speed.attack_costs [--rows 10000] [--dims 128] [--attacks all] [--threads 2]

Three quarters of the rows are the attacker's training set, a quarter its validation set; as many again are scored. A
weak linear leak is planted so that nothing stops early for want of a signal. Each attack runs in a process of its own;
peak memory is Linux's account of that process, and "empty" is a process that makes the data only.
Processor seconds add up over threads and hardly change when other programs keep the machine busy.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from aiakit.contracts import Context, LabelledRelease, Release
from aiakit.datasets.parallel import usable_cores
from aiakit.experiment.selection import attack_names
from aiakit.plugins import registry

EMPTY = "empty"


def evidence(rows: int, dims: int, seed: int) -> LabelledRelease:
    """Gaussian noise in which the class shifts every coordinate a little: distance 1 between the means."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=rows)
    x = rng.standard_normal((rows, dims), dtype=np.float32)
    x += ((labels - 0.5) / np.sqrt(dims)).astype(np.float32)[:, None]
    return LabelledRelease(Release(x), labels, np.arange(rows), ("0", "1"))


def work(name: str, rows: int, dims: int, threads: int) -> tuple[float, float, float]:
    """(seconds, processor seconds, peak resident MiB) of one attack in this process."""
    train, val, test = (evidence(size, dims, seed) for seed, size in enumerate((rows - rows // 4, rows // 4, rows)))
    began, busy = time.perf_counter(), time.process_time()
    if name != EMPTY:
        attack = registry.make("attack", name).fit(train, val, Context(threads=threads))
        for part in (val, test):
            attack.predict_proba(part.release)
    return time.perf_counter() - began, time.process_time() - busy, peak()


def peak() -> float:
    """The most memory that this process has held, in MiB. Needs Linux.

    getrusage's figure begins with that of the process that started this one, which has loaded every attack.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def readers(asked: str) -> list[str]:
    """The attacks of a preset, or those named, that read embeddings."""
    entries = {name: registry.load("attack", name) for name in attack_names([asked], {})}
    return [name for name, attack in entries.items() if attack.view == "embedding"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--dims", type=int, default=128)
    parser.add_argument("--attacks", default="all", help="a preset, or names (a,b)")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(*work(options.one, options.rows, options.dims, options.threads))
        return
    print(f"{options.rows:,} × {options.dims}, threads: {options.threads}\n")
    print("| attack | seconds | processor seconds | peak MiB |\n|---|---|---|---|")
    total = np.zeros(2)
    for name in (EMPTY, *readers(options.attacks)):
        command = [
            sys.executable,
            "-m",
            "benchmarks.speed.attack_costs",
            "--one",
            name,
            "--threads",
            str(options.threads),
        ]
        command += ["--rows", str(options.rows), "--dims", str(options.dims)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {name} | failed: {done.stderr.strip().splitlines()[-1]} | | |", flush=True)
            continue
        seconds, busy, peak = map(float, done.stdout.split()[-3:])
        total += np.array([seconds, busy])
        print(f"| {name} | {seconds:.1f} | {busy:.1f} | {peak:.0f} |", flush=True)
    print(f"| all of these | {total[0]:.0f} | {total[1]:.0f} | |")


if __name__ == "__main__":
    main()
