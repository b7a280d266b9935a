"""How the leak grows with the people that the attacker knows, of an ordinary audit and run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiakit.cli.main import main
from aiakit.experiment.run import Run
from tests.conftest import Answer

Aiakit = Callable[..., Answer]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("growth")
    rng, people = np.random.default_rng(0), np.arange(400)
    gender = people % 2
    embedding = rng.normal(size=(400, 24)) + 0.3 * np.where(gender[:, None] == 1, 1, -1) * np.ones(24) / np.sqrt(24) * 2
    np.savez(folder / "e.npz", e=embedding.astype(np.float32), person=people.astype(str),
             gender=np.array(["female", "male"])[gender])  # fmt: skip
    arguments = ["audit", str(folder / "e.npz"), "--attribute", "gender", "--attacks", "lda,logreg,knn,stack"]
    assert main([*arguments, "--no-utility", "--jobs", "1", "--out", str(folder), "--name", "audit"]) == 0
    return folder / "audit"


def test_the_two_strongest_that_read_the_release_are_trained_with_fewer_people(audited: Path, aiakit: Aiakit) -> None:
    document = aiakit("show", audited, "--json").document
    (row,) = document["rows"]
    read = {name: found for name, found in row["attacks"].items() if name != "stack"}
    best = sorted(read, key=lambda name: read[name]["val_balanced_accuracy"], reverse=True)[:2]
    assert set(row["growth"]) == set(best)
    known = document["attacker_people"]["informed"]
    assert known == 240, "three folds of five learn"
    for name, curve in row["growth"].items():
        assert [point["people"] for point in curve["points"]] == [30, 60, 120, 240]
        assert curve["points"][-1]["balanced_accuracy"] == row["attacks"][name]["balanced_accuracy"]
        assert [each["people"] for each in curve["predicted"]] == [480, 1200, 2400]
        for each in curve["predicted"]:
            low, high = each["ci95"]
            assert low < each["balanced_accuracy"] < high
    assert document["complete"]


def test_it_is_said_and_drawn(audited: Path, aiakit: Aiakit) -> None:
    (row,) = aiakit("show", audited, "--json").document["rows"]
    shown = " ".join(aiakit("show", audited).out.split())
    rising = [name for name, curve in row["growth"].items() if curve["still_rising"]]
    assert ("reads of release is still rising: with 480 people known" in shown) == bool(rising)
    assert all(f"What {name} reads of release" in shown for name in rising[:1])
    shown = " ".join(aiakit("show", audited, "--verbose").out.split())
    assert "for twice the people" in shown
    assert "at 2,400 people" in shown
    assert "no ceiling" in shown
    assert "growth-0" in (audited / "report.html").read_text()


def test_the_same_command_computes_nothing_again(audited: Path, aiakit: Aiakit) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (audited / "cells").iterdir()}
    answer = aiakit(*(Run.open(audited).command or ()))
    assert answer.code == 0, answer.err
    assert before == {path.name: path.stat().st_mtime_ns for path in (audited / "cells").iterdir()}


def test_a_dry_run_counts_them_as_far_as_is_known(audited: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    command = Run.open(audited).command or ()
    dry = (*command, "--dry-run", "--json")
    planned = aiakit(*dry, "--out", tmp_path).document
    assert planned["curves"] == 2 * 3 * 5, (
        "two attacks, with an eighth, a quarter and half of the people, in five folds"
    )
    assert "come on top: 30 cells at most" in " ".join(aiakit(*command, "--dry-run", "--out", tmp_path).out.split())
    assert list(tmp_path.iterdir()) == []
    assert aiakit(*dry).document["curves"] == 0, "all of them are finished"
    assert "on top" not in aiakit(*command, "--dry-run").out
    assert aiakit(*dry, "--out", tmp_path, "--no-forecast").document["curves"] == 0


def test_a_dry_run_counts_what_an_interrupted_run_lacks(audited: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    copied = tmp_path / "audit"
    shutil.copytree(audited, copied)
    cells = [(path, json.loads((path / "result.json").read_text())) for path in (copied / "cells").iterdir()]
    for path, _ in [(path, record) for path, record in cells if record["inputs"].get("people") is not None][:7]:
        shutil.rmtree(path)
    assert aiakit(*(Run.open(audited).command or ()), "--out", tmp_path, "--dry-run", "--json").document["curves"] == 7


def test_too_few_people_are_a_note_or_where_it_was_asked_for_an_error(aiakit: Aiakit, tmp_path: Path) -> None:
    people = np.arange(60)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "e.npz", e=rng.normal(size=(60, 3)), person=people.astype(str), gender=(people % 2).astype(str))
    asked = ("audit", tmp_path / "e.npz", "--attribute", "gender", "--attacks", "lda", "--no-utility", "--json")
    told = aiakit(*asked, "--out", tmp_path / "runs")
    assert told.code == 0, told.err
    assert any("attackers who know 160 people" in note for note in told.document["notes"])
    assert "growth" not in told.document["rows"][0]
    refused = aiakit(*asked, "--forecast", "--out", tmp_path / "other")
    assert refused.code == 2
    assert "attackers who know 160 people" in refused.message
    assert not (tmp_path / "other").exists()
    silent = aiakit(*asked, "--no-forecast", "--out", tmp_path / "third")
    assert not any("160 people" in note for note in silent.document["notes"])
