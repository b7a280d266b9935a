"""No figure depends on a number of threads that its cell's name does not hold."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from aiakit.experiment.libraries import Libraries
from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.experiment.threads import VARIABLES, limited
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
# A defense and an attack that say how many threads they were given, and how many they would take unasked.
TELLING = """
import ctypes
import os
import shutil
import sys
import numpy as np
from aiakit.contracts import Attack, EmbeddingDefense, Release

def seen(ctx):
    import sklearn.cluster, torch
    from threadpoolctl import threadpool_info
    pools = [pool["num_threads"] for pool in threadpool_info()]
    return [ctx.threads, torch.get_num_threads(), min(pools), max(pools), int(os.environ["OMP_NUM_THREADS"])]

class TellingDefense(EmbeddingDefense):
    summary = "tells"
    def fit(self, train, val, ctx):
        self.seen = np.array(seen(ctx), np.float32)
        return self
    def release(self, embedding, rng):
        return Release(embedding=np.hstack([embedding, np.tile(self.seen, (len(embedding), 1))]))
    def state_dict(self):
        return {"seen": self.seen}
    def load_state_dict(self, state):
        self.seen = np.asarray(state["seen"])
        return self

class TellingAttack(Attack):
    view = "embedding"
    summary = "tells"
    def fit(self, train, val, ctx):
        self.p = 1 / (1 + int("".join(map(str, seen(ctx)))))
        return self
    def predict_proba(self, release):
        return np.tile([self.p, 1 - self.p], (len(release), 1))
"""


def bytes_of(run: Path) -> dict[str, dict[str, bytes]]:
    return {
        cell.name: {path.name: path.read_bytes() for path in cell.glob("*.safetensors")}
        for cell in (run / "cells").iterdir()
    }


@pytest.mark.usefixtures("no_plugin_files")
def test_the_same_cell_has_the_same_bytes_with_any_jobs_and_threads(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "telling.py").write_text(TELLING)
    asked = ["run", "--defense", "telling-defense", "--attacks", "telling-attack,knn", "--no-reference", *TINY, *SHORT]
    asked += ["--plugin", tmp_path / "telling.py", "--out", tmp_path]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = {}
    for threads, jobs in (("1", "1"), ("1", "2"), ("2", "2")):
        answer = aiakit(*asked, "--threads", threads, "--jobs", jobs, "--name", f"{threads}-{jobs}")
        assert answer.code == 0, answer.err
        found[threads, jobs] = bytes_of(tmp_path / f"{threads}-{jobs}")
    assert found["1", "1"] == found["1", "2"]
    shared = found["1", "2"].keys() & found["2", "2"].keys()
    assert len(shared) == 1, "splits and pairs"
    assert all(found["1", "2"][digest] == found["2", "2"][digest] for digest in shared)

    for threads in (1, 2):
        run = Run.open(tmp_path / f"{threads}-2")
        plan = make_plan(run.config)
        (release,) = plan.releases.values()
        told = run.store.read(release.digest).tensors("release")["embedding"][:, 16:]
        assert np.array_equal(np.unique(told, axis=0), [[threads] * 5])
        (attack,) = (cell for key, cell in plan.attacks.items() if key.attack == "telling-attack")
        assert np.allclose(run.store.read(attack.digest).tensors("scores")["test"][:, 0], 1 / (1 + 11111))

    again = aiakit(*asked, "--threads", "2", "--jobs", "1", "--name", "1-1")
    assert again.code == 2
    assert "--threads, which was 1" in again.message


def test_libraries_that_are_loaded_meanwhile_are_limited_too() -> None:
    import torch

    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    variables = {name: os.environ.get(name) for name in VARIABLES}
    ambient = torch.get_num_threads()
    with limited(3):
        assert torch.get_num_threads() == 3
        assert {pool["num_threads"] for pool in threadpool_info()} == {3}
        assert {os.environ[name] for name in VARIABLES} == {"3"}
    assert torch.get_num_threads() == ambient
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}.items() >= before.items()
    assert {name: os.environ.get(name) for name in VARIABLES} == variables


@pytest.mark.skipif(sys.platform != "linux", reason="its libraries have other names elsewhere")
def test_libraries_are_looked_for_again_once_anything_was_loaded(tmp_path: Path) -> None:
    libraries = Libraries()
    before = libraries.controller()
    assert libraries.controller() is before
    known = [library.filepath for library in before.lib_controllers]
    copied = shutil.copy(next(path for path in known if "gomp" in Path(path).name), tmp_path)
    ctypes.CDLL(copied)  # by no import
    found = {library.filepath for library in libraries.controller().lib_controllers}
    assert found == {*known, copied}
