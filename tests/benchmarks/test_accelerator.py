"""The prepared check of the device path, on the CPU and a few people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiakit.experiment.computing import choose_precision
from benchmarks.speed import accelerator

SMALL = ["--device", "cpu", "--people", "60", "--images-per-person", "2", "--image-size", "16", "--threads", "1"]
SAME = ("--defense", "random", "--attacks", "logreg", "--no-forecast", "--precision", "fp32")
JOBS = {"main job": SAME, "main job in fp32": SAME}  # in one precision, so that they differ nowhere


@pytest.fixture
def no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "RATES", ("--images", "16", "--steps", "1", "--batch", "8", "--eager"))


@pytest.mark.slow
@pytest.mark.usefixtures("no_rates")
def test_jobs_are_measured_and_compared_with_another_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert accelerator.main([*SMALL, "--set", "original.epochs=1", "--out", str(out)], JOBS) == 0
    usual = choose_precision("auto", "cpu")
    assert f"{usual} beside fp32: 4 figures, mean difference +0.0000, the largest +0.000" in capsys.readouterr().out
    kept = json.loads((out / "accelerator.json").read_text())
    assert any("images a second" in line for line in kept["rates"])
    read = kept["jobs"]["main job"]["rows"]["random"]["read"]
    assert set(read) == {"logreg", "(verification)"}
    value, low, high = read["logreg"]
    assert low <= value <= high

    other = json.loads((out / "accelerator.json").read_text())
    other["jobs"]["main job"]["rows"]["random"]["read"]["logreg"] = [0.2, 0.19, 0.21]
    del other["jobs"]["main job in fp32"]
    said = accelerator.told(kept, other)
    assert f"  logreg on random: {value:.3f} beside 0.200" in said
    assert not any(line.startswith("main job in fp32, here beside") for line in said)


@pytest.mark.usefixtures("no_rates")
def test_what_time_does_not_allow_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*SMALL, "--minutes", "0.02", "--out", str(tmp_path / "out")]
    assert accelerator.main(asked, JOBS) == 1
    kept = json.loads((tmp_path / "out" / "accelerator.json").read_text())
    assert [job["failed"] for job in kept["jobs"].values()] == ["interrupted", "not begun"]
    assert "main job in fp32 | 0, not finished" in capsys.readouterr().out


def test_times_of_kept_cells_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        accelerator.main(["--device", "cpu", "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert "kept cells would make times too short" in capsys.readouterr().err


def test_options_that_a_run_refuses_end_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        accelerator.main([*SMALL, "--out", str(tmp_path / "out"), "--attribute", "nothing"], JOBS)
    assert ended.value.code == 2
    assert "error: exit code 2 of " in capsys.readouterr().err


def test_figures_are_apart_where_neither_lies_in_the_others_interval() -> None:
    assert accelerator.apart([0.6, 0.58, 0.62], [0.7, 0.68, 0.72])
    assert not accelerator.apart([0.6, 0.5, 0.7], [0.65, 0.64, 0.66])
