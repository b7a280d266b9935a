"""``aiakit data``: what a data set holds, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from aiakit.cli.data import data
from aiakit.errors import InputError


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIAKIT_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str) -> str:
        small = ("--image-size", "16", "--jobs", "1")
        result = CliRunner().invoke(data, [*small, *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


def test_the_document(run: Any, tmp_path: Path) -> None:
    document = json.loads(run("--people", "40", "--images-per-person", "2", "--json"))
    assert (document["schema"], document["dataset"], document["people"], document["images"]) == (1, "synthetic", 40, 80)
    assert document["attribute"] == document["default_attribute"] == "gender"
    assert document["attributes"]["gender"] == {"female": 40, "male": 40}
    assert sum(split["people"] for split in document["splits"].values()) == 40
    assert document["cache"] == str(tmp_path / "cache")
    assert "split_error" not in document


def test_the_text(run: Any) -> None:
    text = run("--people", "40", "--images-per-person", "2", "--attribute", "hair_colour", "--set", "delta=2")
    assert "40 people (40 with two or more images), 80 images of 16×16 pixels" in text
    assert "split by * hair_colour" in text
    assert "0.841" in text  # Φ(1)


def test_a_contact_sheet(run: Any, tmp_path: Path) -> None:
    run("--people", "12", "--contact-sheet", str(tmp_path / "sheet.png"))
    assert Image.open(tmp_path / "sheet.png").size == (8 * 16, 8 * 16)
    assert not list(tmp_path.glob(".*"))


def test_what_cannot_be_split_is_shown_all_the_same(run: Any) -> None:
    document = json.loads(run("--people", "4", "--json"))
    assert document["people"] == 4
    assert "too few people to split" in document["split_error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "sinthetic"], "did you mean synthetic"),
        (["--dataset", "lfw"], "--data-root"),
        (["--people", "12", "--attribute", "gendr"], "did you mean gender"),
        (["--people", "12", "--set", "detla=2"], "did you mean synthetic.delta"),
        (["--people", "12", "--set", "delta"], "--set PLUGIN.OPTION=VALUE"),
        (["--people", "12", "--contact-sheet", "sheet.jpg"], "call it sheet.png"),
        (["--people", "12", "--contact-sheet", "/nowhere/sheet.png"], "cannot write the contact sheet"),
        (["--people", "12", "--image-size", "17"], "multiple of 16"),
    ],
)
def test_bad_input_is_one_clear_line(run: Any, arguments: Any, words: str) -> None:
    with pytest.raises(InputError) as error:
        run(*arguments)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
