"""What an entry says that no attack exceeds, and who believes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.errors import InputError
from aiakit.experiment.config import PluginSpec
from aiakit.experiment.run import Run
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.columns import remarks
from aiakit.leaderboard.entry import Submission, read_submission
from aiakit.leaderboard.limits import check_limits, require_same_values
from aiakit.leaderboard.standing import limits_computed_here
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import rewrite, write_submission
from aiakit.results.row import certified
from tests.conftest import Answer
from tests.leaderboard.test_entries import refused
from tests.leaderboard.test_levels import run

Aiakit = Callable[..., Answer]
Make = Callable[..., Submission]
__all__ = ["run"]  # a fixture


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Go on on a machine that has computed nothing yet."""
    return lambda: monkeypatch.setenv("AIAKIT_CACHE", str(tmp_path / "cache"))


def bounded(submission: Submission, *stages: str) -> Submission:
    """An entry that says that no attack exceeds .51, of a release that these defenses made."""
    made_by = tuple(PluginSpec(name=name) for name in stages)
    entry = submission.entry.model_copy(update={"accuracy_bound": 0.51, "stages": made_by})
    return replace(submission, entry=entry)


def test_a_defense_that_is_known_to_prove_nothing_has_no_bound(make: Make) -> None:
    made = make("noise", {"lda": 0.5})
    with pytest.raises(
        InputError, match=r"no attack is said to exceed 0.510, and original\+leace proves no such bound"
    ):
        verified(bounded(made, "original", "leace"))
    for stages in (("original", "gaussian-noise"), ("somebodys", "leace")):
        assert verified(bounded(made, *stages)).accuracy_bound == 0.51


@pytest.mark.parametrize("stage", ["gaussian-noise", "somebodys"])
def test_a_bound_by_somebodys_word_is_not_shown(make: Make, tmp_path: Path, stage: str) -> None:
    made = bounded(make("noise", {"lda": 0.55}), stage)
    here, stored = make_board([made]), read_submission(write_submission(tmp_path, made.entry, made.tensors).path)
    assert certified(here.places[0].row) == 0.51
    board = make_board([stored])
    assert certified(board.places[0].row) is None
    assert "noise: that no attack exceeds 0.510 is the submitter's word, and is not shown." in remarks(board)
    assert certified(make_board([stored], trust=True).places[0].row) == 0.51


def in_one_cell(submission: Submission) -> dict[str, Any]:
    """The tensors of an entry that says that its release takes one value."""
    return {**submission.tensors, "values.0": np.zeros(len(submission.tensors["test.labels"]), np.int64)}


def test_a_certificate_lies_above_what_is_measured(make: Make) -> None:
    made = make("leace", {"lda": 0.95})
    with pytest.raises(InputError, match=r"lda reads 0\.9\d\d, whose interval lies above the 0\.6\d\d"):
        verified(replace(made, tensors=in_one_cell(made)))


def test_a_certificate_is_of_all_seeds_and_of_no_file(run: Run) -> None:
    (made,) = (read_submission(path) for path in _entry(run, run.folder / "of-all"))
    row = verified(made)
    assert row.certificate is not None
    two = made.entry.model_copy(update={"computing": made.entry.computing.model_copy(update={"seeds": (0, 1)})})
    with pytest.raises(InputError, match="all its seeds"):
        check_limits(replace(made, entry=two), row)
    given = made.entry.model_copy(update={"stages": (PluginSpec(kind="file", name="release"),)})
    with pytest.raises(InputError, match="given as a file"):
        check_limits(replace(made, entry=given), row)


def _entry(run: Run, folder: Path) -> list[Path]:
    submit(run, folder, "certified-code", with_release=True)
    return list(folder.glob("*.json"))


def test_values_are_those_of_the_release(
    run: Run, tmp_path: Path, aiakit: Aiakit, elsewhere: Callable[[], None]
) -> None:
    (path,) = _entry(run, tmp_path / "entries")
    assert limits_computed_here(read_submission(path)), "in a run"
    elsewhere()
    true = read_submission(path)
    (place,) = make_board([true]).places
    assert certified(place.row) is None
    assert require_same_values(true)
    renamed = replace(true, tensors={**true.tensors, "values.0": 3 - np.asarray(true.tensors["values.0"], np.int64)})
    assert require_same_values(renamed), "how values are called says nothing"
    answer = aiakit("leaderboard", "verify", path, "--rerun")
    assert answer.code == 0, answer.err
    (place,) = make_board([read_submission(path)]).places
    assert certified(place.row) is not None
    merged = {**true.tensors, "values.0": np.minimum(np.asarray(true.tensors["values.0"], np.int64), 2)}
    refused(aiakit("leaderboard", "verify", rewrite(true, merged), "--rerun"), "values that its certificate")


def test_a_release_of_many_values_has_no_certificate(submitted: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    folder = Path(shutil.copytree(submitted, tmp_path / "entries"))
    true = read_submission(next(folder.glob("*.json")))
    refused(aiakit("leaderboard", "verify", rewrite(true, in_one_cell(true)), "--rerun"), "values that its certificate")
