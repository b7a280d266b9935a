"""Linkers, decoders and regressors of others: chosen where they are the strongest, and no harm where they fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.cli.main import main
from aiakit.experiment.config import RunConfig
from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.experiment.selection import Stage, meant_for
from aiakit.plugins import registry
from aiakit.results.document import document_of_run
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
PEOPLE, DIMENSIONS = 120, 6
ASKED = ("--attribute", "gender", "--attacks", "logreg", "--no-forecast", "--no-utility", "--folds", "1", "--jobs", "1",
         "--risks", "identity,inversion", "--numeric", "wave", "--name", "run", "--json")  # fmt: skip
HEAD = """
import numpy as np
from aiakit.contracts import Decoder, Linker, Regressor
"""
STRONG = """
class Inverse(Linker):
    summary = "one over it"

    def __init__(self, power: float = -1.0) -> None:
        self.power = power

    def fit(self, train, val, ctx):
        assert train.source.shape == train.target.shape and len(train.people) == len(train)
        self.same = train.same
        return self

    def of_source(self, points):
        return points if self.same else points**self.power

    def of_target(self, points):
        return points

class Back(Decoder):
    summary = "one over it"
    name = "one-over"

    def fit(self, train, val, ctx):
        self.setting = "power\\n-1"
        return self

    def predict(self, points):
        return 1 / points

class Fourier(Regressor):
    summary = "waves along one axis"

    def fit(self, train, val, ctx):
        self.weights, *_ = np.linalg.lstsq(self._waves(train.points), train.values, rcond=1e-3)
        return self

    def predict(self, points):
        return self._waves(points) @ self.weights

    def learns_from(self, rows):
        return rows // 2

    def _waves(self, points):
        steps = np.outer(points[:, 0], np.arange(1, 16) / 2)
        return np.concatenate([np.cos(steps), np.sin(steps)], axis=1)
"""
BAD = """
class Base:
    summary = "bad"

    def fit(self, train, val, ctx):
        return self

    def of_source(self, points):
        return points

    of_target = of_source

class Raises(Base, Linker):
    def fit(self, train, val, ctx):
        raise ValueError("no people")

class Narrow(Base, Linker):
    def of_target(self, points):
        return points[:, :2]

class Short(Base, Linker):
    def of_target(self, points):
        return points[1:]

class Nothing(Base, Linker):
    def of_source(self, points):
        return points * np.nan

class Flat(Decoder):
    summary = "bad"

    def fit(self, train, val, ctx):
        return self

    def predict(self, points):
        return points[:, 0]

class Column(Regressor):
    summary = "bad"

    def fit(self, train, val, ctx):
        return self

    def predict(self, points):
        return points[:, :1]
