"""The whole device path in one command: the main job in two precisions, a strong CNN, ten seeds of AIA.

    python -m benchmarks.speed.accelerator [--device cuda] [--minutes 8] [--out build/accelerator] [--against FILE] […]

Every job is an `aiakit run` of its own, which takes whatever else is given here as its options. For each: seconds, the
most memory of the device that was taken, what every attack reads and the verifier tells; at the end training by
precision, compiled or not (benchmarks.speed.gpu). A job is interrupted when the minutes are over, and later ones are
not begun: that is said, and the exit code is 1. All is kept in OUT/accelerator.json. --against names such a file, of a
CPU say: times then stand beside each other, and figures that lie outside of each other's intervals are named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from aiakit.errors import InputError
from aiakit.experiment.computing import choose_device, choose_precision

MAIN = ("--defense", "aia", "--attacks", "all")
JOBS: dict[str, tuple[str, ...]] = {
    "main job": MAIN,
    "main job in fp32": (*MAIN, "--precision", "fp32"),
    "cnn-strong": ("--defense", "aia", "--attacks", "cnn-strong", "--no-forecast"),
    "ten seeds of aia": ("--defense", "aia", "--attacks", "gender-mlp,qda", "--seeds", "10", "--no-forecast"),
}
"""Options of `aiakit run` by job."""
PAIR = ("main job", "main job in fp32")
RATES = ("--images", "4000", "--steps", "50", "--batch", "512")
GRACE = 20
"""Seconds that an interrupted job has to end."""
Document = dict[str, Any]


class Taken(threading.Thread):
    """The most memory of the device that other processes hold, in MiB, looked at five times a second."""

    def __init__(self, device: str) -> None:
        super().__init__(daemon=True)
        self.device, self.ended, self.most = device, threading.Event(), 0.0
        self.before = self.held()

    def held(self) -> float:
        free, total = torch.cuda.mem_get_info(self.device)
        return (total - free) / 2**20

    def run(self) -> None:
        while not self.ended.wait(0.2):
            self.most = max(self.most, self.held() - self.before)


@contextmanager
def memory_of(device: str) -> Iterator[dict[str, float]]:
    """What the block made others take of a CUDA device (empty elsewhere)."""
    most: dict[str, float] = {}
    if not device.startswith("cuda"):
        yield most
        return
    watch = Taken(device)
    watch.start()
    try:
        yield most
    finally:
        watch.ended.set()
        watch.join()
        most["device_mib"] = round(watch.most)


def finished(command: Sequence[str], seconds: float, into: Path) -> int | None:
    """The exit code of a command, its output in a file; None where it was interrupted after so many seconds."""
    with into.open("wb") as file:
        process = subprocess.Popen(command, stdout=file)
        try:
            return process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return None


def figures(document: Document) -> Document:
    """By release: balanced accuracy [95 %] of every attack, the verifier's, what was claimed, and seconds."""
    rows = {}
    for row in document["rows"]:
        read = {name: [m["balanced_accuracy"], *m["ci95"]] for name, m in row["attacks"].items()}
        u = row["utility"]["random"]
        read["(verification)"] = [u["accuracy"], *u["ci95"]]
        claimed = row["claimed"] and row["claimed"]["balanced_accuracy"]
        fit = (row["fit_seconds"] or 0) + row["release_seconds"]
        rows[row["release"]] = {"read": read, "claimed": claimed, "release_seconds": round(fit, 1)}
    return rows


def differences(here: Document, there: Document) -> list[tuple[str, str, list[float], list[float]]]:
    """(release, what, figure, other figure) of all that both hold, the largest difference first."""
    pairs = [
        (release, name, value, there[release]["read"][name])
        for release, row in here.items()
        if release in there
        for name, value in row["read"].items()
        if name in there[release]["read"]
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[2][0] - pair[3][0]))


def apart(value: Sequence[float], other: Sequence[float]) -> bool:
    """Whether neither figure lies in the other's interval."""
    return not (other[1] <= value[0] <= other[2] or value[1] <= other[0] <= value[2])


def compared(title: str, here: Document, there: Document) -> list[str]:
    found = differences(here, there)
    if not found:
        return []
    far = [pair for pair in found if apart(pair[2], pair[3])]
    largest = found[0]
    mean = sum(value[0] - other[0] for _, _, value, other in found) / len(found)
    lines = [
        f"{title}: {len(found)} figures, mean difference {mean:+.4f}, the largest {largest[2][0] - largest[3][0]:+.3f}"
        f" ({largest[1]} on {largest[0]}); outside of each other's intervals: {len(far)}"
    ]
    return lines + [
        f"  {name} on {release}: {value[0]:.3f} beside {other[0]:.3f}" for release, name, value, other in far
    ]


