"""Whoever knows more can do what those do who know less, and behind noise that may read more: it counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import read_submission
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.verify import verified
from tests.conftest import Answer

PEOPLE, WIDE = 400, 256  # too few to learn from noise so wide, and enough to learn from what is undefended


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("noisy")
    gender = np.arange(PEOPLE) % 2
    embedding = np.random.default_rng(0).normal(size=(PEOPLE, WIDE))
    embedding[:, 0] += 8 * (gender - 0.5)
    np.savez(folder / "e.npz", embedding=embedding.astype("f4"), gender=np.array(["f", "m"])[gender],
             person=np.arange(PEOPLE))  # fmt: skip
    return folder


def asked(folder: Path, *more: str) -> tuple[Any, ...]:
    return ("run", "--dataset", "table", "--data-root", folder / "e.npz", "--identity", "person", "--folds", "3",
            "--defense", "gaussian-noise", "--set", "gaussian-noise.epsilon=40", "--draws", "1", "--attacks", "lda",
            "--knowledge", "ignorant", "--no-utility", "--no-forecast", "--jobs", "1", "--out", folder, "--name", "run",
            "--fail-above", "0.62", *more)  # fmt: skip


def test_who_learned_from_undefended_releases_makes_the_headline_and_fails_a_gate(
    noisy: Path, aiakit: Callable[..., Answer]
) -> None:
    answer = aiakit(*asked(noisy, "--json"))
    assert answer.code == 3, answer.err
    row = next(row for row in answer.document["rows"] if row["release"] == "gaussian-noise")
    informed = row["knowledge"]["informed"]["lda"]
    assert row["level"] == row["attacks"]["lda"]["knowledge"] == row["across_levels"]["level"] == "ignorant"
    assert row["strongest"]["val_balanced_accuracy"] > informed["val_balanced_accuracy"]
    assert row["strongest"]["balanced_accuracy"] > informed["balanced_accuracy"] + 0.05
    assert row["across_levels"]["simultaneous_upper"] >= row["simultaneous_upper"]
    assert "by an attacker who is ignorant of the defense" in " ".join(aiakit(*asked(noisy)).out.split())


def test_it_stands_so_on_a_board(noisy: Path, aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    aiakit(*asked(noisy))
    submit(Run.open(noisy / "run"), tmp_path)
    entries = [read_submission(path) for path in tmp_path.glob("*.json")]
    entry = next(each.entry for each in entries if each.entry.release == "gaussian-noise")
    assert entry.level == "ignorant"
    assert {"ignorant", "informed"} <= entry.levels
    assert all(verified(each).headline is not None for each in entries)
