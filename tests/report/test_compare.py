"""Two runs side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aiakit.results.document import document_of
from tests.conftest import Answer, Evaluated

Aiakit = Callable[..., Answer]


def test_differences_are_those_of_the_figures(
    tiny_run: Path, narrow_run: Path, evaluated: Evaluated, aiakit: Aiakit
) -> None:
    document = aiakit("compare", tiny_run, narrow_run, "--json").document
    assert document["not_paired"] is None
    assert document["only_in_first"] == ["aia", "random"]
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
    assert document["changed"] == []
    assert all(row["difference"] == 0 and row["p"] == 1 for row in document["rows"])
    answer = aiakit("compare", narrow_run, narrow_run)
    assert answer.code == 0
    assert "The configurations are the same." in answer.out


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