"""
SAID = {
    "linker 'raises' from file FILE (strangers.py:LINE): ValueError: no people",
    "linker 'narrow' from file FILE: of_source() and of_target() must return as many columns, not 6 and 2",
    "linker 'nothing' from file FILE: of_source() returned non-finite values",
    "linker 'short' from file FILE: of_target() must return an array (",
    "decoder 'flat' from file FILE: predict() must return an array (",
    "regressor 'column' from file FILE: predict() must return an array (",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of each person whose release is one over them, and a number that a wave of one coordinate tells."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("risks")
    shown = np.repeat(np.arange(PEOPLE), 2)
    points = (rng.normal(size=(PEOPLE, DIMENSIONS))[shown] + 0.1 * rng.normal(size=(len(shown), DIMENSIONS))).astype(
        "f4"
    )
    held = {"person": shown, "gender": np.array(["f", "m"])[shown % 2], "wave": np.cos(5 * points[:, 0])}
    np.savez(folder / "open.npz", e=points, **held)
    np.savez(folder / "closed.npz", e=1 / points, **held)
    return folder


def audit(aiakit: Aiakit, files: Path, *more: str | Path) -> Answer:
    """All in one folder: what is not of a plugin that changed is computed once."""
    return aiakit("audit", files / "closed.npz", "--reference", files / "open.npz", *ASKED, "--out", files, *more)


def released(answer: Answer) -> dict[str, Any]:
    """The row of the release."""
    row: dict[str, Any] = answer.document["rows"][1]
    return row


@pytest.fixture
def strangers(tmp_path: Path, no_plugin_files: None) -> Callable[[str], Path]:
    """A plugin file with this text."""

    def write(text: str) -> Path:
        path = tmp_path / "strangers.py"
        path.write_text(HEAD + text)
        return path

    return write


@pytest.fixture(scope="module")
def without(files: Path) -> tuple[dict[str, Any], RunConfig]:
    """The row of the release, and the record, of the audit that no stranger takes part in."""
    arguments = ("audit", files / "closed.npz", "--reference", files / "open.npz", *ASKED, "--quiet", "--out", files)
    assert main([*map(str, arguments)]) == 0
    run = Run.open(files / "run")
    return document_of_run(run)["rows"][1], run.config


def test_those_that_know_better_are_chosen_and_named_and_an_edit_computes_no_cells_but_theirs(
    files: Path,
    without: tuple[dict[str, Any], RunConfig],
    aiakit: Aiakit,
    strangers: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain, _ = without
    answer = audit(aiakit, files, "--plugin", strangers(STRONG), "--set", "inverse.power=-1")
    assert answer.code == 0
    row = released(answer)
    linked = row["risks"]["identity"]["undefended embedding trained"]
    before = plain["risks"]["identity"]["undefended embedding trained"]
    assert linked["linker"] == ["inverse"]
    assert linked["val"]["trained"] > 0.99 > 0.95 > before["val"]["trained"]
    assert linked["rank_1_of_10"]["rate"] > before["rank_1_of_10"]["rate"] + 0.1
    decoded, before = row["risks"]["inversion"]["embedding"], plain["risks"]["inversion"]["embedding"]
    assert decoded["decoder"] == "one-over (power -1)"
    assert decoded["cosine"]["value"] > 0.999 > before["cosine"]["value"] + 0.1
    assert row["numeric"]["wave"]["strongest"]["regressor"] != "fourier"  # the release is one over it
    original = answer.document["rows"][0]["numeric"]["wave"]
    assert original["strongest"]["regressor"] == "fourier"
    regressors = original["regressors"]
    assert regressors["fourier"]["r2"]["value"] > 0.9 > regressors["boosting"]["r2"]["value"]
    assert regressors["fourier"]["learned_from"] == regressors["ridge"]["learned_from"] // 2
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})
    assert aiakit("show", files / "run", "--json").document["rows"] == answer.document["rows"]  # without the file
    recorded = {(spec.kind, spec.name): spec for spec in Run.open(files / "run").config.risk_attacks or ()}
    assert recorded["linker", "inverse"].params == {"power": -1.0}
    assert recorded["linker", "inverse"].risks == ("identity", "linkage")
    assert {name for kind, name in recorded if kind == "regressor"} == {*regressors}

    before = {cell.digest: cell for cell in make_plan(Run.open(files / "run").config).unique_cells()}
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})
    changed = STRONG.replace("return 1 / points", "return 2 / points")
    answer = audit(aiakit, files, "--plugin", strangers(changed))
    assert answer.code == 0
    cells = {cell.digest: cell for cell in make_plan(Run.open(files / "run").config).unique_cells()}
    own = [cell for cell in cells.values() if cell.plugin and cell.plugin[1] in ("inverse", "one-over", "fourier")]
    new = [cell for digest, cell in cells.items() if digest not in before]
    assert {cell.digest for cell in own} <= {cell.digest for cell in new}
    assert {cell.kind for cell in new} == {"linker", "inversion", "regression", "attack"}  # which reads what it decoded
    kept = [cell for digest, cell in cells.items() if digest in before]
    assert {cell.plugin[1] for cell in kept if cell.kind == "regression" and cell.plugin} == {
        "ridge", "svr", "boosting", "mlp", "knn"
    }  # fmt: skip


def test_a_failure_is_one_line_that_names_it_and_the_others_are_kept(
    files: Path, without: tuple[dict[str, Any], RunConfig], aiakit: Aiakit, strangers: Callable[[str], Path]
) -> None:
    file = strangers(BAD)
    answer = audit(aiakit, files, "--plugin", file)
    assert answer.code == 1
    failures = Run.open(files / "run").failures().values()
    for said in SAID:
        wanted = re.escape(said).replace("FILE", re.escape(str(file))).replace("LINE", r"\d+")
        assert any(re.match(wanted, reason) for reason in failures), (said, failures)
    row, (plain, _) = released(answer), without
    kept = row["risks"]["identity"]["undefended embedding trained"]
    assert kept["linker"] == plain["risks"]["identity"]["undefended embedding trained"]["linker"]
    assert row["risks"]["inversion"] == plain["risks"]["inversion"]
    assert {*row["numeric"]["wave"]["regressors"]} == {"ridge", "svr", "boosting", "mlp", "knn"}


ODD = """
class Places(Linker):
    summary = "rows"

    def fit(self, train, val, ctx):
        return self

    def of_source(self, points):
        return np.eye(len(points))[:, :200]

    of_target = of_source

