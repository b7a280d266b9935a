"""Boards of several runs, as they are made by default: each with its own undefended release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aiakit.cli.main import main
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]


def test_a_board_of_two_runs(two_runs: Path, aiakit: Aiakit) -> None:
    for paths in ([two_runs], [two_runs / "leace", two_runs / "inlp"]):
        answer = aiakit("leaderboard", *paths, "--format", "json")
        assert answer.code == 0, answer.err
        assert sorted(row["release"] for row in answer.document["rows"]) == ["inlp", "leace", "original"]
        assert answer.document["set_aside"] == []


def test_the_folder_runs_is_ranked_where_nothing_is_named(
    two_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aiakit: Aiakit
) -> None:
    shutil.copytree(two_runs, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    answer = aiakit("leaderboard")
    assert answer.code == 0, answer.err
    assert "leace" in answer.out
    assert "inlp" in answer.out


def test_releases_that_differ_are_told_apart_by_their_run(two_runs: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    arguments = ["run", "--defense", "leace", "--attacks", "logreg", *TINY, *SHORT]
    assert main([*arguments, "--out", str(tmp_path), "--name", "fewer"]) == 0
    rows = aiakit("leaderboard", two_runs / "leace", tmp_path / "fewer", "--format", "json").document["rows"]
    assert sorted(row["release"] for row in rows) == [
        "leace (fewer)", "leace (leace)", "original (fewer)", "original (leace)",
    ]  # fmt: skip


def test_what_is_unfinished_or_of_other_people_is_set_aside(
    two_runs: Path, tmp_path: Path, aiakit: Aiakit, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Path(shutil.copytree(two_runs, tmp_path / "runs"))
    shutil.rmtree(next(cell for cell in (out / "inlp" / "cells").iterdir() if (cell / "scores.safetensors").exists()))
    others = [*TINY[:1], "60", *TINY[2:]]
    arguments = ["run", "--defense", "leace", "--attacks", "logreg", *others, *SHORT]
    assert main([*arguments, "--out", str(out), "--name", "others"]) == 0
    answer = aiakit("leaderboard", out, "--format", "json")
    assert answer.code == 1
    assert sorted(row["release"] for row in answer.document["rows"]) == ["leace", "original"]
    assert f"{out / 'inlp'} is not finished" in answer.err
    assert f"{out / 'others'} cannot stand on one board with {out / 'leace'}: another fingerprint" in answer.err
    assert len(answer.document["set_aside"]) == 2
    monkeypatch.chdir(tmp_path)
    assert aiakit("leaderboard").code == 1  # one of the folder runs is not finished
    shutil.rmtree(out / "inlp")
    assert "set aside: runs/others" in aiakit("leaderboard").err
    assert aiakit("leaderboard").code == 0  # nobody asked for the other people's
    page = aiakit("leaderboard", out, "--html", tmp_path / "site")
    assert page.code == 1
    assert "cannot stand on one board" in (tmp_path / "site" / "index.html").read_text()


def test_what_is_there_already_is_skipped(two_runs: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    entries = tmp_path / "entries"
    told = ("--submitter", "A. Nonymous", "--link", "https://example.org/leace", "--version", "2.1")
    first = aiakit("leaderboard", "submit", two_runs / "leace", "-o", entries, *told)
    assert first.code == 0, first.err
    second = aiakit("leaderboard", "submit", two_runs / "inlp", "-o", entries)
    assert second.code == 0, second.err
    assert "original is there already: " in second.err
    assert len(list(entries.glob("*.json"))) == 3
    rows = aiakit("leaderboard", entries, "--format", "json").document["rows"]
    by = {row["release"]: row["provenance"] for row in rows}
    assert set(by) == {"original", "leace", "inlp"}
    assert by["leace"] | {"date": "", "command": ""} == {
        "submitter": "A. Nonymous", "link": "https://example.org/leace", "version": "2.1", "date": "", "command": "",
    }  # fmt: skip
    assert by["leace"]["command"][:3] == ["run", "--defense", "leace"]
    assert str(two_runs) not in json.dumps(by)
    assert aiakit("leaderboard", entries, "--html", tmp_path / "site").code == 0
    html = (tmp_path / "site" / "index.html").read_text()
    assert f"Submitted by A. Nonymous, on {by['leace']['date']}, version 2.1." in html
    assert '<a href="https://example.org/leace">' in html
    assert "aiakit run --defense leace" in html


@pytest.mark.parametrize("told", [("--link", "javascript:alert(1)"), ("--submitter", "a\x1b[31m")])
def test_what_cannot_be_shown_is_refused(two_runs: Path, tmp_path: Path, told: tuple[str, str], aiakit: Aiakit) -> None:
    answer = aiakit("leaderboard", "submit", two_runs / "leace", "-o", tmp_path / "entries", *told)
    assert answer.code == 2
    assert told[0] in answer.message
    assert not (tmp_path / "entries").exists()
