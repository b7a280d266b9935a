"""What earlier versions wrote still opens, and still gives the figures that it gave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiakit.leaderboard.differences import differences
from aiakit.leaderboard.writing import MOVED
from tests.conftest import Answer

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = sorted(path.name.removeprefix("run-") for path in FIXTURES.glob("run-schema-*"))
ENTRIES = sorted(path.name.removeprefix("entry-") for path in FIXTURES.glob("entry-schema-*"))

Aiakit = Callable[..., Answer]


def figures(version: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((FIXTURES / f"figures-{version}.json").read_text())["rows"]
    return rows


def test_there_is_a_fixture_of_every_schema_version() -> None:
    from aiakit.experiment.config import SCHEMA
    from aiakit.leaderboard import schema

    assert f"schema-{SCHEMA}" in VERSIONS
    assert {f"schema-{schema.SCHEMA}", f"schema-{schema.WITH_RISKS}"} <= set(ENTRIES)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_shows_the_figures_of_its_day(version: str, aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit("show", shutil.copytree(FIXTURES / f"run-{version}", tmp_path / "run"), "--json")
    assert answer.code == 0, answer.err
    rows = {row["release"]: row for row in answer.document["rows"]}
    for row in figures(version):
        # what later versions add is no difference
        changed = [
            (where, then, now) for where, then, now in differences(row, rows[row["release"]]) if then is not None
        ]
        assert changed == []
    assert len(rows) == len(figures(version))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_gives_a_report_a_board_and_an_entry(version: str, aiakit: Aiakit, tmp_path: Path) -> None:
    run = shutil.copytree(FIXTURES / f"run-{version}", tmp_path / "run")
    assert aiakit("report", run, "-o", tmp_path / "report").code == 0
    assert "grl" in (tmp_path / "report" / "report.html").read_text()
    board = aiakit("leaderboard", run, "--format", "json")
    assert {row["release"] for row in board.document["rows"]} == {row["release"] for row in figures(version)}
    assert aiakit("leaderboard", "submit", run, "-o", tmp_path / "entries").code == 0


@pytest.mark.parametrize("version", ENTRIES)
def test_an_entry_verifies_and_stands_beside_its_run(version: str, aiakit: Aiakit, tmp_path: Path) -> None:
    folder = shutil.copytree(FIXTURES / f"entry-{version}", tmp_path / "entries")
    run = shutil.copytree(FIXTURES / f"run-{VERSIONS[-1]}", tmp_path / "run")
    assert aiakit("leaderboard", "verify", *folder.glob("*.json")).code == 0
    of_entry = aiakit("leaderboard", folder, "--format", "json").document
    of_run = aiakit("leaderboard", run, "--format", "json").document
    assert of_entry["protocol"] == of_run["protocol"]
    (own,) = (row for row in of_run["rows"] if row["release"] == of_entry["rows"][0]["release"])
    assert not list(differences(own["strongest"], of_entry["rows"][0]["strongest"], MOVED))