class Moon(Places):
    @classmethod
    def unavailable(cls, classes=()):
        return "no moon"
"""


def test_risks_and_reasons_of_ones_own_are_heeded_and_places_tell_nothing(
    files: Path, aiakit: Aiakit, strangers: Callable[[str], Path]
) -> None:
    """One measures one risk and takes no part in others, one is not available, one claims what is not its own.

    And a linker that says where in its call an image stood would link everything, if sides came in one order.
    """
    text = STRONG.replace('summary = "one over it"\n\n    def __init__', 'risks = ("linkage",)\n\n    def __init__')
    text = text.replace("class Fourier(Regressor):", "class Fourier(Regressor):\n    risks = ('identity',)")
    answer = audit(aiakit, files, "--plugin", strangers(text + ODD))
    assert answer.code == 1
    row, run = released(answer), Run.open(files / "run")
    assert row["risks"]["identity"]["undefended embedding trained"]["linker"] != ["inverse"]
    assert "inverse" not in {spec.name for spec in run.config.measuring("linker")}
    assert "moon not run: no moon" in answer.document["notes"]
    assert "its risks must be a tuple of numeric, not ('identity',)" in run.failures()["regressor fourier"]
    assert row["risks"]["inversion"]["embedding"]["decoder"] == "one-over (power -1)"
    placed = [cell for cell in make_plan(run.config).risks.linkers.values() if cell.plugin == ("linker", "places")]
    assert placed
    for cell in placed:
        points = run.store.read(cell.digest).tensors("points")
        assert np.mean(np.argmax(points["source"], axis=1) == np.argmax(points["target"], axis=1)) < 0.3


def test_an_option_goes_to_those_of_a_name_that_have_it() -> None:
    """There are an attack and a regressor that are called knn."""
    in_use: tuple[Stage, Stage] = (("attack", "knn"), ("regressor", "knn"))
    attack, regressor = in_use
    asked: dict[str, dict[str, str]] = {"knn": {"gallery": "100"}}
    assert meant_for(attack, asked, in_use) == asked["knn"]
    assert meant_for(regressor, asked, in_use) == {}
    assert meant_for(regressor, {"knn": {"galery": "100"}}, in_use) == {"galery": "100"}  # which is refused
    assert meant_for(regressor, asked, [regressor]) == asked["knn"]


def test_a_record_of_an_earlier_version_keeps_its_cells(without: tuple[dict[str, Any], RunConfig]) -> None:
    _, config = without
    plan = make_plan(config.model_copy(update={"risk_attacks": None}))
    for cell in plan.risks.linkers.values():
        assert {*cell.inputs} == {"kind", "protocol", "source", "target", "views", "seed", "framework", "libraries"}
    assert {key.regressor for key in plan.numeric.regressions} == {"ridge", "svr", "boosting", "mlp", "knn"}
    assert all(cell.inputs["regressor"] == key.regressor for key, cell in plan.numeric.regressions.items())
