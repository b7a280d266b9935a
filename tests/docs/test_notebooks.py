"""The notebooks run from their first cell to their last, in an empty folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs.examples import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def code_of(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["attack", "audit"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aiakit.plugins.registry.REGISTRY._from_files", {})  # its plugins end with it
    names: dict[str, Any] = {}
    for number, code in enumerate(code_of(notebook)):
        exec(compile(code, f"{notebook.name}, cell {number}", "exec"), names)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(notebook: Path) -> None:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    assert [cell.get("outputs", []) for cell in cells if cell["cell_type"] == "code" and cell["outputs"]] == []
