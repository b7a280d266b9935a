"""Further attributes on the same releases, bounds that defenses prove, costs, and both kinds of seeds apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import balanced_accuracy_score

from aiakit.experiment.config import RunConfig
from aiakit.experiment.plan import AttackKey, make_plan
from aiakit.experiment.probing import fitted, scores_on
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.measures.comparison import variance_components
from aiakit.plugins import registry
from aiakit.results.document import document_of_run
from aiakit.results.verdicts import INVERTED
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
ATTRIBUTES = ("--attributes", "gender,hat")  # gender is the protected one, and is not measured twice


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of each kind, a defense with a proven bound, and a chain that begins with one."""
    from aiakit.cli.main import main

    out = tmp_path_factory.mktemp("attributes")
    arguments = ["run", "--defense", "laplace-noise+leace", "--attacks", "logreg,lda,stack", *TINY]
    arguments += [*SHORT, *ATTRIBUTES, "--set", "laplace-noise.epsilon=1", "--no-utility", "--draws", "2"]
    arguments += ["--seeds", "2", "--attack-seeds", "2", "--out", str(out), "--name", "run"]
    assert main(arguments) == 0
    return out / "run"


@pytest.fixture(scope="module")
def document(several: Path) -> dict[str, Any]:
    return document_of_run(Run.open(several))


def test_every_release_is_attacked_for_every_attribute(document: dict[str, Any]) -> None:
    assert document["attribute"] == "gender"
    assert list(document["further"]) == ["hat"]
    defenses = [row["release"] for row in document["rows"]]
    for name, found in document["further"].items():
        assert found["attribute"] == name
        assert found["splits"].keys() == document["splits"].keys()
        assert [row["release"] for row in found["rows"]] == defenses
        for row in found["rows"]:
            assert row["attacks"].keys() >= {"logreg", "lda"}
            best = max(measured["val_balanced_accuracy"] for measured in row["attacks"].values())
            assert row["strongest"]["val_balanced_accuracy"] == best
            assert row["verdict"] in ("leaks", "no leak found", "no power", "power not known", INVERTED)
            assert "claimed" not in row, "a defense claims nothing of what it was not trained for"
            for measured in row["attacks"].values():
                assert isinstance(measured["power"], bool)
                assert len(measured["per_seed"]) == 4


def test_headline_and_cells_are_those_of_a_run_without_further_attributes(several: Path) -> None:
    config = Run.open(several).config
    stored = config.model_dump(mode="json")
    del stored["further"]  # as runs were stored before there were any
    alone, together = make_plan(RunConfig.model_validate(stored)), make_plan(config)
    digests = {cell.digest for cell in together.unique_cells()}
    assert {cell.digest for cell in alone.unique_cells()} < digests
    assert alone.attacks == together.attacks
    assert not any("labels" in cell.inputs for cell in alone.unique_cells())
    extra = [cell for cell in together.unique_cells() if cell.digest not in {c.digest for c in alone.unique_cells()}]
    assert {cell.kind for cell in extra} == {"labels", "attack"}, "releases are not made again"


def test_scores_are_judged_by_the_labels_of_their_attribute(several: Path) -> None:
    run = Run.open(several)
    plan = make_plan(run.config)
    hat = plan.further["hat"]
    cell = hat.attacks[AttackKey("original", 0, "lda", 0)]
    protocol = Protocol.read(run.store, plan.protocol.digest, hat.labels.digest)
    test, val = protocol.rows("test"), protocol.rows("attacker-val")
    scores = run.store.read(cell.digest).tensors("scores")
    assert (len(scores["test"]), len(scores["val"])) == (len(test), len(val))
    assert set(protocol.labels(test)) == {0, 1}
    assert protocol.classes != Protocol.read(run.store, plan.protocol.digest).classes
    row = next(row for row in document_of_run(run)["further"]["hat"]["rows"] if row["release"] == "original")
    plain = balanced_accuracy_score(protocol.labels(test), scores["test"].argmax(1))
    assert abs(plain - row["attacks"]["lda"]["per_seed"][0]) < 0.35  # the threshold is chosen on attacker-val


def test_an_attack_of_a_cell_can_be_trained_again(several: Path) -> None:
    run = Run.open(several)
    plan = make_plan(run.config)
    cell = plan.further["hat"].attacks[AttackKey("original", 0, "logreg", 0)]
    attack = fitted(run.store, cell.inputs, Runtime(several))
    protocol = Protocol.read(run.store, plan.protocol.digest, plan.further["hat"].labels.digest)
    entry = registry.entry("attack", "logreg")
    again = scores_on(attack, entry, run.store.read(cell.inputs["applied_to"]), protocol, "test")
    np.testing.assert_array_equal(again, run.store.read(cell.digest).tensors("scores")["test"])


