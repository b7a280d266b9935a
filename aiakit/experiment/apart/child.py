"""Runs in the process of one plugin: makes it, and calls it with what arrives."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from os import _exit  # the real one: while a plugin runs, os._exit is another
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.contracts import Context, Release, State
from aiakit.datasets.parallel import threads_in_all
from aiakit.errors import AiakitError, Diverged, InputError, PluginError
from aiakit.experiment.apart import packing
from aiakit.experiment.apart.wire import Arrays, Channel, Gone, Message
from aiakit.experiment.costs import forget_peak, peak_mib
from aiakit.experiment.threads import set_threads
from aiakit.plugins import registry

ENDED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP
OPENINGS = ("open", "os.listdir", "os.scandir")
Answer = tuple[Message, Arrays]


def run(connection: socket.socket) -> None:
    """Serve the cell at the other end until it hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    channel = Channel(connection, Path(), "c", packing.PHOTOGRAPHS)
    served = _Served(channel)
    forget_peak()
    while True:
        try:
            message, arrays = channel.receive()
        except Gone:
            return
        try:
            answer, found = served.handle(message, arrays)
            channel.send({**answer, "peak_mib": peak_mib()}, found)
        except Gone:
            return
        except BaseException as error:  # whatever it is, the cell is told
            answer, found = _described(error, message)
            channel.send({**answer, "peak_mib": peak_mib()}, found)


def _end_with(connection: socket.socket) -> None:
    """A process whose cell has gone has nobody to work for."""
    poll = select.poll()
    poll.register(connection, ENDED)
    poll.poll()
    _exit(1)


def _described(error: BaseException, message: Message) -> Answer:
    """An error in plain values, and the last good state of training that diverged."""
    if isinstance(error, Diverged):
        state = {name: np.asarray(value) for name, value in error.state.items()}
        return {"error": "diverged", "text": str(error)}, state
    if isinstance(error, InputError):
        return {"error": "input", "text": str(error)}, {}
    if isinstance(error, MemoryError):
        return {"error": "memory", "text": str(error)}, {}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {"error": "disk", "text": str(error.strerror), "errno": error.errno}, {}
    text = str(error) if isinstance(error, AiakitError) else f"{message['ask']}: {type(error).__name__}: {error}"
    return {"error": "plugin", "text": text}, {}


class _Served:
    """The plugin and what it is asked. Every method answers one message."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.plugin: Any = None

    def handle(self, message: Message, arrays: Arrays) -> Answer:
        asked: Callable[[Message, Arrays], Answer] = getattr(self, f"on_{message['ask']}")
        return asked(message, arrays)

    def on_make(self, message: Message, arrays: Arrays) -> Answer:
        os.environ.clear()
        os.environ.update(message["environment"])
        set_threads(threads_in_all())  # the cell's, which its environment says
        os.chdir(message["cwd"])
        self.channel.folder = Path(message["folder"])
        _shut(message["shut"])
        for path in message["files"]:
            registry.register_file(path)
        self.entry = registry.entry(message["kind"], message["name"])
        self.plugin = registry.make(message["kind"], message["name"], message["params"])
        return {}, {}

    def on_fit(self, message: Message, arrays: Arrays) -> Answer:
        classes = tuple(message["classes"])
        train, val = (packing.to_known(message["known"], arrays, f"{part}.", classes) for part in ("train", "val"))
        ctx = Context(**message["context"], report=self._report, memo=self._remember)
        with registry.guard(self.entry):
            self.plugin.fit(train, val, ctx)
        return {}, {}

    def on_measure(self, message: Message, arrays: Arrays) -> Answer:
        train, val = (packing.to_paired(message["known"], arrays, f"{part}.") for part in ("train", "val"))
        ctx = Context(**message["context"], report=self._report, memo=self._remember)
        with registry.guard(self.entry):
            self.plugin.fit(train, val, ctx)
            return {"setting": str(self.plugin.setting)}, {}

    def on_points(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            made = getattr(self.plugin, message["method"])(arrays["points"])
            return {}, {"points": np.asarray(made, np.float64)}

    def on_learns_from(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            return {"rows": int(self.plugin.learns_from(message["rows"]))}, {}

    def on_predict(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            return {}, {"proba": np.asarray(self.plugin.predict_proba(packing.to_release(arrays)))}

    def on_predict_log(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            logs = self.plugin.predict_log_proba(packing.to_release(arrays))
        return {}, {} if logs is None else {"logs": np.asarray(logs)}

    def on_approximation(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            said = self.plugin.approximation(message["rows"])
        return {"said": None if said is None else str(said)}, {}

    def on_state(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            return {}, {str(name): np.asarray(array) for name, array in self.plugin.state_dict().items()}

    def on_restore(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            self.plugin.load_state_dict(dict(arrays))
        return {}, {}

    def on_release(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            released = self.plugin.release(arrays["source"], packing.to_rng(message["rng"]))
        if not isinstance(released, Release):
            raise PluginError(f"{self.entry}: release() must return a Release, not {type(released).__name__}")
        return {}, packing.of_release(released)

    def on_encode(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            made = np.asarray(self.plugin.encode(arrays["source"], tuple(message["files"])))
            return {"notes": list(map(str, self.plugin.notes))}, {"embedding": made}

    def on_claim(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            claim = self.plugin.claim(packing.to_release(arrays))
        return {}, {} if claim is None else {"claim": np.asarray(claim)}

    def on_invert(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            inverted = self.plugin.invert(arrays["embedding"])
        return {}, {} if inverted is None else {"inverted": np.asarray(inverted)}

    def on_bound(self, message: Message, arrays: Arrays) -> Answer:
        with registry.guard(self.entry):
            bound = self.plugin.accuracy_bound(message["draws"])
        return {"bound": None if bound is None else float(bound)}, {}

    def _report(self, label: str, done: int, total: int) -> None:
        self.channel.send({"report": [label, done, total]})

    def _remember(self, name: str, inputs: Mapping[str, Any], compute: Callable[[], State]) -> State:
        self.channel.send({"remember": [name, dict(inputs), compute.__module__]})
        message, arrays = self.channel.receive()
        if message["known"]:
            return arrays
        computed = compute()
        self.channel.send({"computed": True}, computed)
        return computed


def _shut(folders: list[str]) -> None:
    """Refuse to open what is in these folders, which hold what the plugin may not see. No sandbox: it stops Python."""
    if not folders:
        return

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in OPENINGS or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if any(path == folder or path.startswith(folder + os.sep) for folder in folders):
            raise PermissionError(errno.EACCES, "this is the run's own, which plugins do not read", path)

    sys.addaudithook(refuse)
