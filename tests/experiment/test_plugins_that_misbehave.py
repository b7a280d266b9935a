"""Plugins that end, hang, print or leave the process changed: named, and the others go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.experiment.apart import TEMPLATE
from tests.clusters import cluster_of
from tests.conftest import Answer
from tests.processes import run

Aiakit = Callable[..., Answer]
HEAD = """
import os, sys, time
import numpy as np
from aiakit.contracts import Attack
{at_import}
"""
PLUGIN = """

class {name}(Attack):
    view = "embedding"
    summary = "misbehaves"
    def fit(self, train, val, ctx):
        {in_fit}
        return self
    def predict_proba(self, release):
        {in_predict}
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


def plugin(name: str, statement: str) -> str:
    late = name.endswith("late")
    in_fit, in_predict = ("pass", statement) if late else (statement, "pass")
    return PLUGIN.format(name=name.capitalize(), in_fit=in_fit, in_predict=in_predict)


def arguments(npz: Path, in_fit: Mapping[str, str], at_import: str = "", beside: str = ",logreg") -> list[Any]:
    """An audit by the attacks of one file, given as name → what it does in ``fit``, and by those beside them.

    One whose name ends in "late" does it in ``predict_proba``.
    """
    path = npz.parent / "bad.py"
    path.write_text(HEAD.format(at_import=at_import) + "".join(map(plugin, in_fit, in_fit.values())))
    given = [
        "audit",
        npz,
        "--folds",
        "1",
        "--attribute",
        "gender",
        "--attacks",
        ",".join(in_fit) + beside,
        "--plugin",
        path,
    ]
    return [*given, "--no-utility", "--out", npz.parent / "runs", "--json"]


ENDINGS = {
    "exits": "sys.exit(0)",
    "closes": "raise GeneratorExit",
    "leaves": "os._exit(0)",
    "aborts": "os.abort()",
    "raises": "raise BaseException('mine')",
}


ENDINGS |= {f"{name}late": statement for name, statement in ENDINGS.items()}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_attacks_that_end_the_process_fail_alone(aiakit: Aiakit, npz: Path, jobs: str) -> None:
    answer = aiakit(*arguments(npz, ENDINGS), "--jobs", jobs)
    assert answer.code == 1
    document = answer.document
    assert document["complete"] is False
    reasons = [str(failure) for failure in document["failures"]]
    assert len(reasons) == len(ENDINGS)
    for name in ENDINGS:
        assert any(f"attack '{name}'" in reason and "bad.py" in reason for reason in reasons)
    assert document["rows"][0]["attacks"]["logreg"]["balanced_accuracy"] > 0.7


def test_only_such_an_attack_is_no_success(aiakit: Aiakit, npz: Path) -> None:
    assert aiakit(*arguments(npz, {"bad": "sys.exit(0)"}, beside="")).code == 1
    for statements in ({"bad": "sys.exit(0)"}, ENDINGS):
        arguments(npz, {name: each for name, each in statements.items() if "abort" not in name})
        answer = aiakit("check", npz.parent / "bad.py", "--json")
        assert answer.code == 1
        assert all(any(check["status"] == "fail" for check in each["checks"]) for each in answer.document["plugins"])
    (npz.parent / "other").mkdir()
    other = npz.rename(npz.parent / "other" / npz.name)
    answer = aiakit(*arguments(other, {"bad": "pass"}, at_import="sys.exit(0)"))
    assert answer.code == 2
    assert "bad.py" in answer.message


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_run_and_a_sweep_without_an_attack_that_ends_are_unfinished(aiakit: Aiakit, npz: Path, command: str) -> None:
    arguments(npz, ENDINGS)
    data = ("--dataset", "table", "--data-root", npz, "--attribute", "gender", "--identity", "person")
    given = ("--defense", "vib", "--set", "vib.epochs=1", "--attacks", ",".join(ENDINGS) + ",logreg", "--jobs", "1")
    over = ("--set", "beta=0.1,1") if command == "sweep" else ()
    plugged = ("--plugin", npz.parent / "bad.py", "--no-utility", "--out", npz.parent / "runs", "--json")
    answer = aiakit(command, *data, *given, *over, *plugged)
    assert answer.code == 1, answer.err
    assert answer.document["complete"] is False
    text = json.dumps(answer.document)
    assert all(f"attack '{name}'" in text for name in ENDINGS)


def test_what_an_attack_prints_does_not_reach_the_document(npz: Path) -> None:
    loud = "print('import'); os.write(1, b'import\\n')"
    in_fit = "print('fit'); os.write(1, b'fit\\n'); sys.__stdout__.write('raw'); os.system('echo child')"
    done = run(*arguments(npz, {"bad": in_fit}, loud), "--jobs", "2")
    assert done.returncode == 0
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


