"""Handing in an entry by a pull request, from the run to the row that it would get, in a repository of its own."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import Submission, read_submission
from aiakit.leaderboard.scores import statistics_row
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.writing import write_submission
from aiakit.results.document import measured
from benchmarks.joining import BOARDS, LIMIT, Answer, answer, compared, without

BOARD = BOARDS / "drawn"


def git(*arguments: str) -> None:
    told = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run([shutil.which("git") or "git", *told, *arguments], check=True, capture_output=True)


def committed() -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", "entries")


@pytest.fixture
def board(two_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A board of the undefended release, on the branch main; what follows is on another."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    submit(Run.open(two_runs / "leace"), BOARD, "original")
    committed()
    git("checkout", "--quiet", "-b", "mine")
    return BOARD


def entry_of(folder: Path, release: str) -> Submission:
    return next(found for path in folder.glob("*.json") if (found := read_submission(path)).entry.release == release)


def said(again: bool = False) -> Answer:
    return answer("main", again, tolerance=0.05)


def test_an_entry_is_shown_with_the_row_that_it_would_get(board: Path, two_runs: Path) -> None:
    submit(Run.open(two_runs / "leace"), board)
    committed()
    found = said(again=True)
    assert found.refused == []
    text = str(found)
    assert "### drawn" in text
    assert "| `leace`" in text
    assert "| `original`" not in text
    stated = entry_of(board, "leace").entry.figures["strongest"]
    name, figure = stated["attack"], stated["per_seed"][0]
    assert f"- leace: {name} {figure:.3f} in the entry, {figure:.3f} made again" in found.lines


def forged(folder: Path, two_runs: Path) -> None:
    """The scores of the release, dealt to other people: nothing seems to be read, and every figure is theirs."""
    submit(Run.open(two_runs / "leace"), folder, "leace")
    true = entry_of(folder, "leace")
    order = np.random.default_rng(0).permutation(len(true.tensors["test.labels"]))
    tensors = {name: part[order] if name.startswith("attack.") and name.endswith(".test") else part
               for name, part in true.tensors.items()}  # fmt: skip
    entry = true.entry.model_copy(update={"figures": measured(statistics_row(true.entry, tensors))})
    write_submission(folder, entry, tensors)
    (folder / true.entry.scores.file).unlink()


def test_scores_of_other_people_are_found_by_making_the_release_again(board: Path, two_runs: Path) -> None:
    forged(board, two_runs)
    committed()
    assert said().refused == [], "its figures are those of its scores"
    found = said(again=True)
    assert any(line.startswith("leace: ") and "made again, more than 0.05 apart" in line for line in found.refused)


def test_entries_of_others_are_not_changed_or_removed(board: Path, two_runs: Path) -> None:
    theirs = entry_of(board, "original")
    theirs.path.unlink()
    committed()
    assert said().refused == [f"{theirs.path} was there before and is removed"]


def test_a_file_that_is_too_large_is_refused(board: Path, two_runs: Path) -> None:
    submit(Run.open(two_runs / "leace"), board, "leace")
    (board / "release.safetensors").write_bytes(bytes(LIMIT + 1))
    committed()
    (refused,) = said().refused
    assert "release.safetensors takes 3.0 MiB, and may take 3: " in refused


def test_edited_figures_are_refused(board: Path, two_runs: Path) -> None:
    submit(Run.open(two_runs / "leace"), board, "leace")
    mine = entry_of(board, "leace")
    figures = {**mine.entry.figures, "strongest": {**mine.entry.figures["strongest"], "balanced_accuracy": 0.5}}
    entry = replace(mine, entry=mine.entry.model_copy(update={"figures": figures}).sealed()).entry
    mine.path.write_text(entry.model_dump_json())
    committed()
    assert any("is refused: figures.strongest.balanced_accuracy is 0.5" in line for line in said().refused)


def test_an_entry_of_several_seeds_is_compared_by_its_first(board: Path, two_runs: Path) -> None:
    """Its second verifier tells nobody apart, and its strongest attack was left out where it was made again."""
    submit(Run.open(two_runs / "leace"), board, "leace")
    true = entry_of(board, "leace")
    tensors = dict(true.tensors)
    for name, part in true.tensors.items():
        if name.startswith("verifier.0."):
            tensors[name.replace("verifier.0.", "verifier.1.")] = np.zeros_like(part)
    utility = {"random": {"accuracy": true.entry.figures["utility"]["random"]["accuracy"]}}
    again = {"level": "informed", "utility": utility,
             "attacks": {"other": {"val_balanced_accuracy": 0.7, "per_seed": [0.6]}}}  # fmt: skip
    attack, verification = compared(replace(true, tensors=tensors), again)
    assert (attack[0], attack[2]) == ("other", 0.6)
    assert verification[1] == pytest.approx(verification[2], abs=1e-6)


def test_options_that_are_given_here_are_taken_out_of_a_command() -> None:
    command = ["run", "--defense", "a", "--seeds=3", "--attacks", "svm", "--out", "runs", "--halving"]
    assert without(command, ("--defense", "--seeds", "--out")) == ["run", "--attacks", "svm", "--halving"]
