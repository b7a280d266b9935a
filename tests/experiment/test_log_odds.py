"""An attack that says log-odds keeps its ranking through processes, stores and draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Answer

PLUGINS = """
import numpy as np
from aiakit.contracts import Attack

class Calm(Attack):
    summary = "the first coordinate"
    scale = 1.0
    def fit(self, train, val, ctx):
        return self
    def predict_proba(self, release):
        sure = 1 / (1 + np.exp(np.clip(-self.scale * release.embedding[:, 0].astype(float), -700, 700)))
        return np.column_stack([1 - sure, sure])

class Bold(Calm):
    summary = "the first coordinate, surer than probabilities can say"
    scale = 1000.0

class BoldInLogs(Bold):
    summary = "so too, in log-odds"
    def predict_log_proba(self, release):
        log_odds = self.scale * release.embedding[:, 0].astype(float)
        return np.column_stack([np.zeros(len(log_odds)), log_odds])
"""


@pytest.mark.usefixtures("no_plugin_files")
def test_log_odds_keep_the_ranking_that_probabilities_lose(aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    gender = np.arange(800) % 2
    rows = rng.normal(size=(800, 8))
    rows[:, 0] += 2 * gender
    np.savez(tmp_path / "e.npz", e=rows, person=np.arange(800), gender=gender)
    (tmp_path / "bold.py").write_text(PLUGINS)
    answer = aiakit("audit", tmp_path / "e.npz", "--attribute", "gender", "--attacks", "calm,bold,bold-in-logs",
                    "--folds", "1", "--plugin", tmp_path / "bold.py", "--no-utility", "--out", tmp_path,
                    "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    area = {name: found["auc"] for name, found in answer.document["rows"][0]["attacks"].items()}
    assert area["bold-in-logs"] == pytest.approx(area["calm"], abs=1e-9)
    assert area["bold"] < area["calm"] - 0.1
