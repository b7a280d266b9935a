"""What a plugin can reach in a run besides what it is handed, and what that is good for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.plugins import registry
from aiakit.storage import tensorfile
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
PEOPLE, IMAGES = 80, 3
HEAD = """
import gc, json, os, sys
from pathlib import Path
import numpy as np
from aiakit.contracts import Attack, Defense, EmbeddingDefense, Release
"""


@pytest.fixture(autouse=True)
def no_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has plugins of its own."""
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    """A release that says nothing of gender, its rows numbered in the first column."""
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(PEOPLE), IMAGES)
    rows = rng.normal(size=(len(person), 8))
    rows[:, 0] = np.arange(len(person))
    np.savez(tmp_path / "emb.npz", e=rows, person=person, gender=person % 2)
    return tmp_path / "emb.npz"


def audit(aiakit: Aiakit, npz: Path, code: str, attacks: str, *more: Any) -> dict[str, Any]:
    path = npz.parent / "plugin.py"
    path.write_text(HEAD + code)
    answer = aiakit("audit", npz, "--attribute", "gender", "--attacks", attacks, "--plugin", path, "--no-utility",
                    "--out", npz.parent / "runs", "--jobs", "1", "--json", *more)  # fmt: skip
    assert answer.code == 0, answer.err
    return answer.document


SPY = """
class Spy(Attack):
    summary = "writes down what it is given"
    def __init__(self, file: str = ""):
        self.file = file
    def fit(self, train, val, ctx):
        self.given = [train.release.embedding, train.labels, train.identity, val.release.embedding, val.labels]
        return self
    def predict_proba(self, release):
        own = [array.base is None for array in [*self.given, release.embedding]]
        with open(self.file, "a") as out:
            out.write(json.dumps({"own": own, "rows": release.embedding[:, 0].tolist()}) + "\\n")
        score = release.embedding[:, 1:2] > 0
        return np.hstack([score, ~score]).astype(float)
"""


def test_an_attack_is_given_copies_and_the_rows_of_test_in_no_order(aiakit: Aiakit, npz: Path) -> None:
    seen = npz.parent / "seen"
    audit(aiakit, npz, SPY, "spy", "--set", f"spy.file={seen}")
    lines = [json.loads(line) for line in seen.read_text().splitlines()]
    assert all(all(line["own"]) for line in lines)
    for rows in (line["rows"] for line in lines):
        assert len(rows) > 20
        assert rows != sorted(rows)
        assert abs(np.corrcoef(rows, np.arange(len(rows)))[0, 1]) < 0.6
    (cell,) = (npz.parent / "runs").glob("*/cells/*/scores.safetensors")
    scores, original = tensorfile.load(cell), np.load(npz)["e"]
    for line, split in zip(lines, ("val", "test"), strict=True):
        expected = original[np.sort(line["rows"]).astype(int), 1] > 0
        assert np.array_equal(scores[split][:, 0] > 0.5, expected), "scores stand with the rows that they are of"
