"""Cross-fitting: everybody but the defender's people is tested once, by attacks that never met them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiakit.cli.main import main
from aiakit.datasets.folds import cross_fitted
from aiakit.datasets.splits import ATTACKED, SPLITS, Split
from aiakit.errors import InputError
from aiakit.experiment import request
from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.leaderboard.differences import differences
from aiakit.leaderboard.writing import MOVED
from aiakit.measures.deciding import Known, spread_of_folds
from aiakit.measures.metrics import balanced_accuracy, fit_decision
from aiakit.results.repeats import repeats_of
from aiakit.storage import tensorfile
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
RUN = ("run", "--defense", "leace", "--attacks", "logreg,lda,stack", "--people", "100", "--images-per-person", "2",
       "--image-size", "16", "--precision", "fp32", "--jobs", "1", "--no-reference", "--set", "original.epochs=1",
       "--set", "original.width=8", "--set", "original.latent=16", "--pairs", "200")  # fmt: skip


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("folds")
    more = ["--folds", "4", "--knowledge", "insider,query", "--permutations", "2", "--pooled", "2", "--budgets", "8"]
    assert main([*RUN, *more, "--out", str(out), "--name", "crossed"]) == 0
    return out / "crossed"


@given(st.integers(0, 10_000), st.integers(3, 7), st.integers(0, 3))
def test_folds_are_even_and_keep_people_together(seed: int, folds: int, classes_more: int) -> None:
    rng, classes = np.random.default_rng(seed), [f"c{number}" for number in range(2 + classes_more)]
    label = np.repeat(np.arange(len(classes)), rng.integers(folds, 3 * folds, len(classes)))
    identity = np.repeat(np.arange(len(label)), rng.integers(1, 4, len(label)))
    place = rng.integers(0, len(SPLITS), len(label))[identity]
    place[np.isin(identity, np.flatnonzero(np.arange(len(label)) >= 0)) & (place < 2)] = 3  # nobody is the defender's
    rows = {name: np.flatnonzero(place == number) for number, name in enumerate(SPLITS)}
    split = cross_fitted(Split("class", rows, {}), identity, label[identity], classes, folds, seed)
    assert split.folds is not None
    owner = {(person, fold) for person, fold in zip(identity.tolist(), split.folds.tolist(), strict=True)}
    assert len(owner) == len(label), "a person is in one fold"
    for code in range(len(classes)):
        people = np.bincount([fold for person, fold in owner if label[person] == code], minlength=folds)
        assert people.max() - people.min() <= 1
    assert np.ptp(np.bincount([fold for _, fold in owner], minlength=folds)) <= 1


def test_each_fold_is_tested_by_attacks_that_never_met_it(crossed: Path) -> None:
    run = Run.open(crossed)
    protocol = Protocol.read(run.store, make_plan(run.config).protocol.digest)
    tested = []
    for fold in range(4):
        around = replace(protocol, fold=fold)
        people = [set(around.identity(around.rows(split)).tolist()) for split in ATTACKED]
        assert not any(left & right for left, right in ((people[0], people[1]), (people[0], people[2])))
        assert not people[1] & people[2]
        assert around.rows("defender-train").tolist() == protocol.rows("defender-train").tolist()
        tested.append(around.rows("test"))
    assert (
        sorted(np.concatenate(tested).tolist()) == protocol.rows(*ATTACKED).tolist() == protocol.judged("test").tolist()
    )


def test_scores_of_all_folds_become_one_row(crossed: Path, aiakit: Aiakit) -> None:
    document = aiakit("show", crossed, "--json").document
    (row,) = document["rows"]
    everybody = sum(document["splits"][split]["people"] for split in ATTACKED)
    assert document["complete"]
    assert document["folds"] == 4
    assert set(row["attacks"]) == {"logreg", "lda", "stack"}
    for found in row["attacks"].values():
        assert found["counts"]["people"] == everybody
    assert {row["level"], *row["knowledge"]} == {"informed", "insider", "query"}
    for level in row["knowledge"].values():
        assert set(level) == {"logreg", "lda", "stack"}
    assert len(row["null"]["balanced_accuracy"]) == 2
    assert row["pooled"][0]["images"] == 2
    assert [point["people"] for point in row["budgets"]["lda"]] == [8]
    assert row["utility"]["random"]["auc"] is not None
    defender = sum(document["splits"][split]["people"] for split in ("defender-train", "defender-val"))
    assert document["attacker_people"]["informed"] < everybody / 2 + 1
    if row["level"] == "insider":
        assert document["attacker_people"]["insider"] == document["attacker_people"]["informed"] + defender
    assert "4 folds tested everybody once" in " ".join(aiakit("show", crossed, "--verbose").out.split())


def test_a_cross_fitted_run_goes_on_where_it_was(crossed: Path, aiakit: Aiakit) -> None:
    run = Run.open(crossed)
    cells = make_plan(run.config).unique_cells()
    left = [cell for cell in cells if cell.label.startswith("lda") and "fold 2 of 4" in cell.label]
    assert len(left) == 6, "informed, insider, query, a budget and two permutations"
    before = aiakit("show", crossed, "--json").document
    for cell in left:
        shutil.rmtree(run.folder / "cells" / cell.digest)
    partly = aiakit("show", crossed, "--json").document
    assert not partly["complete"]
    assert "lda" not in partly["rows"][0]["attacks"], "three folds of four say nothing of everybody"
    assert aiakit(*run.command).code == 0  # type: ignore[misc]
    again = aiakit("show", crossed, "--json").document
    assert {**again["rows"][0], "seconds": 0} == {**before["rows"][0], "seconds": 0}


def test_an_entry_of_a_cross_fitted_run_is_judged_alike(crossed: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    submitted = aiakit("leaderboard", "submit", crossed, "-o", tmp_path, "--with-release")
    assert submitted.code == 0, submitted.err
    assert aiakit("leaderboard", "verify", tmp_path).code == 0
    (entry,) = (path for path in tmp_path.glob("*.json"))
    shown = aiakit("show", crossed, "--json").document["rows"][0]
    board = aiakit("leaderboard", tmp_path, "--format", "json").document
    assert not list(differences(shown["strongest"], board["rows"][0]["strongest"], MOVED))
    public = [path for path in tmp_path.glob("*.safetensors") if not path.name.startswith("truth")]
    for path in public:
        tensors = tensorfile.load(path)
        assert not {"val.labels", "test.labels"} & tensors.keys(), "the labels of everybody are those of test"
        assert (np.asarray(tensors.get("labels", [-1])) == -1).all()
    assert f'"level": "{shown["level"]}"' in entry.read_text()


def test_thresholds_never_see_the_fold_that_they_decide() -> None:
    rng = np.random.default_rng(0)
    folds, labels = np.arange(60) % 3, rng.permutation(np.arange(60) % 2)
    told = rng.random((60, 1))
    scores = np.hstack([told, 1 - told])
    known = Known(labels, np.ones(60), folds)
    decided = known.decide(scores, scores, folds)
    for fold in range(3):
        inside = folds == fold
        flipped = Known(np.where(inside, 1 - labels, labels), np.ones(60), folds).decide(scores, scores, folds)
        assert (flipped[inside] == decided[inside]).all()
    whole = fit_decision(scores, labels, np.ones(60))
    own = balanced_accuracy(labels, (np.log(scores) + whole).argmax(axis=1), 2)
    assert own >= balanced_accuracy(labels, decided, 2)


@pytest.mark.parametrize(("folds", "times"), [(1, 1.0), (3, 1.0), (5, np.sqrt(5 / 3)), (10, np.sqrt(15 / 8))])
def test_spread_of_folds(folds: int, times: float) -> None:
    assert spread_of_folds(folds) == pytest.approx(times)


def test_spread_is_that_of_an_attack_which_learns_nothing() -> None:
    """The nearest mean on noise: the variance over data sets is that of pairs of people who teach each other."""
    rng, folds, people, dims = np.random.default_rng(1), 5, 60, 8
    found = []
    for _ in range(1500):
        x, y, fold = (
            rng.normal(size=(people, dims)),
            rng.permutation(np.arange(people) % 2) * 2 - 1,
            np.arange(people) % folds,
        )
        total = 0.0
        for number in range(folds):
            learned = (fold != number) & (fold != (number + 1) % folds)
            total += (y[fold == number] * (x[fold == number] @ (y[learned] @ x[learned]))).sum()
        found.append(total)
    independent = people * people * (folds - 2) / folds * dims  # the sum of the variances of all guesses
    assert np.std(found) / np.sqrt(independent) == pytest.approx(spread_of_folds(folds), rel=0.06)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--folds", "2"), "takes 3 or more"),
        (("--folds", "60"), "people with gender"),
        (("--knowledge", "insiders"), "insider"),
    ],
)
def test_bad_requests_get_one_line(aiakit: Aiakit, tmp_path: Path, more: tuple[str, ...], says: str) -> None:
    answer = aiakit(*RUN, *more, "--out", tmp_path / "runs")
    assert answer.code == 2
    assert says in answer.message
    assert not (tmp_path / "runs").exists()


def test_bad_audits_get_one_line(aiakit: Aiakit, tmp_path: Path) -> None:
    rng, people = np.random.default_rng(0), np.repeat(np.arange(60), 2)
    columns: dict[str, Any] = {"person": people.astype(str), "gender": np.where(people % 2, "female", "male")}
    split = np.where(people < 30, "train", np.where(people < 40, "val", "test"))
    np.savez(tmp_path / "e.npz", e=rng.normal(size=(120, 4)), split=split, **columns)
    asked = ("audit", tmp_path / "e.npz", "--attribute", "gender", "--attacks", "lda", "--out", tmp_path / "runs")
    for more, says in (
        (("--folds", "5", "--split", "split"), "stay the test"),
        (("--knowledge", "insider"), "defender"),
        (("--knowledge", "query+insider"), "release from a file"),
        (("--folds", "31"), "each fold needs one"),
    ):
        answer = aiakit(*asked, *more)
        assert answer.code == 2, more
        assert says in answer.message
    assert not (tmp_path / "runs").exists()


def test_no_official_test_person_teaches(aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = request._load

    def official(*arguments: Any) -> Any:
        faces = loaded(*arguments)
        side = np.where(faces.identity % 10 < 7, "train", np.where(faces.identity % 10 < 8, "val", "test"))
        return replace(faces, partition=side)

    monkeypatch.setattr(request, "_load", official)
    answer = aiakit(*RUN, "--folds", "5", "--out", tmp_path / "runs")
    assert answer.code == 2
    assert "official test people stay the test" in answer.message


def test_repeats_without_all_of_their_folds_are_left_out(crossed: Path) -> None:
    run = Run.open(crossed)
    plan = make_plan(run.config)
    protocol = Protocol.read(run.store, plan.protocol.digest)
    keys = [key for key in plan.attacks if key.attack == "lda" and key.counts_at("informed")]
    assert len(list(repeats_of(run.store, plan.attacks, keys, protocol))) == 1
    assert not list(
        repeats_of(run.store, {**plan.attacks, keys[0]: plan.protocol.__class__({"kind": "x"}, "x")}, keys, protocol)
    )


def test_cross_fitting_needs_three_folds() -> None:
    split = Split("class", {name: np.arange(6) if name == "test" else np.empty(0, np.int64) for name in SPLITS}, {})
    with pytest.raises(InputError, match="3 or more"):
        cross_fitted(split, np.arange(6), np.arange(6) % 2, ("a", "b"), 2, 0)
