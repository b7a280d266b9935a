"""Entries without the labels of test: made again from the data set, by whoever has it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.leaderboard.test_entries import Aiakit, refused


@pytest.fixture
def unlabelled(submitted: Path, tmp_path: Path) -> Path:
    """A copy of an entry whose file of labels stayed where it was."""
    return Path(shutil.copytree(submitted, tmp_path / "entries", ignore=shutil.ignore_patterns("truth.*")))


SAME = ("--dataset", "synthetic", "--people", "80", "--images-per-person", "3")  # as the run of the entry has


def test_labels_made_again_are_the_file_that_was_left_out(submitted: Path, unlabelled: Path, aiakit: Aiakit) -> None:
    (truth,) = submitted.glob("truth.*")
    refused(aiakit("leaderboard", "verify", unlabelled), "cannot be judged without the labels")
    made = aiakit("leaderboard", "labels", unlabelled, *SAME)
    assert made.out.split() == [str(unlabelled / truth.name)], made.err
    assert (unlabelled / truth.name).read_bytes() == truth.read_bytes()
    assert "verified" in aiakit("leaderboard", "verify", unlabelled).out
    assert "no entry of" in aiakit("leaderboard", "labels", unlabelled, *SAME).err


def test_labels_of_other_people_are_refused(unlabelled: Path, aiakit: Aiakit) -> None:
    answer = aiakit("leaderboard", "labels", unlabelled, *SAME[:-1], "4")
    refused(answer, "was judged by the labels of", "another version of the data, or options of it")
    assert list(unlabelled.glob("truth.*")) == []


def test_a_data_set_without_the_attribute_is_refused(unlabelled: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    table = tmp_path / "people.csv"
    rows = [f"{person},{'ab'[person % 2]},{person / 10},{person % 7}" for person in range(60) for _ in range(2)]
    table.write_text("person,hat,e0,e1\n" + "\n".join(rows) + "\n")
    given = ("--dataset", "table", "--data-root", table, "--embedding-key", "e")
    refused(aiakit("leaderboard", "labels", unlabelled, *given), "is about gender, of which", "says nothing")
