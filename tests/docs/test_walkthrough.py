"""From a folder of photographs and an ONNX file to a gate: the page's commands, one after the other, on stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Answer
from tests.docs.examples import ROOT, blocks
from tests.encoders import onnx_models

PAGE = ROOT / "docs" / "walkthrough.md"
# As fast as a test must be; the page's own take every attack, and five folds.
SHORT = ("--attacks", "logreg,lda", "--no-forecast", "--pairs", "500", "--folds", "3")
PEOPLE, EACH, SIZE = 50, 3, 32


def commands() -> list[list[str]]:
    return [words for block in blocks(PAGE.read_text("utf-8")) for words, _ in block.commands()]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photographs of drawn people, their table, and a recogniser."""
    rng = np.random.default_rng(0)
    lines = ["person,gender"]
    for person in range(PEOPLE):
        folder = tmp_path / "photos" / f"p{person:02d}"
        folder.mkdir(parents=True)
        look = rng.uniform(60, 190, (4, 4, 3)) + (person % 2) * np.array([40, 0, 0])
        for number in range(EACH):
            picture = np.clip(look + rng.normal(0, 6, look.shape), 0, 255).astype(np.uint8)
            Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
        lines.append(f"p{person:02d},{'fm'[person % 2]}")
    (tmp_path / "photos" / "attributes.csv").write_text("\n".join(lines) + "\n")
    onnx_models.write(tmp_path / "recogniser.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_leads_to_a_gate_in_under_ten_commands(desk: Path, aiakit: Callable[..., Answer]) -> None:
    given = commands()
    assert len(given) < 10
    assert {words[0] for words in given} == {"data", "encode", "audit", "run", "show", "export", "protect", "report"}
    for words in given:
        answer = aiakit(*words, *(SHORT if words[0] in ("audit", "run") else ()))
        gated = "--fail-above" in words
        assert answer.code in ((0, 3, 4) if gated else (0,)), f"{' '.join(words)}: {answer.err}"
        if gated:
            assert "gate: " in answer.out
    made = ("sheet.png", "templates.npz", "defense.onnx", "released/embedding.safetensors", "gate.xml",
            "runs/gate/report.html")  # fmt: skip
    assert [name for name in made if not (desk / name).is_file()] == []
