"""Audits stand on boards: releases that exist already, of the same people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.audits import audit, write_audit
from tests.conftest import Answer

Aiakit = Callable[..., Answer]


def test_two_audits_of_the_same_people_stand_on_one_board(tmp_path: Path, aiakit: Aiakit) -> None:
    raw = write_audit(tmp_path / "raw.npz", 8.0)
    folders = [
        audit(aiakit, write_audit(tmp_path / f"{name}.npz", strength), "--reference", raw)
        for name, strength in (("weak", 1.0), ("strong", 0.0))
    ]
    answer = aiakit("leaderboard", *folders, "--format", "json")
    assert answer.code == 0, answer.err
    rows = answer.document["rows"]
    assert [row["release"] for row in rows] == ["strong", "weak", "original"]  # their reference is one
    shown = {row["release"]: row for row in aiakit("show", folders[0], "--json").document["rows"]}
    assert rows[1]["strongest"] == shown["release"]["strongest"]
    assert rows[2]["strongest"] == shown["original"]["strongest"]
    assert answer.document["power"] == {"logreg": True, "lda": True}

    entries = tmp_path / "entries"
    for folder in folders:
        submitted = aiakit("leaderboard", "submit", folder, "-o", entries, "--with-release")
        assert submitted.code == 0, submitted.err
    assert aiakit("leaderboard", "verify", next(entries.glob("*strong*.json")), "--rerun").code == 0
    board = aiakit("leaderboard", entries)
    assert board.code == 0, board.err
    assert "weak" in board.out
    assert "strong" in board.out
    assert not any(str(tmp_path) in path.read_text() for path in entries.glob("*.json"))


def test_audits_of_other_people_do_not(tmp_path: Path, aiakit: Aiakit) -> None:
    ours = audit(aiakit, write_audit(tmp_path / "ours.npz", 8.0))
    theirs = audit(aiakit, write_audit(tmp_path / "theirs.npz", 8.0, prefix="q"))
    answer = aiakit("leaderboard", ours, theirs, "--format", "json")
    assert answer.code == 1
    assert [row["release"] for row in answer.document["rows"]] == ["ours"]
    assert "another fingerprint of the data" in answer.document["set_aside"][0]
