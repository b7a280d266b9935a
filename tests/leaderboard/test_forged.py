"""Entries that were made to look private: scores that follow from a submitted release of which something is untrue."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aiakit as toolkit
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.leaderboard import rerun
from aiakit.leaderboard.entry import Submission, read_submission, read_tensors
from aiakit.leaderboard.released import learns_from_its_labels, read_release
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.writing import rewrite, write_tensors
from aiakit.plugins import registry
from tests.conftest import Answer
from tests.leaderboard.test_entries import refused
from tests.leaderboard.test_labels_again import SAME

Aiakit = Callable[..., Answer]
Release = dict[str, Any]


@pytest.fixture(autouse=True)
def another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has computed nothing yet."""
    monkeypatch.setenv("AIAKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})


@pytest.fixture
def folder(submitted: Path, tmp_path: Path) -> Path:
    """A copy of the entry of a run on dealt splits, with its release."""
    return Path(shutil.copytree(submitted, tmp_path / "entries"))


def with_release(submission: Submission, change: Callable[[Release], None]) -> Submission:
    """An entry whose release says something else."""
    assert submission.entry.submitted_release is not None
    release = {
        name: np.array(part) for name, part in read_tensors(submission.path, submission.entry.submitted_release).items()
    }
    change(release)
    ref = write_tensors(submission.path.parent, f"{submission.entry.name}.release", release)
    return replace(submission, entry=submission.entry.model_copy(update={"submitted_release": ref}))


def exchanged(*splits: str) -> Callable[[Release], None]:
    """The labels of some splits, dealt anew among their images."""

    def change(release: Release) -> None:
        for split in splits:
            rows = release[f"rows.{split}"]
            release["labels"][rows] = np.random.default_rng(0).permutation(release["labels"][rows])

    return change


def scored_again(submission: Submission, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The entry with the scores that its attacks reach on its release, whatever that says."""

    def unchecked(found: Submission) -> Any:
        assert found.entry.submitted_release is not None
        return read_tensors(found.path, found.entry.submitted_release)

    tensors, (attack,) = dict(submission.tensors), submission.entry.attacks
    with monkeypatch.context() as patch:
        patch.setattr(rerun, "read_release", unchecked)
        with rerun.again_on_release(submission, [attack]) as bench:
            tensors |= {
                f"attack.0.{name}": part for name, part in bench.scores(attack, Runtime(submission.path.parent)).items()
            }
    return rewrite(submission, tensors)


def test_labels_of_attacker_val_are_those_of_the_entry(
    folder: Path, aiakit: Aiakit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = read_submission(next(folder.glob("*.json")))
    path = scored_again(with_release(submission, exchanged("attacker-train", "attacker-val")), monkeypatch)
    assert aiakit("leaderboard", "verify", path).code == 0, "its scores are those of its figures"
    refused(aiakit("leaderboard", "verify", path, "--rerun"), "labels of attacker-val differ from those of the entry")


@pytest.mark.parametrize("split", ["attacker-val", "test"])
def test_people_of_a_release_are_those_of_the_entry(folder: Path, split: str) -> None:
    def change(release: Release) -> None:
        release["identity"][release[f"rows.{split}"]] += 1

    submission = read_submission(next(folder.glob("*.json")))
    with pytest.raises(InputError, match="identities of"):
        read_release(with_release(submission, change))


def test_a_release_has_a_row_for_each_image(folder: Path) -> None:
    def change(release: Release) -> None:
        release["0.embedding"] = release["0.embedding"][1:]

    submission = read_submission(next(folder.glob("*.json")))
    with pytest.raises(InputError, match=r"0\.embedding has not one row for each"):
        read_release(with_release(submission, change))


def test_labels_that_attacks_learn_from_are_those_of_the_data_set(
    folder: Path, aiakit: Aiakit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = read_submission(next(folder.glob("*.json")))
    path = scored_again(with_release(submission, exchanged("attacker-train")), monkeypatch)
    answer = aiakit("leaderboard", "verify", path, "--rerun")
    assert answer.code == 0, answer.err
    assert "the labels of attacker-train are the submitter's word" in answer.err
    (row,) = aiakit("leaderboard", path, "--format", "json").document["rows"]
    assert (row["rank"], row["computed"]) == (None, [])
    refused(aiakit("leaderboard", "verify", path, "--rerun", *SAME), "labels of attacker-train", "are not those of")
    refused(aiakit("leaderboard", "verify", path, "--rerun", *SAME[:-1], "4"), "another version of the data")


def test_options_of_a_data_set_need_it_and_training(folder: Path, aiakit: Aiakit) -> None:
    refused(aiakit("leaderboard", "verify", folder, "--rerun", *SAME[2:]), "without --dataset")
    refused(aiakit("leaderboard", "verify", folder, *SAME), "--rerun")


def test_cross_fitted_people_are_all_those_of_the_entry(tmp_path: Path) -> None:
    people = np.arange(90)
    toolkit.audit(
        np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32), identity=people, attacks=("lda",), folds=3,
        attributes={"gender": np.array(["f", "m"])[people % 2]}, forecast=False, utility=False, folder=tmp_path / "run",
    )  # fmt: skip
    submit(Run.open(tmp_path / "run"), tmp_path / "entries", with_release=True)
    submission = read_submission(next((tmp_path / "entries").glob("*.json")))
    assert learns_from_its_labels(submission, None)

    def one_fold_on(release: Release) -> None:
        release["folds"] = (release["folds"] + 1) % 3

    def others(release: Release) -> None:
        release["identity"] = release["identity"][::-1]

    def fewer(release: Release) -> None:
        release["rows.attacker-train"] = release["rows.attacker-train"][1:]

    for change, what in ((one_fold_on, "folds"), (others, "identities"), (fewer, "rows")):
        with pytest.raises(InputError, match=f"its {what} differ"):
            read_release(with_release(submission, change))
