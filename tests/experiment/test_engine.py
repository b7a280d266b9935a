"""Engines: whoever computes the cells, one that dies, fails or is interrupted takes nothing else with it."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster, Worker

from aiakit.errors import InputError
from aiakit.experiment.dask import Dask
from aiakit.experiment.engine import Engine, Outcome, run_cells
from aiakit.experiment.local import Local
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.remaining import Remaining
from aiakit.experiment.runtime import Runtime
from aiakit.storage import tensorfile
from aiakit.storage.store import Store
from tests.clusters import cluster_of
from tests.conftest import SHORT, TINY, Answer
from tests.experiment.kinds import KINDS, cell

Aiakit = Callable[..., Answer]


class Silent:
    """An observer that remembers how cells ended."""

    def __init__(self) -> None:
        self.ended: dict[str, str | None] = {}

    def begin(self, remaining: Remaining) -> None: ...

    def start(self, label: str) -> None: ...

    def step(self, label: str, done: int, total: int) -> None: ...

    def end(self, label: str, failure: str | None) -> None:
        self.ended[label] = failure


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes; what died with its worker, the scheduler does not repeat on its own."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), cluster_of(2) as started:
        yield started


@pytest.fixture(params=["local", "dask"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "local":
        return Local(2)
    return Dask(request.getfixturevalue("cluster").scheduler_address)


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Callable[..., Outcome]:
    """Run cells, given as label → way or (way, labels of what they need), and return the outcome."""
    (tmp_path / "log").mkdir()

    def call(cell_seconds: float | None = None, **ways: Any) -> Outcome:
        cells: dict[str, CellSpec] = {}
        for label, way in ways.items():
            how, needs = way if isinstance(way, tuple) else (way, ())
            cells[label] = cell(tmp_path / "log", label, how, tuple(cells[need].digest for need in needs))
        store, observer = Store(tmp_path / "run"), Silent()
        todo = {label for label in cells if not store.has(cells[label].digest)}
        runtime = Runtime(tmp_path, cell_seconds=cell_seconds)
        outcome = run_cells(store, list(cells.values()), runtime, observer, engine, KINDS)
        assert set(observer.ended) == todo
        failed = {label for label, failure in observer.ended.items() if failure}
        assert {cells[label].digest for label in failed} == set(outcome.failures)
        return Outcome({label: outcome.failures[cells[label].digest] for label in failed}, outcome.notes)

    return call


def finished(tmp_path: Path) -> int:
    return len([path for path in (tmp_path / "run" / "cells").iterdir() if not path.name.startswith(".")])


def computed(tmp_path: Path, label: str) -> int:
    return len((tmp_path / "log" / label).read_text().splitlines())


def test_a_worker_that_dies_loses_nothing(run: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = run(a="slow", b="dies once", c=("", "b"), d="", e="")
    assert outcome.failures == {}
    assert finished(tmp_path) == 5
    counts = [computed(tmp_path, label) for label in "abcde"]
    assert counts[1:3] == [2, 1], "what died is tried once more, and what waits for it begins once"
    assert max(counts) <= 2, "what was under way beside it may have died with it"
    assert run(a="slow", b="dies once", c=("", "b"), d="", e="").failures == {}
    assert [computed(tmp_path, label) for label in "abcde"] == counts, "what is finished is not computed again"


def test_a_cell_that_kills_its_worker_is_reported_and_alone(run: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = run(a="slow", b="dies", c=("", "b"), d="slow", e="slow")
    assert set(outcome.failures) == {"b", "c"}
    assert "died" in outcome.failures["b"]
    assert "what it needs failed" in outcome.failures["c"]
    assert finished(tmp_path) == 3
    assert computed(tmp_path, "b") == 2, "it is tried again once"


@pytest.mark.parametrize("engine", ["local"], indirect=True)
def test_a_cell_that_hangs_in_a_library_ends_with_its_process(run: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = run(cell_seconds=1, a="hangs", b="slow", c=("", "a"))
    assert set(outcome.failures) == {"a", "c"}
    assert "longer than the --cell-timeout of 1 s, and hung where it could not be stopped" in outcome.failures["a"]
    assert computed(tmp_path, "a") == 1, "it is not given as long again by the process that comes next"
    assert finished(tmp_path) == 1


def test_failures_end_their_own_cell(run: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = run(a="fails", b="diverges", c="", d=("", "a"), e="refuses")
    assert outcome.failures["a"] == "the plugin is broken"
    assert outcome.failures["e"] == "attack 'choosy': mend it"
    assert set(outcome.failures) == {"a", "b", "d", "e"}
    (kept,) = (tmp_path / "run" / "diverged").iterdir()
    assert str(kept) in outcome.failures["b"]
    assert tensorfile.load(kept)["weight"].tolist() == [1, 1]


def test_a_full_disk_and_bad_input_end_the_run(run: Callable[..., Outcome]) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        run(a="full disk")
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(InputError, match="mend it"):
        run(a="bad input")


def test_an_interrupt_cancels_what_waits(run: Callable[..., Outcome], tmp_path: Path) -> None:
    ways = dict.fromkeys("abcdef", "slow")

    def press() -> None:
        while not any((tmp_path / "log").iterdir()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    interrupt = threading.Thread(target=press)
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        run(**ways)
    interrupt.join()
    assert finished(tmp_path) < 6
    assert run(**ways).failures == {}
    assert finished(tmp_path) == 6


def stored(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.glob("cells/*/*.safetensors")}


def test_a_cluster_computes_the_same_bytes(cluster: LocalCluster, aiakit: Aiakit, tmp_path: Path) -> None:
    arguments = ["run", "--defense", "original", "--attacks", "logreg", *TINY[:-2], *SHORT, "--no-utility"]
    where = ("--engine", "dask", "--scheduler", cluster.scheduler_address)
    answer = aiakit(*arguments, "--out", tmp_path, "--name", "dask", "--json", *where)
    assert answer.code == 0, answer.err
    assert answer.document["complete"] is True
    assert aiakit(*arguments, "--out", tmp_path, "--name", "local", "--threads", "1").code == 0
    assert stored(tmp_path / "dask") == stored(tmp_path / "local")
    assert len(stored(tmp_path / "dask")) >= 4, "splits, the state, the release and the scores"


def test_workers_without_a_gpu_are_named(cluster: LocalCluster, tmp_path: Path) -> None:
    on_cuda = cell(tmp_path, "a")
    on_cuda.inputs["device"] = "cuda"
    with pytest.raises(InputError, match="offers GPU=1"):
        run_cells(
            Store(tmp_path / "run"), [on_cuda], Runtime(tmp_path), Silent(), Dask(cluster.scheduler_address), KINDS
        )


def test_cells_on_cuda_go_to_workers_that_offer_a_gpu(cluster: LocalCluster, tmp_path: Path) -> None:
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        offering = next(iter(client.scheduler_info()["workers"]))
        pid = client.run(os.getpid, workers=[offering])[offering]
        client.run(offer, 1, workers=[offering])
        try:
            cells = [cell(tmp_path, label) for label in "abcd"]
            for each in cells[:3]:
                each.inputs["device"] = "cuda"
            engine = Dask(cluster.scheduler_address)
            run_cells(Store(tmp_path / "run"), cells, Runtime(tmp_path), Silent(), engine, KINDS)
        finally:
            client.run(offer, 0, workers=[offering])
    assert [(tmp_path / label).read_text() for label in "abc"] == [f"{pid}\n"] * 3
    assert (tmp_path / "d").exists()


async def offer(gpus: int, dask_worker: Worker) -> None:
    """Runs on a worker, which says from then on that it has so many."""
    await dask_worker.set_resources(GPU=gpus)


def test_a_worker_of_another_version_is_named(cluster: LocalCluster, tmp_path: Path) -> None:
    other = cell(tmp_path, "a")
    other.inputs["libraries"] = {"numpy": "0.1"}
    with pytest.raises(InputError, match=r"version of numpy .*, not 0\.1"):
        run_cells(Store(tmp_path / "run"), [other], Runtime(tmp_path), Silent(), Dask(cluster.scheduler_address), KINDS)
    assert not list((tmp_path / "run" / "cells").iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--engine", "dask"), "needs --scheduler"),
        (("--scheduler", "tcp://127.0.0.1:1"), "is for --engine dask"),
        (("--engine", "dask", "--scheduler", "tcp://127.0.0.1:1", "--jobs", "2"), "--jobs is for --engine local"),
    ],
)
def test_options_that_do_not_fit(options: tuple[str, ...], said: str, aiakit: Aiakit) -> None:
    answer = aiakit("run", "--defense", "original", *options)
    assert (answer.code, said in answer.message) == (2, True)


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("aiakit.experiment.dask.CONNECT_SECONDS", 0.2)
    for address in ("tcp://127.0.0.1:1", "no address at all"):
        with pytest.raises(InputError, match="no Dask scheduler answers") as caught:
            run_cells(Store(tmp_path / "run"), [cell(tmp_path, "a")], Runtime(tmp_path), Silent(), Dask(address), KINDS)
        assert "\n" not in str(caught.value)


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiakit.plugins.extras.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"distributed is not installed: pip install 'aiakit\[dask\]'"):
        Dask("tcp://127.0.0.1:1")
