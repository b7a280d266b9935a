"""Commands in processes of their own, forked from one that has loaded the libraries and computed nothing.

A fresh interpreter takes seconds to load torch and scikit-learn. Tests of how a process starts take one nevertheless
(``subprocess``), and so does every test elsewhere than on Linux, where libraries do not bear a fork.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from multiprocessing import forkserver, util
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiakit.experiment.apart import FORKS, TEMPLATE
from aiakit.experiment.config import framework_fingerprint
from benchmarks.stress.processes import Process

LOADED = ("aiakit.cli.audit", "aiakit.cli.run", "aiakit.experiment.cells", "aiakit.report.html", "torch._dynamo")
SERVE = "import sys; sys.path[:] = {path!r}; from tests import processes; processes.serve({handle})"


class Forked:
    """A process that was begun: what tests need of ``subprocess.Popen``. It leads a session of its own."""

    def __init__(self, connection: socket.socket) -> None:
        self._said = connection.makefile()
        self.pid = int(self._said.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code as ``Popen`` has it, or None while the process runs."""
        if self.returncode is None and select.select([self._said], [], [], 0)[0]:
            self.returncode = int(self._said.readline())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises TimeoutError where it takes longer than so many seconds."""
        if self.returncode is None and not select.select([self._said], [], [], timeout)[0]:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
        code = self.poll()
        assert code is not None
        return code


def begin(
    words: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: Any = subprocess.DEVNULL,
    stderr: Any = subprocess.DEVNULL,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    start_new_session: bool = True,
) -> Process:
    """As ``subprocess.Popen`` begins ``python … -m MODULE …``, with streams that are files. The session is always new.

    What libraries read of the environment when they are loaded is read already.
    """
    if not FORKS:
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        return subprocess.Popen(words, **streams, cwd=cwd, env=env, start_new_session=start_new_session)
    ours, theirs = socket.socketpair()
    with open(os.devnull, "r+b") as nothing, theirs:
        handles = [(nothing if each == subprocess.DEVNULL else each) for each in (stdin, stdout, stderr)]
        numbers = [each if isinstance(each, int) else each.fileno() for each in handles]
        socket.send_fds(_server(), [b"."], [theirs.fileno(), *numbers])
    program = list(words[words.index("-m") + 1 :])
    asked = {"words": program, "cwd": str(cwd or Path.cwd()), "env": dict(os.environ if env is None else env)}
    ours.sendall(f"{json.dumps(asked)}\n".encode())
    return Forked(ours)


def run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``aiakit`` with these arguments, to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        words = [sys.executable, "-m", "aiakit", *map(str, arguments)]
        code = begin(words, stdout=out, stderr=err, env=env).wait()
        said = [(file.seek(0), file.read().decode(errors="replace"))[1] for file in (out, err)]
    return subprocess.CompletedProcess(words, code, *said)


@cache
def _server() -> socket.socket:
    """The process that others are forked from; it ends with this one."""
    ours, theirs = socket.socketpair()
    with theirs:
        code = SERVE.format(path=sys.path, handle=theirs.fileno())
        util.spawnv_passfds(sys.executable.encode(), [sys.executable, "-c", code], [theirs.fileno()])
    return ours


def serve(handle: int) -> None:
    """Runs in that process, and returns never; in a fork of it, ends as the module that is asked for."""
    os.setsid()  # Ctrl-C is not its business
    for name in LOADED:
        importlib.import_module(name)
    framework_fingerprint()  # of sources that every process would read
    os.fsync = os.fstat  # type: ignore[assignment]  # nobody waits for the disk: what a killed process wrote is kept
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    control = socket.socket(fileno=handle)
    while True:
        _, handles, _, _ = socket.recv_fds(control, 1, 4)
        if not handles:
            sys.exit()
        if os.fork() == 0:
            control.close()
            _wait(socket.socket(fileno=handles[0]), handles[1:])
            return
        for each in handles:
            os.close(each)


def _wait(connection: socket.socket, streams: Sequence[int]) -> None:
    """Say the number of a process and, when it has ended, its exit code; runs the module in that process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked = json.loads(connection.makefile().readline())
    number = os.fork()
    if number == 0:
        connection.close()
        _become(asked, streams)
        return
    for each in streams:
        os.close(each)
    connection.sendall(f"{number}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    connection.sendall(f"{code}\n".encode())
    os._exit(0)


def _become(asked: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Be the process of a command: its session, streams, folder, environment and words."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding=encoding, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", os.isatty(1) or -1, encoding, closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, encoding, "backslashreplace", closefd=False)
    _fork_worker_server()
    TEMPLATE.fork()  # that of plugins
    sys.argv = list(asked["words"])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _fork_worker_server() -> None:
    """Start what multiprocessing forks workers from: forked as well, so that it need not load the libraries again."""
    spawn = util.spawnv_passfds

    def fork(path: Any, words: Any, handles: Any) -> int:
        if not any("forkserver" in str(word) for word in words):  # that of shared memory, which is small
            return spawn(path, words, handles)
        number = os.fork()
        if number == 0:
            _close_all_but(0, 1, 2, *handles)
            with suppress(SystemExit):  # its end, when this process has ended
                forkserver.main(*handles, preload=[])
            os._exit(0)
        return number

    forkserver.set_forkserver_preload([])
    with patch.object(util, "spawnv_passfds", fork):
        forkserver.ensure_running()


def _close_all_but(*handles: int) -> None:
    for low, high in pairwise([*sorted(handles), os.sysconf("SC_OPEN_MAX")]):
        os.closerange(low + 1, high)