def machine(device: str) -> Document:
    name = (
        torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor() or platform.machine()
    )
    precision = choose_precision("auto", device)
    return {"device": device, "name": name, "cores": os.cpu_count(), "torch": torch.__version__, "precision": precision}


def told(kept: Document, against: Document | None) -> list[str]:
    """What was measured, as Markdown."""
    this = kept["machine"]
    lines = [
        f"{this['name']} ({this['device']}), {this['cores']} cores, torch {this['torch']}, auto is {this['precision']}",
        "",
    ]
    lines += ["| job | seconds | device memory, MiB | against: seconds |", f"|{'---|' * 4}"]
    others = against["jobs"] if against else {}
    for name, job in kept["jobs"].items():
        other = f"{others[name]['seconds']:.0f}" if "rows" in others.get(name, {}) else ""
        seconds = f"{job['seconds']:.0f}" if "rows" in job else f"{job['seconds']:.0f}, not finished"
        lines.append(f"| {name} | {seconds} | {job.get('device_mib', '')} | {other} |")
    lines.append("")
    whole = {name: job["rows"] for name, job in kept["jobs"].items() if "rows" in job}
    if all(name in whole for name in PAIR):
        lines += compared(f"{this['precision']} beside fp32", whole[PAIR[0]], whole[PAIR[1]])
    for name, rows in whole.items():
        if "rows" in others.get(name, {}):
            lines += compared(f"{name}, here beside the other", rows, others[name]["rows"])
    return [*lines, *([""] if kept.get("rates") else []), *kept.get("rates", [])]


def performed(run: Sequence[str], device: str, seconds: float, document: Path) -> Document:
    """One `aiakit run`: its seconds and device memory; its figures where it ended, else what failed."""
    if seconds <= 0:
        return {"seconds": 0.0, "failed": "not begun"}
    began = time.monotonic()
    with memory_of(device) as memory:
        code = finished(run, seconds, document)
    job: Document = {"seconds": round(time.monotonic() - began, 1), **memory}
    if code == 0:
        job["rows"] = figures(json.loads(document.read_text()))
    elif code is None:
        job["failed"] = "interrupted"
    elif code == 1:
        job["failed"] = json.loads(document.read_text())["failures"]
    else:
        raise InputError(f"exit code {code} of {' '.join(run)}")
    document.unlink()
    return job


def measure(
    device: str, jobs: Mapping[str, tuple[str, ...]], minutes: float, out: Path, further: Sequence[str]
) -> Iterator[Document]:
    """Run the jobs in turn, each for what is left of the time, then training by precision; yield after each."""
    ends = time.monotonic() + 60 * minutes
    kept: Document = {"machine": machine(device), "options": list(further), "jobs": {}, "rates": [], "finished": False}
    for name, options in jobs.items():
        run = [sys.executable, "-m", "aiakit", "run", *options, *further, "--device", device, "--json"]
        run += ["--out", str(out), "--name", name.replace(" ", "-")]
        kept["jobs"][name] = performed(run, device, ends - time.monotonic(), out / "document.json")
        yield kept
    rates = out / "rates.md"
    run = [sys.executable, "-m", "benchmarks.speed.gpu", "--device", device, *RATES]
    code = finished(run, ends - time.monotonic(), rates)
    kept["rates"] = rates.read_text().splitlines()
    kept["finished"] = code == 0 and all("rows" in job for job in kept["jobs"].values())
    yield kept


def main(arguments: Sequence[str] | None = None, jobs: Mapping[str, tuple[str, ...]] = JOBS) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--out", type=Path, default=Path("build/accelerator"))
    parser.add_argument("--against", type=Path)
    asked, further = parser.parse_known_args(arguments)
    against = json.loads(asked.against.read_text()) if asked.against else None
    if asked.out.exists():
        parser.error(f"{asked.out} exists, and kept cells would make times too short: remove it, or give another --out")
    asked.out.mkdir(parents=True)
    kept: Document = {}
    try:
        for kept in measure(choose_device(asked.device), jobs, asked.minutes, asked.out, further):
            (asked.out / "accelerator.json").write_text(json.dumps(kept, indent=1) + "\n")
    except InputError as error:
        parser.error(str(error))
    print("\n".join(told(kept, against)))
    return 0 if kept["finished"] else 1


if __name__ == "__main__":
    sys.exit(main())
