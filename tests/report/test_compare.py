"""Two runs side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aiakit.results.document import document_of
from tests.audits import audit, write_audit
from tests.conftest import Answer, Evaluated

Aiakit = Callable[..., Answer]


def test_differences_are_those_of_the_figures(
    tiny_run: Path, narrow_run: Path, evaluated: Evaluated, aiakit: Aiakit
) -> None:
    document = aiakit("compare", f"{tiny_run}:original", narrow_run, "--json").document
    assert document["not_paired"] is None
    assert {tuple(row["releases"]) for row in document["rows"]} == {("original", "original")}
    shown = {
        "first": document_of(evaluated[1], {})["rows"][0],
        "second": aiakit("show", narrow_run, "--json").document["rows"][0],
    }
    row = next(row for row in document["rows"] if row["what"] == "logreg")
    for which, of in shown.items():
        assert row[which] == of["attacks"]["logreg"]["balanced_accuracy"]
    assert row["difference"] == pytest.approx(row["second"] - row["first"])
    assert row["ci95"][0] <= row["difference"] <= row["ci95"][1]
    assert 0 < row["p"] <= 1
    changed = {change["option"]: (change["first"], change["second"]) for change in document["changed"]}
    assert changed["defenses.original.original.params.latent"] == (16, 4)
    assert "defenses.aia" in changed


def test_a_run_with_itself(narrow_run: Path, aiakit: Aiakit) -> None:
    document = aiakit("compare", narrow_run, narrow_run, "--json").document
    assert document["changed"] == document["rows"] == []
    assert document["same"] == ["original"]
    named = f"{narrow_run}:original"
    rows = aiakit("compare", named, named, "--json").document["rows"]
    assert rows
    assert all(row["difference"] == 0 and row["p"] == 1 for row in rows)
    answer = aiakit("compare", narrow_run, narrow_run)
    assert answer.code == 0
    assert "The configurations are the same." in answer.out


def test_every_pair_where_nothing_is_said(two_runs: Path, aiakit: Aiakit) -> None:
    first, second = two_runs / "leace", two_runs / "inlp"
    document = aiakit("compare", first, second, "--json").document
    assert document["not_paired"] is None
    assert document["same"] == ["original"]
    pairs = list(dict.fromkeys(tuple(row["releases"]) for row in document["rows"]))
    assert pairs == [("original", "inlp"), ("leace", "original"), ("leace", "inlp")]
    assert {row["what"] for row in document["rows"]} == {
        "strongest attack", "utility, random impostors", "utility, same attribute impostors",
    }  # fmt: skip
    (strongest,) = (
        row for row in document["rows"] if row["releases"] == ["leace", "inlp"] and "att" in row["what"][-7:]
    )
    by = {row["release"]: row for run in (first, second) for row in aiakit("show", run, "--json").document["rows"]}
    assert strongest["first"] == by["leace"]["strongest"]["balanced_accuracy"]
    assert strongest["second"] == by["inlp"]["strongest"]["balanced_accuracy"]
    assert strongest["ci95"][0] <= strongest["difference"] <= strongest["ci95"][1]
    out = aiakit("compare", first, second).out
    assert "leace → inlp" in out
    assert "the same in both: original" in out


def test_two_releases_are_compared_attack_by_attack(two_runs: Path, aiakit: Aiakit) -> None:
    document = aiakit("compare", f"{two_runs / 'leace'}:leace", f"{two_runs / 'inlp'}:inlp", "--json").document
    assert {tuple(row["releases"]) for row in document["rows"]} == {("leace", "inlp")}
    assert {"strongest attack", "logreg", "lda"} <= {row["what"] for row in document["rows"]}
    within = aiakit("compare", f"{two_runs / 'leace'}:original", f"{two_runs / 'leace'}:leace", "--json").document
    assert {tuple(row["releases"]) for row in within["rows"]} == {("original", "leace")}
    assert within["changed"] == []
    answer = aiakit("compare", f"{two_runs / 'leace'}:lace", two_runs / "inlp")
    assert answer.code == 2
    assert "unknown release 'lace'" in answer.message
    assert "did you mean leace?" in answer.message


def test_two_audits_before_and_after(tmp_path: Path, aiakit: Aiakit) -> None:
    before = audit(aiakit, write_audit(tmp_path / "before.npz", 8.0))
    after = audit(aiakit, write_audit(tmp_path / "after.npz", 0.0))
    document = aiakit("compare", before, after, "--json").document
    assert document["not_paired"] is None
    strongest = next(row for row in document["rows"] if row["what"] == "strongest attack")
    assert strongest["difference"] < -0.2
    assert strongest["ci95"][1] < 0
    assert {"logreg", "lda"} <= {row["what"] for row in document["rows"]}
    others = audit(aiakit, write_audit(tmp_path / "others.npz", 8.0, prefix="q"))
    document = aiakit("compare", before, others, "--json").document
    assert "different test people" in document["not_paired"]
    assert all(row["difference"] is None for row in document["rows"])


def test_other_draws_are_not_paired(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    copy = Path(shutil.copytree(narrow_run, tmp_path / "copy"))
    record = json.loads((copy / "run.json").read_text())
    record["config"]["bootstrap_draws"] = 500
    (copy / "run.json").write_text(json.dumps(record))
    document = aiakit("compare", narrow_run, copy, "--json").document
    assert "bootstrap draws" in document["not_paired"]
    assert all(row["difference"] is None and row["first"] is not None for row in document["rows"])
    assert "bootstrap draws" in aiakit("compare", narrow_run, copy).out


def test_what_is_no_run_is_refused(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    for pair in ((narrow_run, tmp_path), (tmp_path, narrow_run)):
        answer = aiakit("compare", *pair)
        assert answer.code == 2
        assert "no run folder" in answer.message
    assert aiakit("compare", narrow_run).code == 2