def test_what_attacks_change_does_not_reach_the_next(
    aiakit: Aiakit, npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(npz.parent)
    given = arguments(Path(npz.name), CHANGES, beside=",gender-mlp")
    answer = aiakit(*given, "--jobs", "1", "--set", "gender-mlp.epochs=1")
    assert answer.code == 0, answer.err
    assert set(answer.document["rows"][0]["attacks"]) == {*CHANGES, "gender-mlp"}
    assert Path.cwd() == npz.parent
    told = [line for line in answer.err.splitlines() if "was put back" in line or "were put back" in line]
    for name in CHANGES:
        assert name == "seed" or any(f"'{name}'" in line for line in told)


HANGS = {
    "sleep": "time.sleep(600)",
    "library": "import ctypes; lock, c = ctypes.create_string_buffer(64), ctypes.CDLL(None); "
    "[c.pthread_mutex_lock(lock) for _ in '12']",
    "loop": "exec('while True:\\n try:\\n  time.sleep(1)\\n except Exception: pass')",
}


@pytest.mark.parametrize(("kinds", "jobs"), [(("library",), "1"), (("loop", "sleep"), "2")])
def test_an_attack_that_hangs_fails_in_time(aiakit: Aiakit, npz: Path, kinds: tuple[str, ...], jobs: str) -> None:
    with closing(TEMPLATE.process()[0]):  # libraries are loaded before time runs
        given = arguments(npz, {kind: HANGS[kind] for kind in kinds})
        answer = aiakit(*given, "--cell-timeout", "4", "--jobs", jobs)
    assert answer.code == 1
    failures = answer.document["failures"]
    assert len(failures) == len(kinds)
    for kind in kinds:
        assert any(f" {kind} " in f" {failure['cell']} " for failure in failures)
    assert all("it took longer than the --cell-timeout of 4 s" in failure["reason"] for failure in failures)
    assert "logreg" in answer.document["rows"][0]["attacks"]


def test_attacks_that_hang_or_end_a_worker_of_a_cluster_fail(aiakit: Aiakit, npz: Path) -> None:
    with cluster_of(1) as cluster:
        engine = ("--engine", "dask", "--scheduler", cluster.scheduler_address)
        given = arguments(npz, {"hangs": HANGS["library"], "leaves": "os._exit(0)"})
        answer = aiakit(*given, *engine, "--cell-timeout", "10")
    assert answer.code == 1
    reasons = [failure["reason"] for failure in answer.document["failures"]]
    assert len(reasons) == 2
    assert any("it took longer than the --cell-timeout of 10 s" in reason for reason in reasons)
    assert any("attack 'leaves'" in reason and "it called os._exit(0)" in reason for reason in reasons)
    assert "logreg" in answer.document["rows"][0]["attacks"]


QUIET = {  # what makes no failure of an attack
    "thread": "threading.Timer(0.5, lambda: os._exit(0)).start(); time.sleep(2)",  # its thread alone ends
    "ending": "atexit.register(lambda: os._exit(0))",
    "printing": "atexit.register(print, 'loud'); atexit.register(os.write, 1, b'loud')",
    "threads": "[threading.Timer(0.1 * at, os.write, (1, b'loud')).start() for at in range(60)]",
    "child": "os.system('(sleep 1; echo loud) &')",
}
LATER = "threading.Timer(0.5, lambda: os._exit(0)).start()"  # before its answer or after it, as it happens


@pytest.mark.parametrize("at_import", [False, True])
def test_what_outlives_a_call_neither_prints_nor_makes_a_success(npz: Path, at_import: bool) -> None:
    imports = "import atexit, threading"
    if at_import:
        statements = "\n".join(statement for name, statement in QUIET.items() if name != "thread")
        given = arguments(npz, {"later": "pass"}, f"{imports}\n{statements}")
    else:
        given = arguments(npz, QUIET | {"later": LATER}, imports)
    done = run(*given, "--jobs", "1")
    assert "loud" not in done.stdout
    document = json.loads(done.stdout)
    assert done.returncode == (0 if document["complete"] else 1), done.stderr
    assert all("later" in failure["cell"] for failure in document["failures"])
    assert "logreg" in document["rows"][0]["attacks"]


def test_a_program_that_is_ended_has_finished_nothing(npz: Path) -> None:
    given = arguments(npz, {"bad": "pass"}, f"import threading; {LATER}")  # while a fresh process loads libraries
    words = [sys.executable, "-m", "aiakit", *map(str, given), "--jobs", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert not done.stdout
    assert "the program was ended by a library or a plugin, and nothing was finished" in done.stderr


def test_an_exit_code_is_the_command_s_own_whatever_ends_the_process(npz: Path) -> None:
    at_import = "import atexit; atexit.register(lambda: os._exit(0))"
    done = run(*arguments(npz, {"bad": "sys.exit(0)"}, at_import), "--jobs", "1")
    assert done.returncode == 1
    assert json.loads(done.stdout)["complete"] is False


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_narrow_terminal_gets_replaced_characters(npz: Path, encoding: str) -> None:
    audit = [str(each) for each in arguments(npz, {"bad": "pass"}) if each != "--json"]
    drawing = ["data", "--people", "40", "--image-size", "16"]
    for given in (audit, drawing, ["list", "attacks"]) if encoding == "ascii" else (drawing,):
        done = run(*given, env={**os.environ, "PYTHONIOENCODING": encoding})
        assert done.returncode == 0, done.stderr
        assert "bug" not in done.stderr


def test_a_closed_stdout_is_a_broken_pipe(npz: Path) -> None:
    listing = f"{sys.executable} -m aiakit list attacks"
    for closed in (">&-", ">&- 2>&-", "<&- >&-"):
        done = subprocess.run(["sh", "-c", f"{listing} {closed}"], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "bug" not in done.stderr
    full = subprocess.run(["sh", "-c", f"{listing} > /dev/full"], capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert "no space left" in full.stderr
