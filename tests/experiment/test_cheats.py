"""What a plugin can reach in a run besides what it is handed, and what that is good for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.contracts import LoadSettings
from aiakit.plugins import registry
from aiakit.storage import tensorfile
from tests.conftest import SHORT, Answer

Aiakit = Callable[..., Answer]
PEOPLE, IMAGES = 80, 3
HEAD = """
import gc, json, os, sys
from pathlib import Path
import numpy as np
from aiakit.contracts import Attack, Defense, EmbeddingDefense, Release
"""


pytestmark = pytest.mark.usefixtures("no_plugin_files")


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
                    "--folds", "1", "--out", npz.parent / "runs", "--jobs", "1", "--json", *more)  # fmt: skip
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


# The labels of test, wherever an object of the process holds as many numbers as there are rows, in their order or not.
SEARCHES = {
    "the call stack": """
        frame, seen = sys._getframe(), []
        while frame is not None:
            seen += frame.f_locals.values()
            frame = frame.f_back
""",
    "all objects": """
        seen = gc.get_objects()
""",
    "the modules": """
        seen = [value for module in list(sys.modules.values()) for value in vars(module).values()]
""",
}
SEARCHER = """
class Searcher(Attack):
    summary = "looks for the labels of test in the process"
    def __init__(self, file: str = ""):
        self.file = file
    def fit(self, train, val, ctx):
        self.known = (len(train), len(val))
        return self
    def predict_proba(self, release):
{search}
        arrays = [each for each in seen if isinstance(each, np.ndarray)]
        arrays += [part for each in seen if isinstance(each, dict) for part in list(each.values())
                   if isinstance(part, np.ndarray)]
        arrays += [part for each in seen if type(each).__name__ in ("Protocol", "Truth", "FaceSet")
                   for part in vars(each).values()]
        found = [each for each in arrays if isinstance(each, np.ndarray) and each.dtype == np.int64
                 and set(np.unique(each)) == {{0, 1}} and len(each) in {{240, len(release)}} - {{*self.known}}]
        with open(self.file, "a") as out:
            out.write(f"{{len(found)}} {{os.getpid()}}\\n")
        return np.full((len(release), 2), 0.5) + np.array([[1e-6, -1e-6]]) * np.arange(len(release))[:, None]
"""


@pytest.mark.parametrize("way", SEARCHES)
def test_no_label_of_test_is_alive_where_an_attack_runs(aiakit: Aiakit, npz: Path, way: str) -> None:
    found = npz.parent / "found"
    code = SEARCHER.format(search=SEARCHES[way])
    audit(aiakit, npz, code, "searcher", "--set", f"searcher.file={found}")
    counts = [line.split() for line in found.read_text().splitlines()]
    assert len(counts) == 2, "attacker-val and test"
    assert all(count == "0" and int(process) != os.getpid() for count, process in counts)


def test_the_run_is_shut_to_an_attack_that_opens_its_files(aiakit: Aiakit, npz: Path) -> None:
    code = """
class Opens(Attack):
    summary = "reads the cells of the run"
    def __init__(self, folder: str = ""):
        self.folder = folder
    def fit(self, train, val, ctx):
        assert not list(Path(self.folder).glob("*/cells/*/*"))
        (run,) = Path(self.folder).iterdir()
        try:
            (run / "run.json").read_text()
        except PermissionError:
            return self
        raise AssertionError("it was opened")
    def predict_proba(self, release):
        return np.full((len(release), 2), 0.5)
"""
    audit(aiakit, npz, code, "opens", "--set", f"opens.folder={npz.parent / 'runs'}")


RELEASING = ("run", "--people", "60", "--images-per-person", "3", "--image-size", "16", "--precision", "fp32",
             "--attacks", "logreg", "--no-utility", "--no-reference", "--jobs", "1", "--json")  # fmt: skip
MEANS = """
class Means(Defense):
    produces = ("embedding", "image")
    summary = "mean colours"
    def fit(self, train, val, ctx):
        self.mean = np.asarray(train.images).mean(axis=(0, 1, 2))
        return self
    def state_dict(self):
        return {"mean": self.mean}
    def load_state_dict(self, state):
        self.mean = state["mean"]
        return self
    def release(self, images, rng):
        return Release(embedding=images.mean(axis=(1, 2)) - self.mean, image=images.transpose(0, 3, 1, 2))
"""
FLIPS = {
    "later calls": """
class Flips(Means):
    summary = "shows the negative after some calls"
    seen = 0
    def release(self, images, rng):
        self.seen += len(images)
        sign = 1.0 if self.seen < 100 else -1.0
        return Release(embedding=sign * super().release(images, rng).embedding, image=images.transpose(0, 3, 1, 2))
""",
    "the place in a batch": """
class Flips(Means):
    summary = "shows the negative of the second half of what it is given"
    def release(self, images, rng):
        sign = np.where(np.arange(len(images)) < len(images) / 2, 1.0, -1.0)[:, None]
        return Release(embedding=sign * super().release(images, rng).embedding, image=images.transpose(0, 3, 1, 2))
""",
    "whom it remembers": """
