"""Entries of runs in which attackers of several levels were tried: what stands beside the headline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

import aiakit
from aiakit.cli.main import main
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.columns import RISING, summary
from aiakit.leaderboard.entry import Submission, read_submission
from aiakit.leaderboard.of_run import submissions_of
from aiakit.leaderboard.schema import Entry
from aiakit.leaderboard.scores import figures_of, statistics_row
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import write_submission
from aiakit.results.document import document_of_run
from aiakit.storage import tensorfile

RUN = (
    "run", "--defense", "certified-code", "--attacks", "logreg,qda", "--people", "80", "--images-per-person", "3",
    "--image-size", "16", "--set", "original.width=2", "--set", "original.latent=8", "--set", "original.epochs=1",
    "--set", "certified-code.values=4", "--folds", "3", "--knowledge", "insider", "--precision", "fp32",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("levels")
    assert main([*RUN, "--out", str(folder), "--name", "run"]) == 0
    return Run.open(folder / "run")


@pytest.fixture(scope="module")
def entry(run: Run) -> Submission:
    submit(run, run.folder / "entries", "certified-code")
    return read_submission(next((run.folder / "entries").glob("*.json")))


def test_an_entry_says_what_its_run_says(run: Run, entry: Submission) -> None:
    row = next(row for row in document_of_run(run)["rows"] if row["release"] == "certified-code")
    found = verified(entry)
    assert {entry.entry.level, *found.knowledge} == {"informed", "insider"} == entry.entry.levels
    assert found.level == row["level"]
    for level, attacks in found.knowledge.items():
        (name,) = attacks
        assert attacks[name].point["balanced_accuracy"] == pytest.approx(
            row["knowledge"][level][name]["balanced_accuracy"], abs=1e-3
        )
        assert all(attacks[name].val_balanced_accuracy >= other["val_balanced_accuracy"] - 1e-3
                   for other in row["knowledge"][level].values())  # fmt: skip
    assert found.certificate is not None
    assert (found.certificate.bound, found.certificate.values) == (row["certificate"]["bound"], 4)


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An audit of enough people for a forecast."""
    folder, rng, people = tmp_path_factory.mktemp("growing"), np.random.default_rng(0), np.arange(600)
    embedding = rng.normal(size=(600, 4)) + 0.5 * (people % 2)[:, None]
    aiakit.audit(
        embedding.astype(np.float32), attributes={"gender": np.array(["f", "m"])[people % 2]}, identity=people,
        attacks=("logreg", "qda", "lda"), folds=3, utility=False, folder=folder / "run",
    )  # fmt: skip
    return Run.open(folder / "run")


def test_an_entry_holds_the_learning_curves(growing: Run, tmp_path: Path) -> None:
    (row,) = document_of_run(growing)["rows"]
    submit(growing, tmp_path)
    entry = read_submission(next(tmp_path.glob("*.json")))
    found = verified(entry)
    assert found.growth.keys() == row["growth"].keys()
    assert len(found.growth) == 2
    for name, curve in row["growth"].items():
        points = {point["people"]: point["balanced_accuracy"] for point in curve["points"]}
        shown = {people: of.point["balanced_accuracy"] for people, of in found.growth[name].points.items()}
        assert shown == pytest.approx(points, abs=1e-3)
        assert max(points) == entry.entry.people_known
        assert found.growth[name].forecast is not None
    with pytest.raises(InputError, match="no last point"):
        verified(replace(entry, entry=entry.entry.model_copy(update={"people_known": 1})))


