"""Numeric attributes of an audit and of runs, from the command line and from Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import aiakit as package
from aiakit.errors import InputError
from aiakit.results.numeric import MOST_LEVELS
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
PEOPLE = 150
ASKED = ("--attribute", "gender", "--attacks", "logreg", "--no-forecast", "--no-utility", "--folds", "1", "--jobs", "1")


def columns() -> dict[str, Any]:
    """Two images of each person: an age that the undefended release tells and the other half of it, a group of it, and
    a number that nothing tells."""
    rng = np.random.default_rng(0)
    shown = np.repeat(np.arange(PEOPLE), 2)
    years = rng.uniform(20, 70, PEOPLE)[shown]
    points = rng.normal(size=(len(shown), 6)).astype(np.float32)
    points[:, 0] += shown % 2
    points[:, 1] += (years - 45) / 8
    return {
        "e": points, "person": shown, "gender": np.array(["f", "m"])[shown % 2],
        "age": np.where(shown < 3, np.nan, np.round(years)), "group": years // 20, "luck": rng.normal(size=len(shown)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of embeddings, and beside it the same with the age taken out."""
    folder = tmp_path_factory.mktemp("numbers")
    held = columns()
    np.savez(folder / "open.npz", **held)
    held["e"][:, 1] = np.random.default_rng(1).normal(size=len(held["e"]))
    np.savez(folder / "closed.npz", **held)
    return folder


def audit(aiakit: Aiakit, folder: Path, *more: str) -> Answer:
    return aiakit("audit", folder / "closed.npz", "--reference", folder / "open.npz", *ASKED, "--json", "--out", folder,
                  "--name", "audit", *more)  # fmt: skip


def rows(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["release"]: row["numeric"] for row in document["rows"]}


def test_an_audit_says_how_well_numbers_are_estimated(audited: Path, aiakit: Aiakit) -> None:
    document = audit(aiakit, audited, "--numeric", "age,group,luck").document
    undefended, closed = rows(document)["original"], rows(document)["release"]
    assert undefended["age"]["verdict"] == undefended["group"]["verdict"] == "leaks"
    assert undefended["age"]["strongest"]["r2"]["value"] > 0.6
    assert closed["age"]["verdict"] == "no leak found"
    assert closed["luck"]["verdict"] == "no power"
    assert closed["age"]["to_undefended"]["r2"]["ci95"][1] < 0 < closed["age"]["to_undefended"]["mae"]["ci95"][0]
    assert set(closed["age"]["regressors"]) == {"ridge", "svr", "boosting", "mlp", "knn"}
    assert "macro_mae" in undefended["group"]["strongest"]
    assert "macro_mae" not in undefended["age"]["strongest"]
    about = document["numeric"]
    assert (about["group"]["levels"], about["age"]["levels"]) == ([1.0, 2.0, 3.0], [])
    assert about["age"]["images"] <= document["splits"]["test"]["images"]
    assert document["tested_together"] == 4  # of one defended release: gender and three numbers
    glance = [(each["risk"], each.get("of"), each["seen"]) for each in document["rows"][1]["at_a_glance"]]
    assert glance[1:] == [("numeric", "age", False), ("numeric", "group", False), ("numeric", "luck", False)]


def test_what_is_finished_is_kept_and_shown_and_limited(audited: Path, aiakit: Aiakit) -> None:
    first = audit(aiakit, audited, "--numeric", "age").document
    cells = {path: path.stat().st_mtime_ns for path in (audited / "audit" / "cells").rglob("result.json")}
    again = audit(aiakit, audited, "--numeric", "age", "--fail-above", "r2:age=0.9")
    assert again.code == 0
    assert again.document["rows"] == first["rows"]
    assert cells == {path: path.stat().st_mtime_ns for path in (audited / "audit" / "cells").rglob("result.json")}
    failed = aiakit("show", audited / "audit", "--fail-above", "r2:age=0.0001", "--json")
    assert failed.code in (3, 4)
    assert failed.document["gate"]["checks"][0]["what"] == "R² of age"
    verbose = aiakit("show", audited / "audit", "--verbose")
    assert "original, age: " in verbose.out
    assert "estimates it with R²" in verbose.out
    assert "R² of age" in aiakit("show", audited / "audit").out
    assert aiakit("show", audited / "audit", "--fail-above", "r2:luck=0.9").code == 2
    assert (audited / "audit" / "report.html").read_text(encoding="utf-8").count("Numbers") > 0


