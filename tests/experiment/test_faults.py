"""A run on bad machines: killed, out of space, on a read-only disk, under a clock that goes backwards."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiakit.experiment.run import RUN
from aiakit.storage.store import Store
from benchmarks.stress.chaos import kill_and_resume
from tests.conftest import SHORT, TINY, Answer
from tests.processes import begin

Aiakit = Callable[..., Answer]
ARGUMENTS = ("--defense", "original", "--attacks", "logreg", *TINY, *SHORT, "--no-utility")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("disks can be mounted by root only")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("free_kib", [16, 60, 160, 240, 300])
def test_a_disk_that_fills_up(free_kib: int, disk: Path, aiakit: Aiakit) -> None:
    """Whatever is being written: splits, states, the release, what is computed of the scores, the report."""
    arguments = ("run", *ARGUMENTS, "--out", disk, "--name", "run")
    filler = disk / "filler"
    space = os.statvfs(disk)
    filler.write_bytes(bytes(space.f_bavail * space.f_frsize - free_kib * 1024))
    answer = aiakit(*arguments)
    assert answer.code == 2
    assert "no space left" in answer.message.lower()
    assert not list(disk.glob("run/cells/.draft-*"))
    assert not (disk / "run" / "report.html").exists()
    store = Store(disk / "run")
    for cell in store.cells.glob("[!.]*"):
        assert store.has(cell.name), store.damaged
    filler.unlink()
    assert aiakit(*arguments).code == 0, "with space again the same command goes on"


def test_a_store_that_cannot_be_written_to(disk: Path, aiakit: Aiakit) -> None:
    arguments = ("run", *ARGUMENTS, "--out", disk, "--name", "run")
    assert aiakit(*arguments).code == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    answer = aiakit(*arguments)
    assert answer.code == 2
    assert "cannot be written to (Read-only file system)" in answer.message
    assert aiakit("show", disk / "run").code == 0, "it can still be read"


def test_a_start_that_was_killed_at_its_first_write(tmp_path: Path, aiakit: Aiakit) -> None:
    (tmp_path / "run" / "cells").mkdir(parents=True)
    (tmp_path / "run" / f".{RUN}-a1b2").write_text('{"sch')
    assert aiakit("run", *ARGUMENTS, "--out", tmp_path, "--name", "run").code == 0
    (tmp_path / "own" / "cells" / "mine").mkdir(parents=True)
    answer = aiakit("run", *ARGUMENTS, "--out", tmp_path, "--name", "own")
    assert (answer.code, "is no run folder" in answer.message) == (2, True), "a folder of something else is left alone"


def test_a_clock_that_goes_backwards(tmp_path: Path, aiakit: Aiakit, monkeypatch: pytest.MonkeyPatch) -> None:
    """And files from the future."""
    hours = itertools.count()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600 * next(hours))
    monkeypatch.setattr(time, "time_ns", lambda: int((now - 3600 * next(hours)) * 1e9))
    arguments = ("run", *ARGUMENTS, "--out", tmp_path, "--name", "run", "--json")
    answer = aiakit(*arguments)
    assert answer.code == 0
    assert "-" not in "".join(line for line in answer.err.splitlines() if " s (about" in line), "no negative times"
    cells = [Store(tmp_path / "run").read(cell.name) for cell in (tmp_path / "run" / "cells").iterdir()]
    assert all(cell.seconds >= 0 for cell in cells)
    for path in (tmp_path / "run").rglob("*"):
        os.utime(path, (now + 1e8, now + 1e8))
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("run/cells/*/*")}
    again = aiakit(*arguments)
    assert again.document == answer.document
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


@pytest.mark.slow
def test_killed_runs_end_as_undisturbed_ones(tmp_path: Path) -> None:
    """The short form of ``python -m benchmarks.stress.chaos``: two processes on one folder are killed, and go on."""
    chaos = kill_and_resume(tmp_path, kills=1, seed=1, arguments=ARGUMENTS, jobs=1, twice=1, begin=begin)
    assert sum(chaos.phases.values()) == 1
