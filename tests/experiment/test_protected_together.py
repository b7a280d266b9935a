"""Several attributes that are protected at once: joint classes, a figure for each attribute, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiakit import InputError, Result
from aiakit import run as aiakit_run
from aiakit.contracts import MISSING, Attribute, FaceSet
from aiakit.datasets.joint import Joint, dealt, marginal, protected_attributes
from aiakit.datasets.splits import SPLITS, Fractions, split_people
from aiakit.experiment.config import RunConfig
from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run, default_name
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.gather import gather
from aiakit.leaderboard.submit import submit
from aiakit.results.document import document_of_run
from aiakit.results.protected import worst_of
from tests.conftest import SHORT, TINY, Answer
from tests.encoders.functions import grey

Aiakit = Callable[..., Answer]
CODES = st.lists(st.tuples(*[st.integers(-1, 2)] * 3), min_size=1, max_size=30)
SMALL: dict[str, Any] = {
    "attacks": "logreg", "encoder": grey, "data": {"people": 500, "images_per_person": 2}, "image_size": 16,
    "precision": "fp32", "threads": 1, "forecast": False, "utility": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("together")


@pytest.fixture(scope="module")
def both(out: Path) -> Result:
    return aiakit_run("leace,laplace-noise", attribute=["gender", "skin_tone"], out=out, name="both", **SMALL)


@pytest.fixture(scope="module")
def document(both: Result) -> dict[str, Any]:
    return both.to_dict()


def test_an_attribute_that_is_shown_to_leak_goes_before_one_that_is_not(both: Result) -> None:
    """Though attacker-val had thought otherwise: or the headline would be that nothing was found."""
    evaluation = both.evaluation
    for release in evaluation.rows:
        worst = worst_of(evaluation, release)
        assert worst is not None
        (other,) = {"gender", "skin_tone"} - {worst.attribute}
        for shown, expected in (((worst.attribute,), worst.attribute), ((other,), other), ((), worst.attribute)):
            found = worst_of(evaluation, release, shown)
            assert found is not None
            assert found.attribute == expected


def figures(result: Result, release: str) -> dict[str, float]:
    return {row["attribute"]: row["balanced_accuracy"] for row in result.table() if row["release"] == release}


def test_leace_on_joint_classes_blinds_linear_attackers_to_each_attribute(out: Path, both: Result) -> None:
    alone = aiakit_run("leace", attribute="gender", attributes="skin_tone", out=out, name="alone", **SMALL)
    readable, one, two = figures(both, "original"), figures(alone, "leace"), figures(both, "leace")
    assert readable["gender"] > 0.7
    assert readable["skin_tone"] > 0.7
    assert one["gender"] < 0.6
    assert one["skin_tone"] > 0.7, "of three classes; nobody hid it"
    assert two["gender"] < 0.6
    assert two["skin_tone"] < 1 / 3 + 0.1


def test_the_headline_is_the_attribute_that_is_read_best_relative_to_chance(document: dict[str, Any]) -> None:
    assert document["protected"] == ["gender", "skin_tone"]
    found = {"gender": document, **document["further"]}
    assert document["tested_together"] == 4, "two releases by two attributes"
    for place, row in enumerate(document["rows"]):
        rows = {name: found[name]["rows"][place] for name in document["protected"]}
        chances = {"gender": 1 / 2, "skin_tone": 1 / 3}
        leaks = {
            name: (of["strongest"]["val_balanced_accuracy"] - chances[name]) / (1 - chances[name])
            for name, of in rows.items()
        }
        worst = row["worst"]
        shown = {name: of["verdict"] == "leaks" for name, of in rows.items()}
        assert worst["attribute"] == max(leaks, key=lambda name: (shown[name], leaks[name]))
        assert worst["chance"] == chances[worst["attribute"]]
        for key in ("strongest", "verdict", "level", "p_value"):
            assert worst[key] == rows[worst["attribute"]][key]
        assert worst["simultaneous_upper"] >= rows[worst["attribute"]]["simultaneous_upper"] - 1e-9
    assert "accuracy_bound" in document["rows"][-1]
    assert document["rows"][-1]["accuracy_bound"] is None, "what is proven of joint classes says less of each attribute"


def test_joint_classes_are_what_defenses_learn(both: Result) -> None:
    run = both.run
    plan = make_plan(run.config)
    protocol = Protocol.read(run.store, plan.protocol.digest)
    assert protocol.classes == ("female", "male")
    assert len(protocol.joint_classes) == 6
    everybody = protocol.rows(*SPLITS)
    skin = Protocol.read(run.store, plan.protocol.digest, plan.further["skin_tone"].labels.digest)
    for row in everybody[::50]:
        (gender,), (tone,), (together,) = (
            read(np.array([row])) for read in (protocol.labels, skin.labels, protocol.joint_labels)
        )
        assert protocol.joint_classes[together] == f"{protocol.classes[gender]},{skin.classes[tone]}"
    for split in SPLITS:
        assert len(np.unique(protocol.joint_labels(protocol.rows(split)))) == 6
    proba = np.random.default_rng(0).dirichlet(np.ones(6), 5)
    assert protocol.of_attribute(proba).shape == (5, 2)
    np.testing.assert_allclose(protocol.of_attribute(proba).sum(axis=1), 1)


def test_show_report_board_and_gate_go_on_with_it(
    aiakit: Aiakit, both: Result, document: dict[str, Any], tmp_path: Path
) -> None:
    folder = both.run.folder
    assert aiakit("show", folder, "--json").document["rows"] == json.loads(json.dumps(document["rows"]))
    short, verbose = aiakit("show", folder).out, aiakit("show", folder, "--verbose").out
    for text in (short, verbose):
        assert "read best" in text
        assert "Each protected attribute" in text
        assert "What else the releases say" not in text
    assert "gender or skin_tone" in short
    assert aiakit("report", folder, "-o", tmp_path / "page").code == 0
    page = (tmp_path / "page" / "report.html").read_text()
    assert "Protected together" in page
    assert repr(both).startswith("Result(gender or skin_tone read from")
    gate = aiakit("show", folder, "--json", "--fail-above", "0.99").document["gate"]
    assert {check["what"] for check in gate["checks"]} == {"gender", "skin_tone"}
    done = submit(both.run, tmp_path / "entries")
    assert "skin_tone" in done.notes[0]
    board = make_board(gather([tmp_path / "entries"]).submissions)
    assert {place.label for place in board.places} == {"original", "leace", "laplace-noise"}
    assert aiakit("leaderboard", "verify", tmp_path / "entries").code == 0


def test_claims_are_of_the_first_attribute(aiakit: Aiakit, tmp_path: Path) -> None:
    told = ("--defense", "grl", "--set", "grl.epochs=1", "--attacks", "logreg", "--no-utility", "--no-reference")
    answer = aiakit("run", *told, *TINY, *SHORT, "--attribute", "gender,smiling", "--out", tmp_path, "--json")
    assert answer.code == 0, answer.err
    (row,) = answer.document["rows"]
    assert row["claimed"] is not None
    assert "claimed" not in answer.document["further"]["smiling"]["rows"][0]
    again = Run.open(Path(answer.document["run"]))
    assert document_of_run(again)["rows"] == answer.document["rows"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("gender,smilling", "did you mean smiling"),
        ("gender,smiling,gender", "names gender twice"),
        ("gender,", "has an empty name"),
        (",", "has an empty name"),
        ("gender,hat,beard", "too few people to split"),
    ],
)
def test_attributes_that_cannot_be_protected_together(aiakit: Aiakit, tmp_path: Path, given: str, said: str) -> None:
    answer = aiakit("run", "--defense", "leace", *TINY, "--attribute", given, "--out", tmp_path / "runs")
    assert answer.code == 2
    assert said in answer.message
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("defense", "values", "second"), [("aia", "beta=0,1", "smiling"), ("inlp", "iterations=1,2", "hair_light")]
)
def test_a_sweep_protects_one_attribute_and_no_number(
    aiakit: Aiakit, tmp_path: Path, defense: str, values: str, second: str
) -> None:
    told = ("sweep", "--defense", defense, "--set", values, "--attribute", f"gender,{second}")
    answer = aiakit(*told, *TINY, "--out", tmp_path / "runs")
    assert answer.code == 2
    assert "a sweep protects one attribute" in answer.message


def test_the_split_of_one_attribute_is_as_it_was(made_up: FaceSet) -> None:
    shares = Fractions()
    one, before = dealt(made_up, ["a"], 3, shares, 1), split_people(made_up, "a", 3, shares)
    assert one.attribute == before.attribute == "a"
    for split in SPLITS:
        np.testing.assert_array_equal(one.rows[split], before.rows[split])
    two = dealt(made_up, ["b", "a"], 3, shares, 4)
    assert (two.attribute, two.number_of_folds) == ("b", 4)
    known = made_up.attributes["b"].values != MISSING
    assert sum(len(rows) for rows in two.rows.values()) == known.sum(), "who is not known in both is left out"


def test_a_name_with_a_comma_is_one_attribute(made_up: FaceSet) -> None:
    assert protected_attributes(made_up, "b,a").attributes == ("b", "a")
    odd = FaceSet(**{**vars(made_up), "attributes": {**made_up.attributes, "b,a": made_up.attributes["a"]}})
    assert protected_attributes(odd, "b,a").attributes == ("b,a",)


def test_a_record_that_does_not_measure_what_it_protects_is_refused(both: Result) -> None:
    stored = both.run.config.model_dump(mode="json")
    with pytest.raises(ValueError, match="not all are measured"):
        RunConfig.model_validate({**stored, "further": []})
    alone = RunConfig.model_validate({**stored, "protected": []})
    assert default_name(alone) != default_name(both.run.config)
    with pytest.raises(InputError, match="different: protected"):
        Run.create(both.run.folder, alone)


@given(CODES)
def test_joint_classes_imply_each_attribute(codes: list[tuple[int, ...]]) -> None:
    values = np.array(codes, np.int64)
    attributes = [Attribute(column, ("x", "y", "z")) for column in values.T]
    joint = Joint.of(attributes)
    known = (values != MISSING).all(axis=1)
    assert (joint.attribute.values[~known] == MISSING).all()
    labels = joint.attribute.values[known]
    np.testing.assert_array_equal(joint.codes[labels], values[known])
    assert len(joint.attribute.classes) == len(joint.codes) == len(np.unique(labels)), "nobody's classes are left out"
    sure = marginal(joint.codes, 3)[labels] if known.any() else np.zeros((0, 3))
    np.testing.assert_array_equal(sure.argmax(axis=1) if len(sure) else [], values[known, 0])


@pytest.fixture(scope="module")
def made_up() -> FaceSet:
    """120 people with two rows each; one attribute is not known of all."""
    rng = np.random.default_rng(0)
    a, b = np.repeat(rng.integers(0, 2, 120), 2), np.repeat(rng.integers(-1, 2, 120), 2)
    return FaceSet(
        name="made-up",
        images=np.zeros((240, 0, 0, 3), np.uint8),
        identity=np.repeat(np.arange(120), 2),
        people=tuple(map(str, range(120))),
        files=tuple(map(str, range(240))),
        attributes={"a": Attribute(a, ("no", "yes")), "b": Attribute(b, ("no", "yes"))},
        embedding=np.zeros((240, 2), np.float32),
    )
