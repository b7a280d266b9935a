"""A plugin cannot end the process, write to stdout, or leave it changed for the next one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import get_config, set_config

from aiakit.errors import InputError, PluginError
from aiakit.plugins import containment
from aiakit.plugins.containment import contained
from aiakit.plugins.registry import Entry, Registry, guard

MINE = Entry("attack", "mine", "mine:Mine", file=Path("/x/mine.py"))


def raise_(error: BaseException) -> None:
    raise error


ENDINGS: dict[str, Callable[[], Any]] = {
    "sys.exit(0)": lambda: sys.exit(0),
    "quit": lambda: raise_(SystemExit()),
    "GeneratorExit": lambda: raise_(GeneratorExit()),
    "os._exit": lambda: os._exit(0),
    "os.abort": lambda: os.abort(),
    "posix._exit": lambda: sys.modules["posix"]._exit(0),
    "os.execv": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    "own BaseException": lambda: raise_(BaseException("mine")),
}


@pytest.mark.parametrize("kind", ENDINGS)
def test_what_would_end_the_process_is_the_plugin_s_failure(kind: str) -> None:
    with pytest.raises(PluginError, match=r"attack 'mine' from file /x/mine.py"), guard(MINE):
        ENDINGS[kind]()


def test_ctrl_c_and_what_is_not_the_plugin_s_doing_pass() -> None:
    for error in (KeyboardInterrupt(), InputError("x")):
        with pytest.raises(type(error)), guard(MINE):
            raise error


def test_running_out_of_memory_names_for_whom() -> None:
    says = r"out of memory in attack 'mine' from file /x/mine.py \(Unable to allocate .*\): use fewer or smaller images"
    with pytest.raises(PluginError, match=says), guard(MINE):
        np.ones((1 << 20, 1 << 30))
    with pytest.raises(PluginError, match=r"out of memory in attack 'mine' from file /x/mine.py: use"), guard(MINE):
        raise MemoryError


def test_an_error_that_cannot_be_shown_is_named() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no")

    with pytest.raises(PluginError, match=r"Mute, which cannot be shown \(ValueError\)"), guard(MINE):
        raise Mute


def test_streams_that_are_closed_or_lost_are_there_again(capfd: pytest.CaptureFixture[str]) -> None:
    for spoil in (
        lambda: sys.stdout.close(),
        lambda: os.close(1),
        lambda: os.close(2),
        lambda: setattr(sys, "stdout", None),
        lambda: setattr(sys, "stderr", None),
    ):
        with guard(MINE):
            spoil()
        print("out")
        print("err", file=sys.stderr)
        assert capfd.readouterr() == ("out\n", "err\n")


def test_a_child_that_comes_back_ends(tmp_path: Path) -> None:
    with guard(MINE):
        child = os.fork()
    (tmp_path / str(os.getpid())).touch()  # in the child never
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_child_of_the_plugin_may_end() -> None:
    with guard(MINE):
        child = os.fork()
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_what_is_printed_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    print("before")
    with contained("it"):
        print("print")
        os.write(1, b"os.write\n")
        sys.stdout.write("sys.stdout\n")
        subprocess.run(["echo", "child"], check=True)
    print("after")
    out, err = capfd.readouterr()
    assert out == "before\nafter\n"
    assert sorted(err.split()) == ["child", "os.write", "print", "sys.stdout"]


def raising() -> int:
    return [each[0] for each in warnings.filters].count("error")


def folder() -> None:
    os.chdir("/")


def environment() -> None:
    os.environ["AIAKIT_TEST"] = "1"
    del os.environ["PATH"]


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "the working folder": (folder, os.getcwd),
    "environment variables": (environment, lambda: dict(os.environ)),
    "what warnings do": (lambda: warnings.simplefilter("error"), raising),
    "what NumPy does with errors": (lambda: np.seterr(all="raise"), np.geterr),
    "the recursion limit": (lambda: sys.setrecursionlimit(500), sys.getrecursionlimit),
    "what SIGALRM does": (
        lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGALRM),
    ),
    "scikit-learn's settings": (lambda: set_config(transform_output="pandas"), get_config),
    "torch's default type": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "torch's default device": (lambda: torch.set_default_device("meta"), torch.get_default_device),
    "whether torch keeps gradients": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "torch's threads": (lambda: torch.set_num_threads(3), torch.get_num_threads),
    "torch's determinism": (
        lambda: torch.use_deterministic_algorithms(True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "torch's search for anomalies": (
        lambda: torch.autograd.set_detect_anomaly(True),
        torch.is_anomaly_enabled,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("fails", [False, True])
def test_what_a_plugin_changes_is_put_back_and_named(name: str, fails: bool, capfd: pytest.CaptureFixture[str]) -> None:
    containment._told.clear()
    change, seen = CHANGES[name]
    before = seen()
    try:
        with contained("attack 'mine'"):
            change()
            assert seen() != before
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    assert seen() == before
    assert f"attack 'mine' changed {name}, which was put back" in capfd.readouterr().err


def test_filters_that_libraries_add_stay() -> None:
    with contained("it"):
        warnings.filterwarnings("ignore", message="a library's own")
    assert any(str(each[1]).find("a library's own") > 0 for each in warnings.filters)


def test_global_randomness_goes_on_as_if_nothing_had_drawn() -> None:
    drawn = []
    for use in (False, True):
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        if use:
            with contained("it"):
                random.random(), np.random.rand(), torch.rand(5), torch.manual_seed(9)
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert drawn[0] == drawn[1]


def test_a_file_that_ends_or_prints_at_import(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for code in ("import os; os._exit(0)", "import sys; sys.exit(0)", "raise GeneratorExit"):
        (tmp_path / "bad.py").write_text(code)
        with pytest.raises(InputError, match=r"the plugin file .*bad.py.* cannot be loaded"):
            Registry().register_file(tmp_path / "bad.py")
    (tmp_path / "loud.py").write_text("import os; print('hello'); os.write(1, b'there')")
    with pytest.raises(InputError, match="defines no plugin"):
        Registry().register_file(tmp_path / "loud.py")
    assert capfd.readouterr().out == ""
