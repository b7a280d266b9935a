"""What an audit reports: known leaks, the document, slices, storage, power, failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aiakit
from aiakit.api.result import Result
from aiakit.errors import InputError
from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import Protocol
from tests.conftest import Answer

ATTACKS = ("--attacks", "logreg", "--folds", "1")
COLUMNS = ("--attribute", "gender", "--identity", "person")

BROKEN = """
import numpy as np
from aiakit.contracts import Attack

class AuditRaises(Attack):
    def fit(self, train, val, ctx):
        raise RuntimeError("out of luck")
    def predict_proba(self, release):
        return np.ones((len(release), 2)) / 2

class AuditNans(Attack):
    def fit(self, train, val, ctx):
        return self
    def predict_proba(self, release):
        return np.full((len(release), 2), np.nan)
"""

CHOOSY = """
import numpy as np
from aiakit.contracts import Attack

class AuditChoosy(Attack):
    @classmethod
    def unavailable(cls, classes=()):
        return "it knows female and male only" if classes and classes != ("female", "male") else None
    def fit(self, train, val, ctx):
        return self
    def predict_proba(self, release):
        return np.full((len(release), 2), 0.5)
"""


def truth(result: Result) -> dict[str, np.ndarray]:
    """Splits, labels and pairs of the first attribute."""
    return Protocol.read(result.run.store, make_plan(result.run.config).protocol.digest).tensors


def scores(result: Result) -> dict[str, np.ndarray]:
    """The similarities of the pairs."""
    (cell,) = make_plan(result.run.config).utilities.values()
    return result.run.store.read(cell.digest).tensors("scores")


def small(cast: Any, **options: Any) -> Any:
    return aiakit.audit(cast.embedding, **{"attacks": "logreg", "folds": 1, **cast.labels(), **options})


def test_a_leak_is_found_and_a_release_without_one_is_not_accused(make_cast: Any) -> None:
    leaking = small(make_cast(gap=8), seed=2).to_dict()["rows"][0]
    silent = small(make_cast(gap=0)).to_dict()["rows"][0]
    assert leaking["verdict"] == "leaks"
    assert leaking["strongest"]["balanced_accuracy"] > 0.95
    low, high = silent["strongest"]["ci95"]
    assert low < 0.5 < high or silent["strongest"]["balanced_accuracy"] < 0.5
    assert silent["verdict"] != "leaks"


def test_the_document_has_the_keys_of_run_json(
    aiakit: Callable[..., Answer], tiny_run: Path, npz: Path, tmp_path: Path
) -> None:
    run = aiakit("show", tiny_run, "--json").document
    answer = aiakit("audit", npz, *COLUMNS, *ATTACKS, "--out", tmp_path, "--json")
    audit = answer.document
    assert answer.code == 0
    assert run.keys() <= audit.keys()
    assert len(audit["rows"]) == 1
    assert audit["rows"][0].keys() == run["rows"][0].keys() | {"slices"}
    measured = next(row for row in run["rows"] if row["release"] == "original")["attacks"]["logreg"]
    assert audit["rows"][0]["attacks"]["logreg"].keys() == measured.keys()
    assert audit["rows"][0]["utility"].keys() == {"random", "same_attribute"}
    people = {name: counts["people"] for name, counts in audit["splits"].items()}
    assert people == {"attacker-train": 36, "attacker-val": 10, "test": 14}


def test_verification_of_tight_people_is_nearly_perfect_under_both_scores(cast: Any) -> None:
    for score in ("cosine", "euclidean"):
        utility = small(cast, score=score).to_dict()["rows"][0]["utility"]
        assert utility["random"]["auc"] > 0.99
        assert utility["same_attribute"]["auc"] > 0.99


def test_scores_are_those_of_the_formulas(cast: Any) -> None:
    for score in ("cosine", "euclidean"):
        result = small(cast, score=score)
        tensors = truth(result)
        left, right = (cast.embedding[tensors[f"pairs.test.random.{side}"]].astype(float) for side in ("left", "right"))
        cosine = (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
        expected = cosine if score == "cosine" else -np.linalg.norm(left - right, axis=1)
        np.testing.assert_allclose(scores(result)["test.random"], expected, rtol=1e-6)


def test_no_person_is_in_two_splits(cast: Any) -> None:
    tensors = truth(small(cast))
    people = [set(cast.person[tensors[f"rows.{name}"]]) for name in ("attacker-train", "attacker-val", "test")]
    assert sum(map(len, people)) == len(set.union(*people)) == 60
    for name in ("attacker-train", "attacker-val", "test"):
        assert set(cast.gender[tensors[f"rows.{name}"]]) == {"female", "male"}


def test_the_same_audit_gives_the_same_scores_and_another_seed_another_split(cast: Any) -> None:
    first, second, other = small(cast), small(cast), small(cast, seed=1)
    assert first.to_dict() | {"rows": []} == second.to_dict() | {"rows": []}
    for one, again in zip(first.table(), second.table(), strict=True):
        assert one == again
    assert first.run.config == second.run.config
    assert not np.array_equal(truth(first)["rows.test"], truth(other)["rows.test"])


@pytest.mark.parametrize(("folds", "tested"), [(1, ("test",)), (5, ("attacker-train", "attacker-val", "test"))])
def test_slices_add_up_to_the_whole(cast: Any, folds: int, tested: tuple[str, ...]) -> None:
    groups = {"half": np.where(np.arange(cast.rows) < cast.rows // 2, "first", "second")}
    document = small(cast, groups=groups, folds=folds).to_dict()
    found = document["rows"][0]["slices"]
    assert found["attack"] == "logreg"
    recalls = [found["classes"][name]["balanced_accuracy"] for name in ("female", "male")]
    assert np.mean(recalls) == pytest.approx(document["rows"][0]["strongest"]["balanced_accuracy"])
    assert sum(part["people"] for part in found["groups"]["half"].values()) == sum(
        document["splits"][split]["people"] for split in tested
    )
    assert set(found["groups"]["half"]) == {"first", "second"}


def test_several_attributes(aiakit: Callable[..., Answer], npz: Path, tmp_path: Path) -> None:
    answer = aiakit(
        "audit", npz, "--attributes", "gender,smiling", "--identity", "person", *ATTACKS, "--out", tmp_path, "--json"
    )
    assert answer.code == 0
    documents = answer.document["further"]
    assert list(documents) == ["smiling"]
    assert answer.document["attribute"] == "gender"
    assert any("people show more than one value of smiling" in note for note in documents["smiling"]["notes"])
    assert documents["smiling"]["rows"][0]["verdict"] != "leaks"


def test_all_takes_categories_only(aiakit: Callable[..., Answer], npz: Path, tmp_path: Path) -> None:
    answer = aiakit("audit", npz, "--attributes", "all", "--identity", "person", *ATTACKS, "--out", tmp_path, "--json")
    assert [answer.document["attribute"], *answer.document["further"]] == ["gender", "smiling"]


def test_a_reference_shows_power(cast: Any, make_cast: Any) -> None:
    blind = make_cast(gap=0)
    with_power = small(blind, reference=cast.embedding, seed=2)
    document = with_power.to_dict()
    reference, release = document["rows"]
    assert (reference["release"], release["release"]) == ("original", "release")
    assert release["verdict"] == "no leak found"
    assert release["attacks"]["logreg"]["power"] is True
    assert reference["attacks"]["logreg"]["balanced_accuracy"] > 0.9
    without = small(blind).to_dict()
    assert without["rows"][0]["attacks"]["logreg"]["power"] is None
    assert [row["release"] for row in without["rows"]] == ["release"]
    assert any("power of these attacks is not known" in note for note in without["notes"])


def test_strongest_is_chosen_on_validation_people(cast: Any) -> None:
    result = small(cast, attacks="logreg,lda,similarity-vote")
    row = result.to_dict()["rows"][0]
    best = max(row["attacks"].values(), key=lambda each: each["val_balanced_accuracy"])
    assert row["strongest"]["val_balanced_accuracy"] == best["val_balanced_accuracy"]
    table = result.table()
    assert [record["selected"] for record in table] == [True, False, False]
    assert {record["attack"] for record in table} == {"logreg", "lda", "similarity-vote"}
    assert table[0]["low"] <= table[0]["balanced_accuracy"] <= table[0]["high"]


def test_an_attack_on_scores_combines_the_others(cast: Any) -> None:
    result = small(cast, attacks="stack,logreg,lda")
    assert [spec.name for spec in result.run.config.attacks] == ["logreg", "lda", "stack"]
    assert result.to_dict()["rows"][0]["attacks"]["stack"]["balanced_accuracy"] > 0.9
    assert result.complete


def test_adaptive_attacks_learn_from_the_reference(cast: Any, make_cast: Any) -> None:
    alone = small(cast, attacks="logreg,decensor")
    assert [spec.name for spec in alone.run.config.attacks] == ["logreg"]
    assert any("decensor not run" in note for note in alone.to_dict()["notes"])
    beside = small(cast, attacks="logreg,decensor", reference=make_cast(gap=8).embedding)
    assert beside.to_dict()["rows"][1]["attacks"].keys() == {"logreg", "decensor"}
    assert beside.complete, beside.run.failures()


def test_seeds_are_repeats_of_attacks(cast: Any) -> None:
    document = small(cast, attack_seeds=2).to_dict()
    assert document["attack_seeds"] == 2
    assert len(document["rows"][0]["attacks"]["logreg"]["per_seed"]) == 2


def test_a_saved_audit_is_read_back(cast: Any, tmp_path: Path) -> None:
    result = small(cast, groups={"smiling": cast.smiling})
    folder = result.save(tmp_path / "deep" / "audit")
    again = Result.load(folder)
    assert again.to_dict() == result.to_dict()
    assert again.table() == result.table()
    assert [path.name for path in folder.parent.iterdir()] == ["audit"]
    with pytest.raises(InputError, match="exists: name a folder"):
        small(cast, seed=1).save(folder)
    assert Result.load(folder).run.config.split.seed == 0


def test_nothing_else_is_overwritten(cast: Any, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("…")
    with pytest.raises(InputError, match="exists and is no run folder"):
        small(cast, folder=tmp_path / "precious")
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "…"


def test_a_place_that_cannot_be_written_is_found_before_work_begins(
    aiakit: Callable[..., Answer], npz: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    answer = aiakit("audit", npz, *COLUMNS, *ATTACKS, "--out", tmp_path / "file" / "deeper")
    assert answer.code == 2
    assert "cannot be written to" in answer.message
    assert "logreg" not in answer.err


def test_damaged_scores_are_computed_again(cast: Any, tmp_path: Path) -> None:
    first = small(cast, folder=tmp_path / "audit").to_dict()["rows"][0]["attacks"]
    (score,) = (path for path in (tmp_path / "audit" / "cells").glob("*/scores.safetensors") if _of_attack(path))
    score.write_bytes(score.read_bytes()[:-100])
    damaged = Result.load(tmp_path / "audit")
    assert not damaged.complete
    assert damaged.to_dict()["rows"][0]["missing"] == ["logreg on release, seed 0"]
    again = small(cast, folder=tmp_path / "audit")
    assert again.complete
    assert again.to_dict()["rows"][0]["attacks"] == first


def _of_attack(path: Any) -> bool:
    return json.loads((path.parent / "result.json").read_text())["inputs"]["kind"] == "attack"


def test_the_same_command_finds_its_result_again(aiakit: Callable[..., Answer], npz: Path, tmp_path: Path) -> None:
    arguments = ("audit", npz, *COLUMNS, *ATTACKS, "--out", tmp_path / "runs", "--json")
    first, second = aiakit(*arguments), aiakit(*arguments)
    assert first.document == second.document
    assert "release: 2 cells" in first.err
    assert "release:" not in second.err
    other = aiakit(*arguments, "--seed", "1", "--name", first.document["run"].rsplit("/", 1)[1])
    assert other.code == 2
    assert "belongs to another configuration" in other.message


def test_an_attack_is_left_out_of_attributes_that_are_not_its_own(
    aiakit: Callable[..., Answer], npz: Path, tmp_path: Path
) -> None:
    (tmp_path / "choosy.py").write_text(CHOOSY)
    answer = aiakit(
        "audit", npz, "--attributes", "gender,smiling", "--identity", "person", "--plugin", tmp_path / "choosy.py",
        "--attacks", "audit-choosy,logreg", "--folds", "1", "--out", tmp_path,
        "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert answer.document["rows"][0]["attacks"].keys() == {"audit-choosy", "logreg"}
    smiling = answer.document["further"]["smiling"]
    assert smiling["rows"][0]["attacks"].keys() == {"logreg"}
    assert "audit-choosy not run: it cannot infer this attribute" in smiling["notes"]


def test_a_broken_attack_is_named_and_the_others_go_on(
    aiakit: Callable[..., Answer], npz: Path, tmp_path: Path
) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(BROKEN)
    answer = aiakit(
        "audit", npz, *COLUMNS, "--plugin", plugin, "--attacks", "audit-raises,audit-nans,logreg", "--out", tmp_path,
        "--folds", "1", "--json",
    )  # fmt: skip
    assert answer.code == 1
    assert answer.document["complete"] is False
    reasons = {failure["cell"]: failure["reason"] for failure in answer.document["failures"]}
    assert "out of luck" in reasons["audit-raises on release, seed 0"]
    assert "broken.py:7" in reasons["audit-raises on release, seed 0"]
    assert "finite" in reasons["audit-nans on release, seed 0"]
    assert answer.document["rows"][0]["strongest"]["attack"] == "logreg"


def test_what_attacks_make_of_a_large_sample_is_said(cast: Any) -> None:
    result = small(cast, attacks="logreg,knn", options={"knn": {"gallery": 20}})
    rows = len(truth(result)["rows.attacker-train"])
    said = [note for note in result.to_dict()["notes"] if "samples to learn from" in note]
    assert said == [
        f"of {rows} samples to learn from some attacks make less than all they could: knn (a gallery of 20)"
    ]
    assert not any("samples to learn from" in note for note in small(cast).to_dict()["notes"])


def test_people_with_one_picture_each_are_measured_without_verification(cast: Any) -> None:
    rows = np.arange(0, cast.rows, 3)
    one = replace(cast, embedding=cast.embedding[rows], person=cast.person[rows], gender=cast.gender[rows])
    document = small(one, seed=2).to_dict()
    assert document["rows"][0]["utility"] == {}
    assert any("verification was not measured" in note for note in document["notes"])
    assert document["rows"][0]["strongest"]["balanced_accuracy"] > 0.9


def test_what_people_read(aiakit: Callable[..., Answer], npz: Path, tmp_path: Path) -> None:
    answer = aiakit("audit", npz, *COLUMNS, *ATTACKS, "--group", "smiling", "--out", tmp_path, "--verbose")
    assert answer.code == 0
    for words in ("The strongest attack on parts of test", "smiling", "female", "smallest leak", "lower bound"):
        assert words in answer.out
