"""Attacks are chosen on attacker-val: one that has learned from it is found by the checks, and by its figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Answer

PEOPLE, EACH = 900, 2


PLUGIN = '''
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from aiakit.contracts import Attack


class FromTrain(Attack):
    """The nearest neighbour in attacker-train."""

    view = "embedding"

    def learned(self, train, val):
        return [train]

    def fit(self, train, val, ctx):
        known = self.learned(train, val)
        embedding = np.concatenate([part.release.embedding for part in known])
        self.model = KNeighborsClassifier(1).fit(embedding, np.concatenate([part.labels for part in known]))
        return self

    def predict_proba(self, release):
        return self.model.predict_proba(release.embedding)


class FromBoth(FromTrain):
    """The nearest neighbour in attacker-train and attacker-val."""

    def learned(self, train, val):
        return [train, val]
'''


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plugin") / "neighbours.py"
    path.write_text(PLUGIN)
    return path


def test_the_checks_find_it(plugin: Path, aiakit: Callable[..., Answer]) -> None:
    answer = aiakit("check", plugin, "--json")
    found = {
        plugin["name"]: next(check for check in plugin["checks"] if check["name"] == "does not learn from val")
        for plugin in answer.document["plugins"]
    }
    assert found["from-train"]["status"] == "pass"
    assert found["from-both"]["status"] == "fail"
    assert "learn from attacker-train alone" in found["from-both"]["reason"]


@pytest.mark.parametrize("folds", [1, 5])
def test_it_is_chosen_by_what_it_reads_of_test(
    folds: int, plugin: Path, tmp_path: Path, aiakit: Callable[..., Answer]
) -> None:
    rng = np.random.default_rng(0)
    gender, person = np.arange(PEOPLE) % 2, np.repeat(np.arange(PEOPLE), EACH)
    embedding = rng.normal(size=(PEOPLE, 32))
    embedding[:, 0] += 3 * (gender - 0.5)
    images = embedding[person] + 0.5 * rng.normal(size=(PEOPLE * EACH, 32))
    np.savez(tmp_path / "e.npz", embedding=images, gender=np.array(["f", "m"])[gender][person], person=person)
    answer = aiakit(
        "audit", tmp_path / "e.npz", "--attribute", "gender", "--plugin", plugin, "--attacks", "lda,from-both",
        "--folds", str(folds), "--no-utility", "--no-forecast", "--jobs", "1", "--out", tmp_path / "runs", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    (row,) = answer.document["rows"]
    both, lda = row["attacks"]["from-both"], row["attacks"]["lda"]
    assert both["val_balanced_accuracy"] == 1 > lda["val_balanced_accuracy"]
    assert both["balanced_accuracy"] < lda["balanced_accuracy"]
    assert row["strongest"]["attack"] == "lda", "or the weaker attack would be the headline"
    notes = answer.document["notes"]
    assert any(note.startswith("learned from attacker-val") and "from-both (1.000" in note for note in notes)
    assert any("more digits than float32" in note for note in notes)