class Flips(Means):
    summary = "shows the negative of whom it has not met"
    def fit(self, train, val, ctx):
        self.met = {image.tobytes() for image in np.asarray(train.images)}
        return super().fit(train, val, ctx)
    def load_state_dict(self, state):
        self.met = ()
        return super().load_state_dict(state)
    def release(self, images, rng):
        sign = np.array([[1.0 if image.tobytes() in self.met else -1.0] for image in images])
        return Release(embedding=sign * super().release(images, rng).embedding, image=images.transpose(0, 3, 1, 2))
""",
}


def release(aiakit: Aiakit, folder: Path, code: str, defense: str) -> Answer:
    path = folder / "plugin.py"
    path.write_text(HEAD + code)
    return aiakit(*RELEASING, "--defense", defense, "--plugin", path, "--out", folder / "runs")


def test_a_sound_defense_of_others_is_measured_like_one_of_ours(aiakit: Aiakit, tmp_path: Path) -> None:
    answer = release(aiakit, tmp_path, MEANS, "means")
    assert answer.code == 0, answer.err
    assert 0.4 < answer.document["rows"][0]["strongest"]["balanced_accuracy"] <= 1


@pytest.mark.parametrize("way", FLIPS)
def test_a_defense_that_treats_some_rows_otherwise_has_no_release(aiakit: Aiakit, tmp_path: Path, way: str) -> None:
    answer = release(aiakit, tmp_path, MEANS + FLIPS[way], "flips")
    assert answer.code == 1
    (failure,) = [each["reason"] for each in answer.document["failures"] if "not run" not in each["reason"]]
    assert "'flips'" in failure
    assert "releases" in failure


def test_an_adaptive_attack_is_given_its_own_photographs_alone(aiakit: Aiakit, tmp_path: Path) -> None:
    code = (
        MEANS
        + """
class Sees(Attack):
    knowledge = "adaptive"
    summary = "writes down how far it can see"
    def __init__(self, file: str = ""):
        self.file = file
    def fit(self, train, val, ctx):
        size, whole = len(train), train.images
        while getattr(whole, "base", None) is not None and hasattr(whole.base, "nbytes"):
            whole = whole.base
        Path(self.file).write_text(f"{np.asarray(train.images).nbytes + np.asarray(val.images).nbytes} {whole.nbytes}")
        return self
    def predict_proba(self, release):
        return np.full((len(release), 2), 0.5)
"""
    )
    seen = tmp_path / "seen"
    path = tmp_path / "plugin.py"
    path.write_text(HEAD + code)
    arguments = [word if word != "logreg" else "sees" for word in RELEASING if word != "--no-reference"]
    arguments += SHORT
    answer = aiakit(*arguments, "--defense", "means", "--plugin", path, "--out", tmp_path / "runs",
                    "--knowledge", "informed,adaptive", "--set", f"sees.file={seen}")  # fmt: skip
    assert answer.code == 0, answer.err
    own, reached = map(int, seen.read_text().split())
    assert own <= 60 * 3 * 16 * 16 * 3 / 2
    assert reached < 2 * own + 20_000, "what it reaches is a file of what it was given"


def test_an_attack_that_knows_the_data_by_heart_is_impossible_and_ranks_nowhere(aiakit: Aiakit, tmp_path: Path) -> None:
    code = """
class Plain(Defense):
    produces = ("embedding",)
    summary = "mean colours"
    def fit(self, train, val, ctx):
        return self
    def state_dict(self):
        return {}
    def load_state_dict(self, state):
        return self
    def release(self, images, rng):
        return Release(embedding=images.mean(axis=(1, 2)))
class ByHeart(Attack):
    summary = "has a table of the labels"
    def __init__(self, file: str = ""):
        self.file = file
    def fit(self, train, val, ctx):
        table = np.load(self.file)
        self.known = {row.tobytes(): label for row, label in zip(table["rows"], table["labels"])}
        return self
    def predict_proba(self, release):
        return np.eye(2)[[self.known[row.tobytes()] for row in release.embedding]]
"""
    people = {"people": 900, "images_per_person": 3}
    settings = LoadSettings(16, tmp_path / "cache")
    faces = registry.make("dataset", "synthetic", people).load(settings)
    rows = np.asarray(faces.images).mean(axis=(1, 2)).astype(np.float32)
    np.savez(tmp_path / "table.npz", rows=rows, labels=faces.attributes["gender"].values)
    (tmp_path / "plugin.py").write_text(HEAD + code)
    arguments = [word if word != "logreg" else "logreg,by-heart" for word in RELEASING if word != "--json"]
    answer = aiakit(*arguments, "--people", "900", "--defense", "plain", "--plugin", tmp_path / "plugin.py",
                    "--set", f"by-heart.file={tmp_path / 'table.npz'}", "--out", tmp_path / "runs")  # fmt: skip
    assert answer.code == 0, answer.err
    assert "impossible: a plugin or the protocol is broken" in " ".join(answer.out.split())
    assert "plain: IMPOSSIBLE: gender is read at 1.000 by by-heart" in answer.out
    (run,) = (tmp_path / "runs").iterdir()
    document = aiakit("show", run, "--json").document
    assert document["rows"][0]["verdict"] == "impossible: a plugin or the protocol is broken"
    assert "IMPOSSIBLE" in (run / "report.html").read_text()
    board = aiakit("leaderboard", run, "--format", "json").document
    assert board["rows"][0]["rank"] is None
    assert any("IMPOSSIBLE" in remark for remark in board["remarks"])
