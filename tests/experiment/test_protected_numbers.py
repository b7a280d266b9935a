"""Numbers that are protected beside an attribute: who is given them, what is left of them, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit import Embeddings, InputError, Result
from aiakit import run as aiakit_run
from aiakit.contracts import Attribute, FaceSet
from aiakit.datasets.joint import Protected, protected_attributes
from aiakit.datasets.splits import Fractions, split_people
from aiakit.experiment.apart.packing import of_known, to_known
from aiakit.experiment.config import PluginSpec, RunConfig
from aiakit.experiment.plan import make_plan
from aiakit.experiment.protecting import require_learnable
from aiakit.experiment.request import Request, prepare
from aiakit.experiment.run import default_name
from aiakit.leaderboard.submit import submit
from tests.conftest import TINY, Answer
from tests.encoders.functions import grey

Aiakit = Callable[..., Answer]
SMALL: dict[str, Any] = {
    "attacks": "logreg", "encoder": grey, "data": {"people": 300, "images_per_person": 1}, "image_size": 16,
    "precision": "fp32", "threads": 1, "forecast": False, "utility": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("numbers")
    return aiakit_run("leace", attribute=["gender", "hair_light"], out=out, name="both", **SMALL)


@pytest.fixture
def made_up() -> FaceSet:
    """120 people with an age, which is an attribute in groups as well, and a score that few have."""
    rng = np.random.default_rng(0)
    ages = rng.integers(18, 80, 120).astype(float)
    few = np.where(np.arange(120) < 4, ages, np.nan)
    attributes = {"gender": rng.integers(0, 2, 120), "age": (ages > 40).astype(np.int64)}
    return FaceSet(
        name="made-up",
        images=np.zeros((120, 0, 0, 3), np.uint8),
        identity=np.arange(120),
        people=tuple(map(str, range(120))),
        files=tuple(map(str, range(120))),
        attributes={name: Attribute(values, ("no", "yes")) for name, values in attributes.items()},
        embedding=np.zeros((120, 2), np.float32),
        numbers={"age": ages, "height": ages + 100, "few": few},
    )


def test_leace_that_is_given_a_number_leaves_nothing_of_it_to_regressors(both: Result) -> None:
    document = both.to_dict()
    assert document["protected_numbers"] == ["hair_light"]
    assert "protected" not in document, "of classes there is one alone"
    undefended, leace = (row["numeric"]["hair_light"]["strongest"]["r2"]["value"] for row in document["rows"])
    assert undefended > 0.5
    assert leace < 0.2
    ridge = document["rows"][1]["numeric"]["hair_light"]["regressors"]["ridge"]["r2"]["value"]
    assert abs(ridge) < 0.1


def test_numbers_that_a_release_needs_are_there_before_it_with_worker_processes_too(
    both: Result, tmp_path: Path
) -> None:
    by_workers = aiakit_run("leace", attribute=["gender", "hair_light"], out=tmp_path, jobs=2, **SMALL)
    read = [
        [row[key] for row in made.to_dict()["rows"] for key in ("strongest", "numeric")] for made in (both, by_workers)
    ]
    assert read[0] == read[1]


def test_it_is_said_which_numbers_were_hidden(aiakit: Aiakit, both: Result, tmp_path: Path) -> None:
    assert "hair_light (a number)" in aiakit("show", both.run.folder, "--verbose").out
    assert aiakit("report", both.run.folder, "-o", tmp_path / "page").code == 0
    assert "the defenses were given hair_light" in (tmp_path / "page" / "report.html").read_text()
    assert "of hair_light the run alone does" in submit(both.run, tmp_path / "entries").notes[0]


def test_only_releases_that_hide_a_number_depend_on_it(both: Result) -> None:
    config = both.run.config
    alone = RunConfig.model_validate({**config.model_dump(mode="json"), "protected_numbers": []})
    with_it, without = make_plan(config), make_plan(alone)
    assert with_it.protocol.digest == without.protocol.digest
    assert with_it.releases["original", 0].digest == without.releases["original", 0].digest
    hidden = with_it.releases["leace", 0].inputs
    assert hidden["numbers"] == [with_it.numeric.numbers["hair_light"].digest]
    assert "numbers" not in without.releases["leace", 0].inputs
    assert default_name(config) != default_name(alone)
    with pytest.raises(ValueError, match="of the protected numbers hair_light not all are measured"):
        RunConfig.model_validate({**config.model_dump(mode="json"), "numeric": []})


def test_the_record_of_a_plugin_that_erases_no_numbers_is_as_it_was_before_any_did() -> None:
    """Entries of leaderboards are sealed with it."""
    assert "erases_numbers" not in PluginSpec(name="logreg").model_dump()
    able = PluginSpec(name="leace", erases_numbers=True)
    assert PluginSpec.model_validate(able.model_dump(mode="json")) == able


def test_what_a_group_has_that_cannot_erase_numbers_is_left_out_with_a_line() -> None:
    asked = Request(defenses=["all-embedding", "aia+leace"], attribute="gender,hair_light", data_options={"people": 90},
                    image_size=16, utility=False, forecast=False, attacks=["logreg"])  # fmt: skip
    config = prepare(asked).config
    kept = {chain[-1].name for chain in config.defenses[1:]}
    assert {"leace", "inlp", "kernel-arl"} <= kept
    assert all(any(stage.erases_numbers for stage in chain) for chain in config.defenses[1:])
    assert "laplace-noise not run: it cannot erase numbers (hair_light)" in config.notes
    assert [spec.name for spec in config.numeric] == ["hair_light"]


@pytest.mark.parametrize(
    ("defense", "attribute", "said"),
    [
        ("laplace-noise", "gender,hair_light", "laplace-noise cannot erase numbers: name one that can (inlp, "),
        ("blur", "gender,hair_light", "blur cannot erase numbers"),
        ("all-picture", "gender,hair_light", "cannot erase numbers"),
        ("leace", "hair_light", "put an attribute of classes before it"),
        ("leace", "hair_light,gender", "put an attribute of classes before it"),
        ("leace", "gender,hair_ligt", "did you mean hair_light"),
        ("leace", "gender,numeric:gender", "unknown numeric attribute 'gender'"),
        ("leace", "gender,hair_light,numeric:hair_light", "twice"),
    ],
)
def test_numbers_that_cannot_be_protected(
    aiakit: Aiakit, tmp_path: Path, defense: str, attribute: str, said: str
) -> None:
    answer = aiakit("run", "--defense", defense, *TINY, "--attribute", attribute, "--out", tmp_path / "runs")
    assert answer.code == 2
    assert said in answer.message
    assert not (tmp_path / "runs").exists()


def test_what_has_classes_and_numbers_is_taken_by_its_classes_unless_the_number_is_meant(made_up: FaceSet) -> None:
    assert protected_attributes(made_up, "gender,age") == Protected(("gender", "age"))
    assert protected_attributes(made_up, "gender,numeric:age") == Protected(("gender",), ("age",))
    assert protected_attributes(made_up, "age, height ,gender") == Protected(("age", "gender"), ("height",))
    assert protected_attributes(made_up, "age,numeric:age") == Protected(("age",), ("age",))


def test_a_number_of_too_few_people_is_refused(made_up: FaceSet) -> None:
    split = split_people(made_up, "gender", 0, Fractions())
    require_learnable(made_up, split, ["age"])
    with pytest.raises(InputError, match="--attribute few is known of"):
        require_learnable(made_up, split, ["few"])


@pytest.mark.parametrize("numbers", [None, np.array([[1.0], [np.nan]])])
def test_numbers_reach_a_plugin_in_a_process_of_its_own(numbers: Any) -> None:
    known = Embeddings(np.eye(2, dtype=np.float32), np.array([0, 1]), np.arange(2), ("a", "b"))
    known = replace(known, numbers=numbers)
    again = to_known("Embeddings", of_known(known, "train."), "train.", known.classes)
    assert isinstance(again, Embeddings)
    np.testing.assert_equal(again.numbers, numbers)
