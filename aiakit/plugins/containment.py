"""What a plugin may not do to the process that it shares with the others: end it, write to stdout, leave it changed.

``contained`` is what ``registry.guard``, the import of plugins, and the checks have in common.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import _exit
from typing import Any, NoReturn

import numpy as np

# Variables that libraries set for themselves when they are imported or first used.
OWN_VARIABLES = ("KMP_", "CUDA_MODULE_LOADING", "TORCHINDUCTOR_", "TRITON_", "PYTEST_")
ALL = slice(None)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


class Ended(BaseException):
    """A plugin called for the end of the process. No plugin can catch it by catching every Exception."""


@contextmanager
def contained(who: str) -> Iterator[None]:
    """Run a plugin's code. What it prints goes to stderr, and what it leaves changed is put back and named there.

    Put back are the working folder, environment variables, signal handlers, warnings that raise, NumPy's errors,
    scikit-learn's settings, torch's settings (default type and device, gradients, threads, determinism), the recursion
    limit, where modules are looked for, and the states of the global random generators.

    Raises Ended where it calls ``os._exit`` or the like; SystemExit passes. A child that it forked and that comes back
    ends here.
    """
    before = [(each, each.get()) for each in _watched()]
    generators, process = _random_states(), os.getpid()
    with _stdout_apart(), _no_exit():
        try:
            yield
        finally:
            if os.getpid() != process:
                _exit(1)
            for each, value in before:
                if each.put_back(value):
                    _tell(f"aiakit: note: {who} changed {each.name}, which was put back")
            _restore_random(generators)


_told: set[str] = set()


def _tell(line: str) -> None:
    """Once a process: a plugin does it whenever it is called."""
    if line not in _told:
        _told.add(line)
        print(line, file=sys.stderr)


@dataclass(frozen=True)
class _Watched:
    """Something of the process that a plugin may change. put : puts a value back."""

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], object]

    def put_back(self, value: Any) -> bool:
        """Whether it had changed."""
        if self.get() == value:
            return False
        self.put(value)
        return True


def _watched() -> Iterator[_Watched]:
    yield _Watched("the working folder", _folder, _change_folder)
    present = frozenset(os.environ)
    yield _Watched("environment variables", lambda: _variables(present), lambda kept: _set_variables(kept, present))
    yield _Watched("what warnings do", _raising, _restore_raising)
    yield _Watched("what NumPy does with errors", np.geterr, lambda kept: np.seterr(**kept))
    yield _Watched("where modules are looked for", lambda: list(sys.path), lambda kept: sys.path.__setitem__(ALL, kept))
    yield _Watched("how often threads are switched", sys.getswitchinterval, sys.setswitchinterval)
    yield _Watched("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit)
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            yield _Watched(
                f"what {number.name} does",
                lambda number=number: signal.getsignal(number),  # type: ignore[misc]
                lambda kept, number=number: signal.signal(number, signal.SIG_DFL if kept is None else kept),  # type: ignore[misc]
            )
    if (sklearn := sys.modules.get("sklearn")) is not None and hasattr(sklearn, "get_config"):
        yield _Watched("scikit-learn's settings", sklearn.get_config, lambda kept: sklearn.set_config(**kept))
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "get_default_dtype"):
        yield from _of_torch(torch)


def _of_torch(torch: Any) -> Iterator[_Watched]:
    yield _Watched("torch's default type", torch.get_default_dtype, torch.set_default_dtype)
    if hasattr(torch, "get_default_device"):
        device = torch.get_default_device, lambda kept: torch.set_default_device(None if kept.type == "cpu" else kept)
        yield _Watched("torch's default device", *device)
    yield _Watched("whether torch keeps gradients", torch.is_grad_enabled, torch.set_grad_enabled)
    yield _Watched("torch's threads", torch.get_num_threads, torch.set_num_threads)
    yield _Watched(
        "torch's determinism",
        lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        lambda kept: torch.use_deterministic_algorithms(kept[0], warn_only=kept[1]),
    )
    yield _Watched("torch's search for anomalies", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly)
    precision = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    yield _Watched("torch's precision of products", *precision)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _change_folder(folder: str) -> None:
    with contextlib.suppress(OSError):  # it was removed, and nothing can be put back
        os.chdir(folder)


def _variables(present: frozenset[str]) -> dict[str, str]:
    """All but those that a library has set for itself since these were present."""
    return {name: value for name, value in os.environ.items() if name in present or not name.startswith(OWN_VARIABLES)}


def _set_variables(kept: dict[str, str], present: frozenset[str]) -> None:
    for name in set(_variables(present)) - set(kept):
        del os.environ[name]
    os.environ.update(kept)


def _raising() -> list[Any]:
    """The filters that turn warnings into errors; others only add to or take from what is printed."""
    return [each for each in warnings.filters if each[0] == "error"]


def _restore_raising(kept: list[Any]) -> None:
    warnings.filters[:] = [*kept, *(each for each in warnings.filters if each[0] != "error")]  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _random_states() -> tuple[Any, Any, Any]:
    torch = sys.modules.get("torch")
    known = torch is not None and hasattr(torch, "get_rng_state")
    return random.getstate(), np.random.get_state(), torch.get_rng_state() if torch and known else None


def _restore_random(states: tuple[Any, Any, Any]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    if states[2] is not None:
        sys.modules["torch"].set_rng_state(states[2])


@contextmanager
def _stdout_apart() -> Iterator[None]:
    """Send what is written to stdout to stderr, whether by ``print`` or to the file descriptor, also by libraries of C.

    stdout belongs to the document alone. Both streams are others meanwhile, which may be closed, and are put back.
    """
    streams = sys.stdout, sys.stderr
    _flush(*streams)
    kept = _duplicates()
    with contextlib.suppress(OSError):  # one of the two is closed
        os.dup2(2, 1)
    apart = sys.stdout = sys.stderr = _Apart(streams[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        _flush(apart, *streams)
        ctypes.CDLL(None).fflush(None)
        for number, duplicate in kept.items():
            os.dup2(duplicate, number)
            os.close(duplicate)


class _Apart(io.TextIOBase):
    """Writes to another stream, and can be closed without it. What cannot be encoded is replaced."""

    encoding = "utf-8"

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        return len(text)

    def flush(self) -> None:
        _flush(self.stream)

    def isatty(self) -> bool:
        return bool(self.stream.isatty())

    def fileno(self) -> int:
        return int(self.stream.fileno())

    @property
    def buffer(self) -> Any:
        return self.stream.buffer

    @property
    def rich_proxied_file(self) -> Any:
        """Where rich's console writes: while it draws bars the stream is a proxy that prints through that console."""
        return getattr(self.stream, "rich_proxied_file", self)


def _duplicates() -> dict[int, int]:
    """Number → a duplicate, of those of stdout and stderr that are open."""
    found = {}
    for number in (1, 2):
        with contextlib.suppress(OSError):
            found[number] = os.dup(number)
    return found


def _flush(*streams: Any) -> None:
    for stream in streams:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed: who writes to it finds out
            stream.flush()


@contextmanager
def _no_exit() -> Iterator[None]:
    """Make the calls that end the process at once raise Ended instead. In a child that was forked they end it."""
    process = os.getpid()
    names = ("_exit", "abort", "execv", "execve")
    modules = [os, sys.modules[os.name]]  # ``os`` takes them from posix or nt, and so may a plugin
    kept = {name: getattr(os, name) for name in names}

    def refused(name: str) -> Callable[..., NoReturn]:
        def end(*arguments: Any) -> NoReturn:
            if os.getpid() != process:
                kept[name](*arguments)
            raise Ended(f"it called os.{name}({', '.join(map(repr, arguments))})")

        return end

    for module in modules:
        for name in names:
            setattr(module, name, refused(name))
    try:
        yield
    finally:
        for module in modules:
            for name, function in kept.items():
                setattr(module, name, function)
