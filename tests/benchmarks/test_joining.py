"""Handing in an entry by a pull request, from the run to the row that it would get, in a repository of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.leaderboard.board import Board, RankedEntry
from aiakit.leaderboard.entry import Submission, read_submission
from aiakit.leaderboard.scores import statistics_row
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.writing import write_submission
from aiakit.results.document import measured
from aiakit.results.row import Row
from benchmarks.again import compared, made_again, without
from benchmarks.joining import BOARDS, LIMIT, Answer, answer, standing

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
    figures = {
        "utility": {"random": {"accuracy": true.entry.figures["utility"]["random"]["accuracy"]}},
        "attacks": {"other": {"val_balanced_accuracy": 0.7, "per_seed": [0.6]}},
    }
    again = replace(true, entry=true.entry.model_copy(update={"figures": figures}))
    attack, verification = compared(replace(true, tensors=tensors), again)
    assert (attack[0], attack[2]) == ("other", 0.6)
    assert verification[1] == pytest.approx(verification[2], abs=1e-6)


@pytest.fixture
def forge(board: Path, two_runs: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Hand in leace's entry with other scores and words, and what its command gives is the true one."""
    submit(Run.open(two_runs / "leace"), board, "leace")
    true = entry_of(board, "leace")
    monkeypatch.setattr("benchmarks.joining.made_again", lambda _: true)
    monkeypatch.setattr("benchmarks.joining.NEEDS_NO_FILES", true.entry.protocol.dataset)

    def forged(tensors: Mapping[str, Any], **words: Any) -> Answer:
        entry = true.entry.model_copy(update=words)
        entry = entry.model_copy(update={"figures": measured(statistics_row(entry, {**true.tensors, **tensors}))})
        written = write_submission(board, entry, {**true.tensors, **tensors})
        if written.entry.scores.file != true.entry.scores.file:
            (board / true.entry.scores.file).unlink()
        committed()
        return said(again=True)

    return forged


def test_an_attack_that_was_dulled_is_found_though_the_strongest_is_true(
    forge: Callable[..., Answer], board: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = entry_of(board, "leace")
    strongest = true.entry.figures["strongest"]["attack"]
    (other,) = set(true.entry.figures["attacks"]) - {strongest}
    reads = true.entry.figures["attacks"][other]
    more = {**reads, "per_seed": [reads["per_seed"][0] + 0.1], "val_balanced_accuracy": 0.99}
    figures = {**true.entry.figures, "attacks": {**true.entry.figures["attacks"], other: more}}
    again = replace(true, entry=true.entry.model_copy(update={"figures": figures}))
    monkeypatch.setattr("benchmarks.joining.made_again", lambda _: again)
    found = [line.partition(" 0.")[0] for line in forge({}).refused]
    assert found == [f"leace: {other} (informed)", "leace: the strongest of informed attackers"]


def test_a_level_and_an_attack_that_the_command_does_not_make_are_refused(
    forge: Callable[..., Answer], board: Path
) -> None:
    first, *others = entry_of(board, "leace").entry.attacks
    renamed = first.model_copy(update={"name": "mlp"})
    refused = forge({}, level="insider+query", attacks=(renamed, *others)).refused
    assert "leace has levels that its command does not try: insider+query" in refused
    assert "leace has attacks that its command does not make so: mlp" in refused


def test_another_ceiling_cannot_make_all_others_impossible(forge: Callable[..., Answer], board: Path) -> None:
    true = entry_of(board, "leace").entry
    refused = forge({}, protocol=true.protocol.model_copy(update={"bayes_ceiling": 0.52})).refused
    assert any("another Bayes ceiling" in line for line in refused)


def test_a_bound_that_no_stage_proves_is_refused(forge: Callable[..., Answer]) -> None:
    (refused,) = forge({}, accuracy_bound=0.9).refused
    assert "leace proves no such bound" in refused


@pytest.fixture
def proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leace that proves what no attack exceeds."""
    monkeypatch.setattr("aiakit.leaderboard.limits._may_prove", lambda stage: stage.name == "leace")


@pytest.mark.usefixtures("proven")
def test_what_no_attack_exceeds_is_asked_of_the_run(forge: Callable[..., Answer]) -> None:
    assert any(line.startswith("leace: what no attack exceeds 0.9") for line in forge({}, accuracy_bound=0.9).refused)


@pytest.mark.usefixtures("proven")
def test_what_a_bound_makes_impossible_is_told_with_its_verdict(forge: Callable[..., Answer]) -> None:
    found = forge({}, accuracy_bound=0.01)
    assert any(line.startswith("- `leace` takes no rank: impossible") for line in found.lines)


def test_who_would_lose_a_rank_is_named(forge: Callable[..., Answer], board: Path) -> None:
    """Half of the board would then be measured by an attack that the other half was not."""
    true = entry_of(board, "leace")
    more = true.entry.attacks[0].model_copy(update={"name": "mlp"})
    number = len(true.entry.attacks)
    scores = {f"attack.{number}.0.{split}": true.tensors[f"attack.0.0.{split}"] for split in ("val", "test")}
    assert "original would lose its rank" in forge(scores, attacks=(*true.entry.attacks, more)).refused


def test_a_plugin_that_is_missing_or_another_is_named(forge: Callable[..., Answer], board: Path) -> None:
    true = entry_of(board, "leace").entry
    command = (*(true.provenance.command or ()), "--plugin", "…/mine.py")
    stage = true.stages[-1].model_copy(update={"sha256": "0" * 64})
    words = {
        "provenance": true.provenance.model_copy(update={"command": command}),
        "stages": (*true.stages[:-1], stage),
    }
    assert (
        f"leace: its plugin mine.py does not stand beside it: copy it to {board / 'mine.py'}"
        in forge({}, **words).refused
    )
    (board / "mine.py").write_text("")
    committed()
    assert "leace: mine.py beside it is not the file that the run was made with" in said().refused


def test_the_plugin_of_a_command_is_taken_from_beside_the_entry(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that was elsewhere the command keeps the name."""
    given: list[str] = []
    monkeypatch.setattr("benchmarks.again.aiakit_main", lambda words: given.extend(words) or 2)
    mine = entry_of(board, "original")
    provenance = mine.entry.provenance.model_copy(
        update={"command": ("run", "--plugin", "…/mine.py:make", "--seeds", "3")}
    )
    with pytest.raises(InputError, match="its command ends with 2"):
        made_again(replace(mine, entry=mine.entry.model_copy(update={"provenance": provenance})))
    assert given[:5] == ["run", "--plugin", "mine.py:make", "--defense", "original"]


def test_what_was_measured_otherwise_is_said(forge: Callable[..., Answer], board: Path) -> None:
    (line,) = (line for line in forge({}).lines if "takes rank" in line)
    assert line.endswith("of 2")
    place = RankedEntry(entry_of(board, "leace"), Row("leace"), "leace")
    entry = place.entry.model_copy(
        update={"computing": place.entry.computing.model_copy(update={"seeds": (0, 1, 2)}), "risks": {"identity": ()}}
    )
    others = [RankedEntry(replace(place.submission, entry=entry), Row("leace"), str(n)) for n in range(2)]
    assert list(standing(place, Board([place, *others]))) == [
        "`leace` was measured with 1 seed, most others with 3",
        "`leace` was not asked for identity, as most others were",
    ]


def test_options_that_are_given_here_are_taken_out_of_a_command() -> None:
    command = ["run", "--defense", "a", "--seeds=3", "--attacks", "svm", "--out", "runs", "--halving"]
    assert without(command, ("--defense", "--seeds", "--out")) == ["run", "--attacks", "svm", "--halving"]
