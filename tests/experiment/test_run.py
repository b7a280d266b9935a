"""The main job: what it prints and stores, that it repeats itself exactly, and that it resumes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiakit.experiment.run import Run
from aiakit.storage import tensorfile
from benchmarks.stress.processes import Process
from tests.conftest import SHORT, SHORT_AIA, TINY, Answer
from tests.processes import begin

Aiakit = Callable[..., Answer]
METRICS = {"balanced_accuracy", "ci95", "auc", "advantage", "accuracy", "majority", "bits"}
UTILITY = {"accuracy", "auc", "eer", "tar_at_far_1pct", "ci95"}


def scores(run: Path) -> dict[str, dict[str, bytes]]:
    """Cell → file → the bytes that were computed."""
    return {
        cell.name: {path.name: path.read_bytes() for path in sorted(cell.glob("*.safetensors"))}
        for cell in sorted((run / "cells").iterdir())
    }


def results(document: dict[str, Any]) -> dict[str, Any]:
    """A document without what rightly differs from run to run: times and the folder."""
    rows = [{k: v for k, v in row.items() if not k.endswith("seconds") and k != "peak_mib"} for row in document["rows"]]
    return {**{k: v for k, v in document.items() if k != "run"}, "rows": rows}


def test_document_has_what_is_promised(tiny_run: Path, aiakit: Aiakit) -> None:
    document = aiakit("show", tiny_run, "--json").document
    assert document["schema"] == 3
    assert (document["dataset"], document["attribute"], document["seeds"]) == ("synthetic", "gender", 1)
    assert (document["people"], document["images"]) == (80, 240)
    assert 0.8 < document["bayes_ceiling"] < 1
    assert 0.5 < document["smallest_detectable"] <= 1
    assert document["complete"] is True
    rows = {row["release"]: row for row in document["rows"]}
    assert set(rows) == {"original", "aia", "random"}
    for row in rows.values():
        assert set(row["attacks"]) == {"logreg", "gender-mlp", "cnn"}
        for measured in row["attacks"].values():
            assert set(measured) >= METRICS
            low, high = measured["ci95"]
            assert 0 <= low <= measured["balanced_accuracy"] <= high <= 1
            assert measured["advantage"] == pytest.approx(2 * measured["balanced_accuracy"] - 1)
        for kind in ("random", "same_attribute"):
            assert set(row["utility"][kind]) >= UTILITY
        best = max(row["attacks"].values(), key=lambda m: m["val_balanced_accuracy"])["val_balanced_accuracy"]
        strongest = row["strongest"]
        assert row["attacks"][strongest["attack"]]["val_balanced_accuracy"] == best
        assert strongest["balanced_accuracy"] == row["attacks"][strongest["attack"]]["balanced_accuracy"]
    assert rows["original"]["claimed"] is None
    assert rows["original"]["gap"] is None
    aia = rows["aia"]
    assert aia["gap"] == pytest.approx(
        aia["strongest"]["balanced_accuracy"] - max(0.5, aia["claimed_tuned"]["balanced_accuracy"])
    )


def test_table_for_people(tiny_run: Path, aiakit: Aiakit) -> None:
    answer = aiakit("show", tiny_run, "--verbose")
    assert answer.code == 0
    for word in ("original", "aia", "random", "claimed", "logreg", "Bayes ceiling", "lower bound"):
        assert word in answer.out


def test_same_command_computes_nothing_again(tiny_run: Path, aiakit: Aiakit) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny_run.glob("cells/*/*")}
    arguments = ["--defense", "original,aia,random", "--attacks", "logreg,gender-mlp,cnn", *TINY, *SHORT, *SHORT_AIA]
    arguments += ["--set", "cnn.epochs=1", "--set", "random.latent=16"]
    answer = aiakit("run", *arguments, "--out", tiny_run.parent, "--name", tiny_run.name, "--json")
    assert answer.code == 0
    assert {path: path.stat().st_mtime_ns for path in tiny_run.glob("cells/*/*")} == before
    assert results(answer.document) == results(aiakit("show", tiny_run, "--json").document)


QUICK = ("--defense", "aia", "--attacks", "logreg,gender-mlp", *TINY, *SHORT, *SHORT_AIA)


def test_two_runs_are_equal_to_the_byte_whoever_computes_the_cells(aiakit: Aiakit, tmp_path: Path) -> None:
    first = aiakit("run", *QUICK, "--out", tmp_path / "a", "--name", "run", "--json")
    second = aiakit("run", *QUICK, "--out", tmp_path / "b", "--name", "run", "--json", "--jobs", "2")
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert scores(tmp_path / "a/run") == scores(tmp_path / "b/run")
    assert results(first.document) == results(second.document)


def test_seeds_are_repetitions(aiakit: Aiakit, tmp_path: Path) -> None:
    arguments = ["--defense", "aia", "--attacks", "gender-mlp", *TINY, *SHORT_AIA, "--no-utility", "--no-reference"]
    answer = aiakit("run", *arguments, "--seeds", "2", "--attack-seeds", "2", "--out", tmp_path, "--json")
    assert answer.code == 0
    (row,) = answer.document["rows"]
    assert answer.document["seeds"] == 2
    measured = row["attacks"]["gender-mlp"]
    assert len(measured["per_seed"]) == 4
    assert measured["balanced_accuracy"] == pytest.approx(sum(measured["per_seed"]) / 4)
    assert len(row["claimed"]["per_seed"]) == 2
    assert row["utility"] == {}


def start(folder: Path, *more: str) -> Process:
    """A run of this folder in a process of its own; what it says on stderr is in a file ``said`` beside it."""
    run = [sys.executable, "-m", "aiakit", "run", *QUICK, "--out", str(folder.parent), "--name", folder.name, *more]
    with (folder.parent / "said").open("wb") as said:
        return begin(run, stderr=said)


def finished(folder: Path) -> set[str]:
    return {cell.name for cell in folder.glob("cells/*") if not cell.name.startswith(".")}


def wait_for_cells(folder: Path, count: int, process: Process) -> None:
    deadline = time.monotonic() + 120
    while len(finished(folder)) < count:
        assert process.poll() is None, (folder.parent / "said").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_interrupt_is_one_line_and_130(aiakit: Aiakit, tmp_path: Path) -> None:
    process = start(tmp_path / "run", "--set", "cnn.epochs=1", "--attacks", "cnn")
    wait_for_cells(tmp_path / "run", 2, process)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 130
    err = (tmp_path / "said").read_text()
    assert "interrupted" in err.strip().splitlines()[-1]
    assert "Traceback" not in err
    assert not list((tmp_path / "run/cells").glob(".draft*"))


def test_show_says_what_is_unfinished(tiny_run: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    shutil.copytree(tiny_run, partial)
    attack = next(
        cell
        for cell in (partial / "cells").iterdir()
        if json.loads((cell / "result.json").read_text())["inputs"]["kind"] == "attack"
    )
    shutil.rmtree(attack)
    answer = aiakit("show", partial, "--json")
    assert answer.code == 1
    assert answer.document["complete"] is False
    assert sum(len(row["missing"]) for row in answer.document["rows"]) == 1


def test_damaged_cell_is_found_named_and_computed_again(aiakit: Aiakit, tmp_path: Path) -> None:
    arguments = ("run", *QUICK, "--no-utility", "--out", tmp_path, "--name", "run")
    first = aiakit(*arguments, "--json").document
    victim = max((tmp_path / "run/cells").glob("*/scores.safetensors"), key=lambda path: path.parent.name)
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    answer = aiakit(*arguments, "--json")
    assert answer.code == 0
    assert victim.parent.name in answer.err
    assert "damaged" in answer.err
    assert results(answer.document) == results(first)


@pytest.mark.parametrize("content", ["", "{", '{"schema": 3}', "[]"])
def test_a_damaged_record_says_how_to_go_on(tiny_run: Path, tmp_path: Path, aiakit: Aiakit, content: str) -> None:
    shutil.copytree(tiny_run, tmp_path / "run")
    sound = (tmp_path / "run" / "run.json").read_text()
    (tmp_path / "run" / "run.json").write_text(content)
    for command in (("show", tmp_path / "run"), ("run", *QUICK, "--out", tmp_path, "--name", "run")):
        answer = aiakit(*command)
        assert answer.code == 2
        assert (
            "remove that file and give the command of the run again, which keeps the finished cells" in answer.message
        )
    (tmp_path / "run" / "run.json").unlink()
    run = Run.create(tmp_path / "run", Run.open(tiny_run).config)
    assert json.loads((run.folder / "run.json").read_text())["config"] == json.loads(sound)["config"]


def test_release_is_the_model_applied(tiny_run: Path) -> None:
    """What is stored as released is what the stored state releases: nothing else reached the attacks."""
    for cell in (tiny_run / "cells").iterdir():
        record = json.loads((cell / "result.json").read_text())
        if record["inputs"]["kind"] != "release" or record["inputs"]["defense"]["name"] != "aia":
            continue
        released = tensorfile.load(cell / "release.safetensors")
        assert released["embedding"].shape == (240, 16)
        assert released["image"].shape == (240, 3, 16, 16)
        assert released["claim"].shape == (240, 2)
        return
    pytest.fail("the run holds no release of aia")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_two_starts_on_one_folder_are_one_run(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, looked = Run.open(tiny_run).config, Run._is_mine

    def meanwhile(folder: Path) -> bool:
        """The other start writes its record after this one has seen none, and before it looks at the folder."""
        monkeypatch.setattr(Run, "_is_mine", looked)
        Run.create(folder, config)
        return looked(folder)

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(Run, "_is_mine", meanwhile)
    assert Run.create(tmp_path / "run", config).config == config


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds worker processes through /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    process = start(tmp_path / "run", "--jobs", "2")
    wait_for_cells(tmp_path / "run", 3, process)
    deadline = time.monotonic() + 120
    workers: list[int] = []
    while not workers:
        assert time.monotonic() < deadline
        assert process.poll() is None, "the run ended before its workers were seen"
        workers = [worker for pid in children(process.pid) for worker in children(pid)]
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)
