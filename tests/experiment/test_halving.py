"""Successive halving: attacks that are certainly not the strongest are left out of later folds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.measures.halving import outdone
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
WHOSE = ("--attribute", "gender", "--identity", "person")
ATTACKS = "logreg,lda,svm,qda,interactions,stack"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A leak that a quadratic attack reads and a linear one does not: the classes differ in their variance."""
    rng = np.random.default_rng(0)
    people = np.arange(500)
    labels = people % 2
    embedding = rng.normal(size=(500, 8)) * np.where(labels == 1, 2.0, 1.0)[:, None]
    path = tmp_path / "embeddings.npz"
    np.savez(path, embeddings=embedding.astype(np.float32), gender=np.array(["f", "m"])[labels], person=people)
    return path


def audit(aiakit: Aiakit, table: Path, out: Path, *options: str) -> Any:
    answer = aiakit("audit", table, *WHOSE, "--attacks", ATTACKS, "--folds", "5", "--no-utility",
                    "--no-forecast", "--jobs", "1", "--out", out, "--json", *options)  # fmt: skip
    assert answer.code == 0, answer.err
    return answer.document


def test_weak_attacks_are_left_out_and_the_strongest_stays(aiakit: Aiakit, table: Path, tmp_path: Path) -> None:
    (whole,) = audit(aiakit, table, tmp_path / "whole")["rows"]
    assert set(whole["attacks"]) == set(ATTACKS.split(",")), "attacks that are named are tried in every fold"
    (halved,) = audit(aiakit, table, tmp_path / "halved", "--halving")["rows"]
    assert {"logreg", "lda"}.isdisjoint(halved["attacks"])
    assert all("left out after" in halved["skipped"][f"{name}, informed"] for name in ("logreg", "lda"))
    strongest = whole["strongest"]["attack"]
    assert halved["attacks"][strongest] == whole["attacks"][strongest], "nothing else about it has changed"
    run = Run.open(next(path for path in (tmp_path / "halved").iterdir() if path.is_dir()))
    tried = {key.fold for key, cell in make_plan(run.config).attacks.items()
             if key.attack == "logreg" and "skipped" not in run.store.read(cell.digest).result}  # fmt: skip
    assert 0 in tried
    assert len(tried) <= 2


def test_a_broken_rival_does_not_stop_the_others(aiakit: Aiakit, table: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from aiakit.contracts import Attack\n"
        "class Broken(Attack):\n"
        "    summary = 'fails'\n"
        "    def fit(self, train, val, ctx):\n"
        "        raise RuntimeError('as it was made to')\n"
        "    def predict_proba(self, release):\n"
        "        raise RuntimeError\n"
    )
    answer = aiakit("audit", table, *WHOSE, "--plugin", plugin,
                    "--attacks", "logreg,svm,qda,broken", "--folds", "3", "--no-utility", "--no-forecast", "--halving",
                    "--jobs", "1", "--out", tmp_path / "a", "--json")  # fmt: skip
    (row,) = answer.document["rows"]
    assert {"svm", "qda"} <= set(row["attacks"])
    assert "as it was made to" in answer.err + answer.out


def people(seed: int, shifts: dict[str, float]) -> tuple[dict[str, Any], Any, Any]:
    rng = np.random.default_rng(seed)
    labels, identity = rng.permutation(np.arange(400) % 2), np.arange(400)
    margin = {name: rng.normal(size=400) + shift * (labels - 0.5) for name, shift in shifts.items()}
    proba = {name: 1 / (1 + np.exp(-np.stack([-m, m], axis=1))) for name, m in margin.items()}
    return {name: [p / p.sum(axis=1, keepdims=True)] for name, p in proba.items()}, labels, identity


@pytest.mark.parametrize("attacks", [4, 16])
def test_equals_are_kept_however_many_there_are(attacks: int) -> None:
    some_gone = 0
    for seed in range(30):
        proba, labels, identity = people(seed, dict.fromkeys(map(str, range(attacks)), 1.0))
        some_gone += bool(outdone(proba, proba, labels, identity, np.zeros(400, int), 2))
    assert some_gone <= 2  # of 30 families, each at one in a hundred


def test_who_is_far_behind_goes_and_who_is_ahead_is_named() -> None:
    proba, labels, identity = people(0, {"strong": 3.0, "next": 2.5, "weak": 0.5, "none": 0.0})
    truth = labels, identity, np.arange(400) % 2
    assert outdone(proba, proba, *truth, 2) == {"weak": "strong", "none": "strong"}
    assert outdone(["none"], proba, *truth, 2) == {"none": "strong"}
    two = {name: proba[name] for name in ("strong", "weak")}
    assert outdone(two, two, *truth, 2) == {}, "two stay, whatever they are"
