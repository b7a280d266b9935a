"""The process that the processes of plugins are forked from: libraries are loaded in it, and no data ever is.

Elsewhere than on Linux, where libraries do not bear a fork, each plugin has a fresh interpreter instead.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import sys
import threading
from multiprocessing.util import spawnv_passfds

FORKS = sys.platform == "linux"
START = """
import sys
sys.path[:] = {path!r}
from aiakit.experiment.apart import template
template.serve({handle}, {torch!r})
"""


class Template:
    """The handle on the template of this process, which is started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._owner = 0

    def process(self) -> tuple[socket.socket, int]:
        """A connection to a new process, and its number."""
        with self._lock:
            here, there = socket.socketpair()
            with there:
                if self._control is None or self._owner != os.getpid():
                    self._keep(_start())
                assert self._control is not None
                try:
                    number = _ask(self._control, there)
                except OSError:  # it has died, or was killed
                    self._keep(_start())
                    number = _ask(self._control, there)
                if not FORKS:
                    self._control = None
            return here, number

    def fork(self) -> None:
        """Start the template as a fork of this process, which has loaded libraries, but no data yet."""
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            handle = theirs.detach()
            os.closerange(3, handle)  # what else this process has open is not the plugins'
            os.closerange(handle + 1, os.sysconf("SC_OPEN_MAX"))
            try:
                serve(handle, "torch" in sys.modules)
            finally:
                os._exit(0)
        theirs.close()
        self._keep(ours)

    def _keep(self, control: socket.socket) -> None:
        self._control, self._owner = control, os.getpid()
        atexit.register(control.close)


def _start() -> socket.socket:
    ours, theirs = socket.socketpair()
    code = START.format(path=sys.path, handle=theirs.fileno(), torch="torch" in sys.modules)
    with theirs:
        spawnv_passfds(sys.executable.encode(), [sys.executable, "-c", code], [theirs.fileno()])
    return ours


def _ask(control: socket.socket, connection: socket.socket) -> int:
    try:
        output = os.dup(2)
    except OSError:  # it is closed
        output = os.open(os.devnull, os.O_WRONLY)
    try:
        socket.send_fds(control, [b"."], [connection.fileno(), output])
    finally:
        os.close(output)
    answer = control.recv(8)
    if len(answer) < 8:
        raise OSError("the template has gone")
    return int.from_bytes(answer, "little")


def serve(handle: int, torch: bool) -> None:
    """Runs in the template: fork a process for every connection that arrives, until the other end is closed.

    torch : whether to load it, which takes seconds, and which whoever asks has done.
    """
    os.setsid()  # Ctrl-C is the business of whoever waits for an answer
    with open(os.devnull, "r+b") as nothing:
        for stream in (0, 1):
            os.dup2(nothing.fileno(), stream)
    import scipy.special  # noqa: F401  loaded once, for all that are forked
    import sklearn.linear_model  # noqa: F401

    from aiakit.experiment.apart import child
    from aiakit.plugins.registry import REGISTRY

    REGISTRY.names("attack")  # what is installed is looked through once, too
    if torch:
        import torch as _loaded  # noqa: F401
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes
    control = socket.socket(fileno=handle)
    while True:
        _, handles, _, _ = socket.recv_fds(control, 1, 2)
        if len(handles) < 2:
            return
        number = os.fork() if FORKS else 0
        if number == 0:
            if not FORKS:
                control.sendall(os.getpid().to_bytes(8, "little"))
            control.close()
            os.dup2(handles[1], 1)
            os.dup2(handles[1], 2)
            os.close(handles[1])
            code = 1
            try:
                child.run(socket.socket(fileno=handles[0]))
                code = 0
            finally:
                with contextlib.suppress(Exception):
                    sys.stderr.flush()
                os._exit(code)
        for each in handles:
            os.close(each)
        control.sendall(number.to_bytes(8, "little"))