def test_a_board_shows_what_twice_the_people_are_predicted_to_read(growing: Run, entry: Submission) -> None:
    (row,) = document_of_run(growing)["rows"]
    board = make_board(submissions_of(growing))
    (column,) = (column for column in summary(board) if column.key == "predicted")
    curves = list(row["growth"].values())
    twice = curves[0]["predicted"][0]
    low, high = twice["ci95"]
    arrow = RISING if any(curve["still_rising"] for curve in curves) else ""
    assert column.text(board.places[0]) == f"{twice['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]{arrow}"
    ungrown = make_board([entry], trust=True)
    assert "predicted" not in [column.key for column in summary(ungrown)]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda e: {"beside": (*e.beside, e.beside[0])}, "twice"),
        (lambda e: {"beside": (e.beside[0].model_copy(update={"repeats": ((0, 0), (0, 1))}), *e.beside[1:])}, "lack"),
    ],
)
def test_what_stands_beside_must_fit(entry: Submission, edit: Callable[[Entry], dict[str, object]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        verified(replace(entry, entry=entry.entry.model_copy(update=edit(entry.entry))))


def test_a_level_that_reads_more_must_be_the_headline(entry: Submission) -> None:
    labels = entry.tensors["val.labels"]
    knows = np.where(labels[:, None] == np.arange(2), 0.99, 0.01)
    tensors = {**entry.tensors, "beside.0.0.val": knows, "beside.0.0.test": knows}
    with pytest.raises(InputError, match="read more on attacker-val than those of the headline's level"):
        verified(replace(entry, tensors=tensors))


def test_scores_are_stored_so_that_the_headline_still_reads_most(entry: Submission, tmp_path: Path) -> None:
    """In half precision what its attacker says of people is all the same, and another level would read more."""
    strongest = entry.entry.figures["strongest"]["attack"]
    number = [attack.name for attack in entry.entry.attacks].index(strongest)
    alone = entry.entry.model_copy(update={"beside": entry.entry.beside[:1]})
    tensors = {name: part for name, part in entry.tensors.items() if not name.startswith(("beside.", "values."))}
    rng = np.random.default_rng(0)
    for split in ("val", "test"):
        own = np.where(np.asarray(tensors[f"{split}.labels"]) == 1, 1.0, -1.0)
        for name, share, middle, scale in ((f"attack.{number}.0", 0.9, 8, 1e-3), ("beside.0.0", 0.8, 0, 1)):
            said = np.where(rng.random(len(own)) < share, own, -own)
            first = expit(-middle - scale * said)
            tensors[f"{name}.{split}"] = np.stack([first, 1 - first], axis=1)
    exact = alone.model_copy(update={"figures": figures_of(statistics_row(alone, tensors))})
    written = write_submission(tmp_path, exact, tensors)
    stored = tensorfile.load(tmp_path / written.entry.scores.file)
    wide = {name for name, part in stored.items() if part.dtype.kind == "f" and part.dtype != np.float16}
    assert {f"attack.{number}.0.val", f"attack.{number}.0.test"} <= wide
    assert verified(read_submission(written.path)).level == entry.entry.level


def test_values_that_are_no_partition_of_the_samples(entry: Submission) -> None:
    tensors = {**entry.tensors, "values.0": entry.tensors["values.0"][:-1]}
    with pytest.raises(InputError, match=r"values\.0 must say of each sample"):
        verified(replace(entry, tensors=tensors))


def test_who_tried_fewer_levels_takes_no_rank(run: Run, entry: Submission) -> None:
    original = next(each for each in submissions_of(run) if each.entry.release == "original")
    figures = {key: value for key, value in entry.entry.figures.items() if key != "knowledge"}
    told = {"beside": (), "figures": figures, "release": "cut"}
    cut = replace(entry, entry=entry.entry.model_copy(update=told))
    board = make_board([original, entry, cut], trust=True)
    lacks = {place.entry.release: place.lacks for place in board.places}
    assert lacks["original"] == lacks["certified-code"] == []
    assert len(lacks["cut"]) == 1
    assert all(missing.endswith(" attackers") for missing in lacks["cut"])


def test_a_run_that_was_made_again_takes_the_place_of_its_entries(run: Run, growing: Run, tmp_path: Path) -> None:
    submit(run, tmp_path)
    submit(growing, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert submit(run, tmp_path, replace=True).files == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    own = next(path for path in tmp_path.glob("*.json") if "certified-code" in path.name)
    entry = read_submission(own)
    write_submission(tmp_path, entry.entry.model_copy(update={"name": "earlier"}), entry.tensors)
    (tmp_path / entry.entry.scores.file).unlink()
    own.unlink()
    *first, last = entry.entry.stages
    further = last.model_copy(update={"params": {**last.params, "values": 3}})
    other = {"name": "under-other-options", "stages": (*first, further)}
    write_submission(tmp_path, entry.entry.model_copy(update=other), entry.tensors)
    assert submit(run, tmp_path, "certified-code", replace=True).notes == []
    added = {path.name for path in tmp_path.iterdir()} - before.keys()
    assert {name.split(".")[0] for name in added} == {"under-other-options"}
    assert before.keys() <= {path.name for path in tmp_path.iterdir()}