def test_all_leaves_out_what_cannot_be_measured(aiakit: Aiakit, several: Path, tmp_path: Path) -> None:
    from aiakit.experiment.request import Request, prepare

    tiny = {"people": 80, "images_per_person": 3}
    asked = {"defenses": ["random"], "attacks": ["logreg"], "attributes": ["all"]}
    request = Request(**asked, data_options=tiny, image_size=16, utility=False)
    further = {spec.name: spec for spec in prepare(request).config.further}
    assert "gender" not in further
    assert {"smiling", "hat", "hair_colour"} <= {name for name, spec in further.items() if not spec.left_out}
    rare = [name for name, spec in further.items() if spec.left_out]
    assert rare, "nobody on attacker-val has a beard"
    answer = aiakit("run", "--defense", "random", *TINY, "--attributes", rare[0], "--out", tmp_path / "runs")
    assert answer.code == 2
    assert f"none with {rare[0]} = yes" in answer.message
    answer = aiakit("run", "--defense", "random", *TINY, "--attributes", "smilling", "--out", tmp_path / "runs")
    assert answer.code == 2
    assert "smiling" in answer.message
    assert not (tmp_path / "runs").exists()


def test_variance_is_split_between_the_seeds(document: dict[str, Any]) -> None:
    for row in document["rows"]:
        for measured in row["attacks"].values():
            table = np.reshape(measured["per_seed"], (2, 2))  # defense seeds, attack seeds
            expected = variance_components(table)
            assert list(measured["variance"].values()) == pytest.approx(expected)
    assert list(document["rows"][0]["attacks"]["lda"]["variance"]) == ["defense_seeds", "attack_seeds"]
    assert document["rows"][0]["attacks"]["lda"]["variance"]["attack_seeds"] == 0, "it draws nothing at random"


def test_proven_bounds_stand_beside_what_is_measured(document: dict[str, Any]) -> None:
    bounds = {row["release"]: row["accuracy_bound"] for row in document["rows"]}
    # leace is given both draws of the noise, and what it makes of them cannot be less private
    assert bounds == {"original": None, "laplace-noise+leace": pytest.approx(expit(2))}


def test_costs_of_making_a_release(several: Path, document: dict[str, Any]) -> None:
    for row in document["rows"]:
        assert row["fit_seconds"] > 0
        assert row["release_seconds"] > 0
        assert 50 < row["peak_mib"] < 100_000
    pieces = {}
    for path in several.glob("cells/*/result.json"):
        record = json.loads(path.read_text())
        if record["inputs"]["kind"] == "piece":
            pieces[record["inputs"]["seed"]] = record["seconds"]
    original = next(row for row in document["rows"] if row["release"] == "original")
    assert original["fit_seconds"] >= sum(pieces.values()) > 0


def test_a_shared_piece_costs_everybody_who_uses_it(tiny_run: Path) -> None:
    """The autoencoder is trained once, for whichever defense is the first, and counted for both."""
    records = [json.loads(path.read_text()) for path in tiny_run.glob("cells/*/result.json")]
    pieces = [record for record in records if record["inputs"]["kind"] == "piece"]
    made = {r["inputs"]["defense"]["name"]: r["result"] for r in records if r["inputs"]["kind"] == "release"}
    (autoencoder,) = [piece for piece in pieces if piece["inputs"]["name"] == "autoencoder"]
    for result in (made["original"], made["aia"]):
        assert result["fit_seconds"] >= autoencoder["seconds"]
        assert result["peak_mib"] >= autoencoder["result"]["peak_mib"]


def test_table_and_report_show_all_of_it(aiakit: Aiakit, several: Path, tmp_path: Path) -> None:
    out = aiakit("show", several, "--verbose").out
    for words in ("What else the releases say", "hat", "proven", "between", "memory"):
        assert words in out
    answer = aiakit("report", several, "-o", tmp_path)
    assert answer.code == 0, answer.err
    page = (tmp_path / "report.html").read_text()
    for words in ("What else the releases say", "proven bound", "between attack seeds", "peak memory, MiB",
                  "--attributes gender,hat"):  # fmt: skip
        assert words in page
    digest = make_plan(Run.open(several).config).further["hat"].attacks[AttackKey("original", 0, "lda", 0)].digest
    assert digest in page, "each figure leads to the cell that it was computed from"
