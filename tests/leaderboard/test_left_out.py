"""Entries whose attacks were left out of later folds: counted as tried, where their scores say that they could be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

import aiakit
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.leaderboard import writing
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.entry import Submission, read_submission
from aiakit.leaderboard.left_out import check_left_out
from aiakit.leaderboard.rerun import rerun
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import MOVED, write_submission
from aiakit.storage import tensorfile

ATTACKS = ("logreg", "lda", "svm", "qda", "stack")


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Submission]:
    """One release, probed with and without halving: the classes differ in their variance, so linear attacks go."""
    folder, rng, people = tmp_path_factory.mktemp("audits"), np.random.default_rng(0), np.arange(500)
    embedding = rng.normal(size=(500, 8)) * np.where(people % 2 == 1, 2.0, 1.0)[:, None]

    def entry(halving: bool) -> Submission:
        out = folder / str(halving)
        if not out.exists():
            aiakit.audit(
                embedding.astype(np.float32), attributes={"gender": np.array(["f", "m"])[people % 2]}, identity=people,
                attacks=ATTACKS, folds=3, forecast=False, halving=halving, utility=False, folder=out / "run",
            )  # fmt: skip
            submit(Run.open(out / "run"), out / "entries", with_release=True)
        return read_submission(next((out / "entries").glob("*.json")))

    return entry


def test_what_was_left_out_was_tried(entries: Callable[[bool], Submission]) -> None:
    whole, halved = entries(False), entries(True)
    left = {attack.name: attack.left_after for attack in halved.entry.attacks}
    assert left == {"logreg": 1, "lda": 1, "svm": None, "qda": None, "stack": None}
    rows = [verified(submission) for submission in (whole, halved)]
    assert set(rows[1].attacks) == {"svm", "qda", "stack"}
    assert rows[1].attacks["qda"].point == pytest.approx(rows[0].attacks["qda"].point, abs=MOVED)
    board = make_board([whole, halved], trust=True)
    assert [place.lacks for place in board.places] == [[], []]


def test_it_is_trained_again_in_the_folds_that_it_was_tried_in(
    entries: Callable[[bool], Submission], tmp_path: Path
) -> None:
    again = {found.attack: found for found in rerun(entries(True), Runtime(tmp_path))}
    assert {name: found.folds for name, found in again.items()} == {
        "logreg": 1, "lda": 1, "svm": None, "qda": None, "stack": None,
    }  # fmt: skip
    assert not again["lda"].reason
    assert again["lda"].on_val
    assert again["lda"].apart == pytest.approx(0, abs=1e-9)


def test_a_strong_attack_cannot_be_left_out(entries: Callable[[bool], Submission]) -> None:
    halved = entries(True)
    number = [attack.name for attack in halved.entry.attacks].index("lda")
    scores = halved.tensors[f"attack.{number}.0.val"]
    learned = (np.asarray(halved.tensors["test.folds"]) - 1) % 3
    labels = np.asarray(halved.tensors["val.labels"])[learned < 1]
    strong = np.where(np.eye(2)[labels] > 0, 0.9, 0.1).astype(scores.dtype)
    forged = replace(halved, tensors={**halved.tensors, f"attack.{number}.0.val": strong}, row=None)
    with pytest.raises(InputError, match="lda was left out of later folds, and its scores do not show"):
        verified(forged)


def test_scores_are_stored_so_that_they_still_show_who_is_weaker(
    entries: Callable[[bool], Submission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half precision decides a few people otherwise, which near the margin matters: here lda's exact scores keep it."""
    halved = entries(True)
    number = [attack.name for attack in halved.entry.attacks].index("lda")
    own = f"attack.{number}.0.val"
    sure = expit(logit(halved.tensors[own]) * (1 + 1e-4))
    tensors = {**halved.tensors, own: sure}
    monkeypatch.setattr(
        writing,
        "shows_left_out",
        lambda entry, read: check_left_out(entry, read) is None and np.allclose(read[own], sure, 1e-6),
    )
    written = write_submission(tmp_path, halved.entry.model_copy(update={"submitted_release": None}), tensors)
    stored = tensorfile.load(tmp_path / written.entry.scores.file)
    assert {name for name, part in stored.items() if part.dtype == np.float32} == {own}
    assert verified(read_submission(written.path))


def test_a_run_on_one_split_leaves_nothing_out(entries: Callable[[bool], Submission]) -> None:
    halved = entries(True)
    tensors = {name: part for name, part in halved.tensors.items() if name != "test.folds"}
    with pytest.raises(InputError):
        verified(replace(halved, tensors=tensors, row=None))
