"""White-box inversion: attacks read what the last step of a defense was given, where its parameters tell it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from tests.conftest import SHORT, Answer

Aiakit = Callable[..., Answer]
RUN = ("run", "--people", "100", "--images-per-person", "2", "--image-size", "16", "--precision", "fp32", "--jobs", "1",
       "--no-utility", *SHORT)  # fmt: skip
HIDES = '''"""A step that a linear attacker cannot see through, and that anybody can undo who holds its secret."""
import numpy as np
from aiakit.contracts import EmbeddingDefense, Release
from aiakit.plugins.bases import Learned


class Hides(Learned, EmbeddingDefense):
    summary = "adds a large wave of the other coordinates to each half"
    learned = ("size",)

    def fit(self, train, val, ctx):
        self.size_ = np.abs(train.embedding).max(0)
        return self

    def _wave(self, half):
        return 3 * np.sin(8 * half)

    def release(self, embedding, rng):
        left, right = np.split(embedding / self.size_, 2, axis=1)
        right = right + self._wave(left)
        left = left + self._wave(right)
        return Release(embedding=np.hstack([left, right]))

    def invert(self, embedding):
        left, right = np.split(embedding.astype(np.float64), 2, axis=1)
        left = left - self._wave(right)
        right = right - self._wave(left)
        return np.hstack([left, right]){cut} * self.size_

'''


@pytest.fixture
def hides(tmp_path: Path) -> Path:
    path = tmp_path / "hides.py"
    path.write_text(HIDES.replace("{cut}", ""))
    return path


def test_what_can_be_undone_hides_nothing(aiakit: Aiakit, hides: Path, tmp_path: Path) -> None:
    answer = aiakit(*RUN, "--defense", "leace,leace+hides", "--attacks", "logreg,svm,inverse", "--plugin", hides,
                    "--knowledge", "adaptive", "--out", tmp_path, "--name", "run", "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    _, leace, hidden = answer.document["rows"]
    assert set(leace["attacks"]) == {"logreg", "svm"}  # a projection cannot be undone
    assert set(hidden["attacks"]) == {"logreg", "svm", "inverse"}
    run = Run.open(tmp_path / "run")
    plan = make_plan(run.config)
    before, after = (
        run.store.read(plan.releases[name, 0].digest).tensors("release") for name in ("leace", "leace+hides")
    )
    assert np.allclose(after["inverted"], before["embedding"], atol=0.02 * np.abs(before["embedding"]).max())
    reads = {name: found["auc"] for name, found in hidden["attacks"].items()}
    assert reads["inverse"] > max(reads["logreg"], reads["svm"]) + 0.1
    assert reads["inverse"] > leace["attacks"]["svm"]["auc"] - 0.1


def test_an_inverse_that_is_none_names_the_plugin(aiakit: Aiakit, tmp_path: Path) -> None:
    path = tmp_path / "crooked.py"
    path.write_text(HIDES.replace("{cut}", "[:3]").replace("Hides", "Crooked").replace("hides", "crooked"))
    answer = aiakit(
        *RUN, "--defense", "leace+crooked", "--attacks", "logreg,inverse", "--plugin", path, "--out", tmp_path
    )
    assert answer.code != 0
    assert "crooked" in answer.err
    assert "invert() must return" in answer.err


def test_an_attack_that_nothing_here_can_be_read_by_is_named(aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit(*RUN, "--defense", "leace", "--attacks", "logreg,inverse", "--out", tmp_path, "--json")
    assert answer.code == 0, answer.err
    assert "inverse not run: it reads the view inverted, which no release here has" in answer.document["notes"]


def test_kernel_arl_is_read_through_by_an_insider(aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit(*RUN, "--defense", "leace+kernel-arl", "--attacks", "logreg,inverse", "--knowledge", "insider",
                    "--folds", "3", "--no-reference", "--out", tmp_path, "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    (row,) = answer.document["rows"]
    levels = {row["level"]: row["attacks"], **row["knowledge"]}
    assert all("inverse" in levels[level] for level in ("informed", "insider"))
