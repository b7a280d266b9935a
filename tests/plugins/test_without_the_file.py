"""A run with plugins from files is read by whoever has not got these files, from what the run recorded."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from aiakit.cli.main import main
from aiakit.plugins import registry
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose attack and defense came from files that are then gone: runs/mine and the files."""
    folder = tmp_path_factory.mktemp("stranger")
    for kind in ("attack", "defense"):
        assert main(["new", kind, f"my-{kind}", "--out", str(folder)]) == 0
    files = [folder / f"my-{kind}" / f"my_{kind}.py" for kind in ("attack", "defense")]
    arguments = ["run", "--defense", "my-defense", "--attacks", "my-attack,logreg", *TINY, *SHORT]
    arguments += ["--set", "my-attack.sharpness=2", *(word for file in files for word in ("--plugin", str(file)))]
    known = dict(registry.REGISTRY._from_files)
    try:
        assert main([*arguments, "--out", str(folder / "runs"), "--name", "mine"]) == 0
    finally:
        registry.REGISTRY._from_files = known
    return folder


@pytest.fixture
def run(stranger: Path) -> Path:
    assert "my-attack" not in registry.names("attack")
    return stranger / "runs" / "mine"


def test_what_is_recorded_of_a_plugin(run: Path, stranger: Path) -> None:
    config = json.loads((run / "run.json").read_text())["config"]
    (attack,) = (each for each in config["attacks"] if each["name"] == "my-attack")
    file = stranger / "my-attack" / "my_attack.py"
    assert attack["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    told = ("name", "summary", "view", "knowledge", "package", "params")
    assert {key: attack[key] for key in told} == {
        "name": "my-attack", "summary": "nearest class mean (a skeleton)", "view": "embedding",
        "knowledge": "informed", "package": "my_attack.py", "params": {"sharpness": 2.0},
    }  # fmt: skip
    defense = config["defenses"][1][0]
    assert (defense["produces"], defense["claims"], defense["stochastic"]) == (["embedding", "image"], False, False)


def test_it_is_shown_reported_ranked_submitted_and_compared(run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    shown = aiakit("show", run, "--json")
    assert shown.code == 0, shown.err
    rows = {row["release"]: row for row in shown.document["rows"]}
    assert set(rows) == {"original", "my-defense"}
    assert "my-attack" in rows["my-defense"]["attacks"]
    for command in (
        ("show", run),
        ("report", run, "-o", tmp_path / "report"),
        ("leaderboard", run, "--html", tmp_path / "site"),
        ("leaderboard", "submit", run, "-o", tmp_path / "entries"),
        ("leaderboard", "verify", tmp_path / "entries"),
        ("leaderboard", tmp_path / "entries"),
        ("compare", f"{run}:original", f"{run}:my-defense"),
    ):
        answer = aiakit(*command)
        assert answer.code == 0, (command, answer.err)
    assert "my-attack" in (tmp_path / "report" / "report.html").read_text()
    entry = json.loads(next((tmp_path / "entries").glob("*my-defense*.json")).read_text())
    (attack,) = (attack for attack in entry["attacks"] if attack["name"] == "my-attack")
    assert attack["summary"] == "nearest class mean (a skeleton)"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("visualize", "RUN", "--attacks", "my-attack", "--image", "PHOTO"), "attack"),
        (("protect", "RUN", "PHOTO", "-o", "OUT"), "defense"),
        (("leaderboard", "verify", "ENTRIES", "--rerun"), "attack"),
    ],
)
def test_where_it_is_needed_the_message_names_the_file(
    run: Path, tmp_path: Path, command: tuple[str, ...], kind: str, aiakit: Aiakit
) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), (200, 160, 140)).save(photo)
    if "ENTRIES" in command:
        submitted = aiakit("leaderboard", "submit", run, "-o", tmp_path / "entries", "--with-release")
        assert submitted.code == 0, submitted.err
    places = {"RUN": run, "PHOTO": photo, "OUT": tmp_path / "out", "ENTRIES": tmp_path / "entries"}
    answer = aiakit(*(places.get(word, word) for word in command))
    wanted = f"the {kind} 'my-{kind}' is needed here, and is not registered: give its file, my_{kind}.py, with --plugin"
    assert wanted in " ".join(answer.err.split())


def test_to_go_on_the_file_is_needed(run: Path, stranger: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "mine"))
    for cell in (copy / "cells").iterdir():
        content = json.loads((cell / "result.json").read_text())
        if content["inputs"].get("attack", {}).get("name") == "my-attack":
            shutil.rmtree(cell)
    answer = aiakit("show", copy, "--json")
    assert answer.code == 1
    assert any("my-attack" in cell for row in answer.document["rows"] for cell in row["missing"])
    arguments = ["run", "--defense", "my-defense", "--attacks", "my-attack,logreg", *TINY, *SHORT]
    arguments += ["--set", "my-attack.sharpness=2", "--out", tmp_path, "--name", "mine"]
    answer = aiakit(*arguments)
    assert answer.code == 2
    file = stranger / "my-defense" / "my_defense.py"
    assert answer.message.endswith(f"; my-defense was in the file {file}: give it with --plugin {file}")
    arguments[2:5] = ["original", "--attacks", "my-attack"]
    elsewhere = aiakit(*arguments[:-4], "--out", tmp_path / "elsewhere")
    assert "a file of yours with one is given with --plugin FILE" in elsewhere.message


def test_a_record_that_does_not_say_what_it_needs_is_refused(run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    copy = tmp_path / "mine"
    copy.mkdir()
    record = json.loads((run / "run.json").read_text())
    (attack,) = (each for each in record["config"]["attacks"] if each["name"] == "my-attack")
    del attack["view"]
    (copy / "run.json").write_text(json.dumps(record))
    answer = aiakit("show", copy)
    assert answer.code == 2
    assert "the attack my-attack does not say what it reads and knows" in answer.message
