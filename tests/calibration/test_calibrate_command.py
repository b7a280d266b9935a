"""``aiakit calibrate`` as a user calls it: document, table, figure, resumption, false alarms, bad input."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiakit.calibration.trials import all_leaks, draw
from tests.conftest import Answer

SMALL = ("--n", "800", "--jobs", "1", "--precision", "fp32")
SUITE = ("--attacks", "logreg,qda,stack", "--leaks", "linear,radial,null", "--seeds", "2")

# An attack that fails on one leak only: the one whose coordinates lie on a lattice.
PICKY = '''
from aiakit.contracts import Attack
import numpy as np

class Picky(Attack):
    """Refuses lattices."""

    def fit(self, train, val, ctx):
        if len(np.unique(train.release.embedding)) < train.release.embedding.size // 2:
            raise RuntimeError("a lattice")
        return self

    def predict_proba(self, release):
        return np.full((len(release), 2), 0.5)
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the trials of this module are kept, so that each is computed once."""
    return tmp_path_factory.mktemp("calibration") / "trials"


def test_the_document_says_how_much_of_each_leak_the_suite_finds(
    aiakit: Callable[..., Answer], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure, file = tmp_path / "map.svg", tmp_path / "document.json"
    given = ("calibrate", *SUITE, *SMALL, "--nulls", "3", "--folder", home)
    answer = aiakit(*given, "--json", "--figure", figure, "--out", file)
    assert answer.code == 0
    document = answer.document
    assert json.loads(file.read_text()) == document
    assert document["schema"] == 1
    assert document["complete"]
    linear, radial, null = document["rows"]
    assert [row["leak"] for row in document["rows"]] == ["linear", "radial", "null"]
    assert linear["bayes"] == pytest.approx(0.6915, abs=1e-4)
    assert linear["eta"] == pytest.approx((linear["suite"] - 0.5) / (linear["bayes"] - 0.5))
    assert linear["attacks"]["logreg"] > 0.7
    assert abs(radial["attacks"]["logreg"]) < 0.3  # equal class means
    assert radial["attacks"]["qda"] > 0.6
    assert set(radial["selected_per_seed"]) <= {"qda", "stack"}
    assert null["eta"] is None
    assert null["attacks"] == {"logreg": None, "qda": None, "stack": None}
    assert document["nulls"]["count"] == 3
    assert len(document["nulls"]["suite"]) == 3

    drawn = "".join(ET.parse(figure).getroot().itertext())
    assert "radial" in drawn
    assert "logreg" in drawn
    assert "null" not in drawn  # there is nothing to find

    monkeypatch.setattr("aiakit.calibration.run.KINDS", {})  # computing a cell would fail from here on
    again = aiakit(*given, "--json")
    assert again.document == document
    assert "21 cells, 21 are finished already" in again.err


def test_the_table_and_the_page(aiakit: Callable[..., Answer], home: Path, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    answer = aiakit("calibrate", *SUITE, *SMALL, "--folder", home, "--nulls", "3", "--figure", page)
    assert answer.code == 0
    for words in ("radial", "qda", "stack", "not significant in"):
        assert words in answer.out
    assert "<svg" in page.read_text()
    assert "http-equiv" in page.read_text()


def test_attacks_on_pictures_find_what_is_in_pictures(aiakit: Callable[..., Answer], home: Path) -> None:
    leaks = ("--leaks", "image-lsb,image-texture,linear")
    answer = aiakit(
        "calibrate", "--attacks", "pixels,spectrum", *leaks, *SMALL, "--seeds", "1", "--folder", home, "--json"
    )
    bits, texture = answer.document["rows"]
    assert bits["attacks"]["pixels"] > 0.95
    assert bits["selected"] == "pixels"
    assert texture["attacks"]["spectrum"] > 0.9
    assert abs(texture["attacks"]["pixels"]) < 0.2
    assert any("linear" in note for note in answer.document["notes"])


def test_an_attack_that_fails_is_named_and_the_others_go_on(aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    plugin = tmp_path / "picky.py"
    plugin.write_text(PICKY)
    given = ("--plugin", plugin, "--attacks", "logreg,picky", "--leaks", "linear,lsb", "--seeds", "1", *SMALL)
    answer = aiakit("calibrate", *given, "--folder", tmp_path / "trials", "--json")
    assert answer.code == 1
    linear, lsb = answer.document["rows"]
    assert linear["attacks"].keys() == {"logreg", "picky"}
    assert lsb["attacks"].keys() == {"logreg"}
    assert list(answer.document["failures"]) == ["picky on lsb, seed 0"]
    assert not answer.document["complete"]


def test_workers_compute_the_same_bytes(aiakit: Callable[..., Answer], home: Path, tmp_path: Path) -> None:
    given = ("calibrate", *SUITE[:2], "--leaks", "linear", "--seeds", "1", "--n", "800", "--precision", "fp32")
    inside = aiakit(*given, "--jobs", "1", "--folder", home, "--json").document
    outside = aiakit(*given, "--jobs", "2", "--folder", tmp_path / "other", "--json").document
    for document in (inside, outside):
        document["rows"][0].pop("seconds")
    assert inside == outside


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--attacks", "logrec"), ("logrec", "logreg")),
        (("--leaks", "linaer"), ("linaer", "linear")),
        (("--leaks", ","), ("--leaks",)),
        (("--n", "10"), ("--n 10", "40")),
        (("--attacks", "cnn", "--leaks", "embedding"), ("embedding",)),
        (("--attacks", "decensor"), ("decensor", "release alone")),
        (("--attacks", "in-loop"), ("in-loop", "release alone")),
        (("--attacks", "pixels", "--leaks", "image", "--nulls", "2"), ("--nulls",)),
        (("--figure", "map.bmp"), ("map.bmp", ".svg")),
        (("--figure", "nowhere/map.svg"), ("nowhere",)),
        (("--out", "."), ("--out",)),
        (("--set", "svm.penalties=-1"), ("svm",)),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else None,
)
def test_bad_input_is_refused_before_anything_is_computed(
    aiakit: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, words: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = aiakit("calibrate", *given, "--seeds", "1")
    assert answer.code == 2, answer.err
    assert answer.out == ""
    assert answer.message.startswith("aiakit: error: ")
    assert "bug" not in answer.message
    for word in words:
        assert word in answer.message
    assert list(tmp_path.iterdir()) == []


def test_people_of_a_draw_are_apart_and_draws_differ() -> None:
    leak = all_leaks()["identity-only"]
    parts = draw(leak, 80, seed=0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 60, "val": 20, "test": 80}
    values = {name: {row.tobytes() for row in part.release.embedding} for name, part in parts.items()}
    assert not values["train"] & values["test"]
    assert len(set(parts["test"].identity)) == 20
    other = draw(leak, 80, seed=1)
    assert (parts["test"].release.embedding != other["test"].release.embedding).all()