BAD = {
    "unknown": (("--numeric", "agee"), "unknown column for --numeric 'agee' of .*did you mean age"),
    "texts": (("--numeric", "gender"), "--numeric gender holds 'f' in row 0, which is no number"),
    "too few": (("--numeric", "rare"), "--numeric rare is known of . people of .*and 5 are needed"),
    "constant": (("--numeric", "same"), "--numeric same is 3 for everybody of attacker-train"),
    "huge": (("--numeric", "huge"), r"--numeric huge reaches 1e\+200 in row 0, beyond 1e\+15: scale it down"),
    "limit": (("--fail-above", "r2:age=0.2", "--numeric", "luck"), "limits the R² of age, which is not measured"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(tmp_path: Path, aiakit: Aiakit, case: str) -> None:
    held = columns()
    count = len(held["e"])
    rare = np.where(np.arange(count) < 12, np.arange(count), np.nan)
    np.savez(tmp_path / "e.npz", **held, rare=rare, same=np.full(count, 3), huge=np.full(count, 1e200))
    options, message = BAD[case]
    answer = aiakit("audit", tmp_path / "e.npz", *ASKED, *options, "--out", tmp_path)
    assert answer.code == 2
    assert re.search(message, answer.message), answer.message


def test_python_audits_numbers_and_all_numbers(aiakit: Aiakit, tmp_path: Path) -> None:
    held = columns()
    result = package.audit(
        held["e"], attributes={"gender": held["gender"]}, identity=held["person"], numeric={"age": held["age"]},
        attacks="logreg", folds=3, forecast=False, utility=False,
    )  # fmt: skip
    document = result.to_dict()
    assert rows(document)["release"]["age"]["verdict"] == "leaks"
    assert document["numeric"]["age"]["people"] > PEOPLE * 0.9  # everybody was tested once
    np.savez(tmp_path / "e.npz", **held)
    found = aiakit("audit", tmp_path / "e.npz", *ASKED, "--numeric", "all", "--dry-run", "--out", tmp_path)
    assert found.code == 0
    assert not (tmp_path / "e").exists()


def test_python_refuses_what_is_no_number() -> None:
    held = columns()
    with pytest.raises(InputError, match="holds 'young' in row 0"):
        package.audit(held["e"], attributes={"gender": held["gender"]}, identity=held["person"], attacks="logreg",
                      numeric={"age": ["young"] * len(held["e"])})  # fmt: skip


def test_a_run_estimates_what_drawn_faces_are_made_of(tmp_path: Path, aiakit: Aiakit) -> None:
    answer = aiakit("run", "--defense", "random", "--attacks", "logreg", "--numeric", "skin_light", *TINY, *SHORT,
                    "--no-utility", "--no-forecast", "--json", "--out", tmp_path)  # fmt: skip
    assert answer.code == 0, answer.err
    found = rows(answer.document)
    assert found["original"]["skin_light"]["strongest"]["r2"]["value"] > 0.3
    assert found["random"]["skin_light"]["verdict"] != "leaks"
    unknown = aiakit("run", "--defense", "random", "--attacks", "logreg", "--numeric", "age", *TINY, "--out", tmp_path)
    assert (unknown.code, "of synthetic" in unknown.message) == (2, True)


def test_utkface_has_its_age_in_years(tmp_path: Path, aiakit: Aiakit) -> None:
    rng = np.random.default_rng(0)
    for image in range(160):
        age, gender = int(rng.integers(1, 90)), image % 2
        shade = rng.integers(0, 60, (32, 32, 3)) + 2 * age
        Image.fromarray(shade.astype(np.uint8)).save(tmp_path / f"{age}_{gender}_0_2017{image:04d}.png")
    answer = aiakit("run", "--dataset", "utkface", "--data-root", tmp_path, "--defense", "pixelate", "--no-reference",
                    "--attacks", "pixels", "--numeric", "age", "--image-size", "16", "--no-forecast", "--json",
                    "--out", tmp_path / "runs", "--jobs", "1")  # fmt: skip
    assert answer.code == 0, answer.err
    about = answer.document["numeric"]["age"]
    assert 20 < about["mean"] < 70
    assert not about["levels"]
    assert about["deviation"] > MOST_LEVELS
    assert rows(answer.document)["pixelate"]["age"]["verdict"] == "leaks"
