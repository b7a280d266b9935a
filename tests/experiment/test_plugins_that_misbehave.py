"""Plugins that end, hang, print or leave the process changed: named, and the others go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster

from tests.conftest import Answer

Aiakit = Callable[..., Answer]
PLUGIN = """
import os, sys, time
import numpy as np
from aiakit.contracts import Attack
{at_import}

class Bad(Attack):
    view = "embedding"
    summary = "misbehaves"
    def fit(self, train, val, ctx):
        {in_fit}
        return self
    def predict_proba(self, release):
        return np.full((len(release), 2), 0.5)
"""


pytestmark = pytest.mark.usefixtures("no_plugin_files")


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(60), 3)
    rows = rng.normal(size=(60, 8))[person] + 0.3 * rng.normal(size=(180, 8))
    rows[:, 0] += 3 * (person % 2)
    np.savez(tmp_path / "emb.npz", e=rows, person=person, gender=person % 2)
    return tmp_path / "emb.npz"


def arguments(npz: Path, in_fit: str, at_import: str = "", attacks: str = "bad,logreg") -> list[Any]:
    path = npz.parent / "bad.py"
    path.write_text(PLUGIN.format(in_fit=in_fit, at_import=at_import))
    given = ["audit", npz, "--attribute", "gender", "--attacks", attacks, "--plugin", path, "--no-utility"]
    return [*given, "--out", npz.parent / "runs", "--json"]


ENDINGS = {
    "exit": "sys.exit(0)",
    "generator": "raise GeneratorExit",
    "_exit": "os._exit(0)",
    "abort": "os.abort()",
    "own": "raise BaseException('mine')",
}


@pytest.mark.parametrize(("kind", "jobs"), [*((kind, "1") for kind in ENDINGS), ("_exit", "2")])
def test_an_attack_that_ends_the_process_fails_alone(aiakit: Aiakit, npz: Path, kind: str, jobs: str) -> None:
    answer = aiakit(*arguments(npz, ENDINGS[kind]), "--jobs", jobs)
    assert answer.code == 1
    document = answer.document
    assert document["complete"] is False
    assert any("'bad'" in reason and "bad.py" in reason for reason in map(str, document["failures"]))
    assert document["rows"][0]["attacks"]["logreg"]["balanced_accuracy"] > 0.7


def test_only_such_an_attack_is_no_success(aiakit: Aiakit, npz: Path) -> None:
    assert aiakit(*arguments(npz, "sys.exit(0)", attacks="bad")).code == 1
    answer = aiakit("check", npz.parent / "bad.py", "--json")
    assert answer.code == 1
    assert answer.document["failed"] > 0
    (npz.parent / "other").mkdir()
    other = npz.rename(npz.parent / "other" / npz.name)
    answer = aiakit(*arguments(other, "pass", at_import="sys.exit(0)"))
    assert answer.code == 2
    assert "bad.py" in answer.message


def test_what_an_attack_prints_does_not_reach_the_document(npz: Path) -> None:
    loud = "print('import'); os.write(1, b'import\\n')"
    given = arguments(
        npz, "print('fit'); os.write(1, b'fit\\n'); sys.__stdout__.write('raw'); os.system('echo child')", loud
    )
    for jobs in ("1", "2"):
        command = [sys.executable, "-m", "aiakit", *map(str, given), "--jobs", jobs, "--name", jobs]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["complete"] is True
        assert "fit" in done.stderr


CHANGES = {
    "type": "import torch; torch.set_default_dtype(torch.float64)",
    "gradients": "import torch; torch.set_grad_enabled(False)",
    "threads": "import torch; torch.set_num_threads(7)",
    "seed": "np.random.seed(0)",
    "warnings": "import warnings; warnings.simplefilter('error')",
    "folder": "os.chdir('/')",
    "environment": "os.environ['OMP_NUM_THREADS'] = 'many'",
    "errors": "np.seterr(all='raise')",
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_an_attack_changes_does_not_reach_the_next(
    aiakit: Aiakit, npz: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(npz.parent)
    given = arguments(Path(npz.name), CHANGES[kind], attacks="bad,gender-mlp")
    answer = aiakit(*given, "--jobs", "1", "--set", "gender-mlp.epochs=1")
    assert answer.code == 0, answer.err
    assert set(answer.document["rows"][0]["attacks"]) == {"bad", "gender-mlp"}
    assert Path.cwd() == npz.parent
    if kind != "seed":
        assert "'bad'" in answer.err
        assert "was put back" in answer.err


HANGS = {
    "sleep": "time.sleep(600)",
    "library": "import ctypes; lock, c = ctypes.create_string_buffer(64), ctypes.CDLL(None); "
    "[c.pthread_mutex_lock(lock) for _ in '12']",
    "loop": "exec('while True:\\n try:\\n  time.sleep(1)\\n except Exception: pass')",
}


@pytest.mark.parametrize(("kind", "jobs"), [("loop", "1"), ("library", "1"), ("sleep", "2")])
def test_an_attack_that_hangs_fails_in_time(aiakit: Aiakit, npz: Path, kind: str, jobs: str) -> None:
    answer = aiakit(*arguments(npz, HANGS[kind]), "--cell-timeout", "8", "--jobs", jobs)
    assert answer.code == 1
    (failure,) = answer.document["failures"]
    assert "bad" in failure["cell"]
    assert "it took longer than the --cell-timeout of 8 s" in failure["reason"]
    assert "logreg" in answer.document["rows"][0]["attacks"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (HANGS["library"], "it took longer than the --cell-timeout of 10 s"),
        ("os._exit(0)", "it called os._exit(0)"),
    ],
)
def test_an_attack_that_hangs_or_ends_a_worker_of_a_cluster_fails(
    aiakit: Aiakit, npz: Path, statement: str, reason: str
) -> None:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        engine = ("--engine", "dask", "--scheduler", cluster.scheduler_address)
        answer = aiakit(*arguments(npz, statement), *engine, "--cell-timeout", "10")
    assert answer.code == 1
    (failure,) = answer.document["failures"]
    assert reason in failure["reason"]
    assert "logreg" in answer.document["rows"][0]["attacks"]


LATE = {
    "thread": ("threading.Timer(0.5, lambda: os._exit(0)).start(); time.sleep(2)", 0),  # its thread alone ends
    "later": ("threading.Timer(0.5, lambda: os._exit(0)).start()", 1),
    "at exit": ("atexit.register(lambda: os._exit(0))", 0),
    "print at exit": ("atexit.register(print, 'loud'); atexit.register(os.write, 1, b'loud')", 0),
    "threads": ("[threading.Timer(0.1 * at, os.write, (1, b'loud')).start() for at in range(60)]", 0),
    "child": ("os.system('(sleep 1; echo loud) &')", 0),
}


@pytest.mark.parametrize("kind", LATE)
def test_what_outlives_a_call_neither_prints_nor_makes_a_success(npz: Path, kind: str) -> None:
    statement, code = LATE[kind]
    given = [*arguments(npz, statement, at_import="import atexit, threading"), "--jobs", "1"]
    command = [sys.executable, "-m", "aiakit", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "loud" not in done.stdout
    if kind == "later":  # before the document or after it, as it happens
        code = 0 if done.stdout else 1
    assert done.returncode == code, done.stderr
    if code == 0:
        assert json.loads(done.stdout)["complete"] is True
    elif kind == "later":
        assert "the program was ended by a library or a plugin, and nothing was finished" in done.stderr


def test_an_exit_code_is_the_command_s_own_whatever_ends_the_process(npz: Path) -> None:
    at_import = "import atexit; atexit.register(lambda: os._exit(0))"
    given = [*arguments(npz, "sys.exit(0)", at_import=at_import), "--jobs", "1"]
    done = subprocess.run([sys.executable, "-m", "aiakit", *map(str, given)], capture_output=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["complete"] is False


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_narrow_terminal_gets_replaced_characters(npz: Path, encoding: str) -> None:
    given = [str(each) for each in arguments(npz, "pass", attacks="logreg") if each != "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for command in (given, ["list", "attacks"], ["data", "--people", "40", "--image-size", "16"]):
        done = subprocess.run(
            [sys.executable, "-m", "aiakit", *command], capture_output=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr
        assert b"bug" not in done.stderr


def test_a_closed_stdout_is_a_broken_pipe(npz: Path) -> None:
    command = f"{sys.executable} -m aiakit list attacks"
    for closed in (">&-", ">&- 2>&-", "<&- >&-"):
        done = subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "bug" not in done.stderr
    full = subprocess.run(["sh", "-c", f"{command} > /dev/full"], capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert "no space left" in full.stderr
