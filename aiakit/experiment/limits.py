"""A time limit for a cell: a plugin that hangs fails, and the others go on."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import _exit  # the real one: while a plugin runs, os._exit is another
from typing import Any

AGAIN = 5.0  # seconds until code that has swallowed the end of its time is told once more
GRACE = 60.0  # seconds at most until a process is given up that hangs where no Python runs


class OutOfTime(BaseException):
    """The time of a cell is over. No plugin can catch it by catching every Exception."""


@contextmanager
def time_limit(seconds: float | None, give_up: Callable[[str], object]) -> Iterator[None]:
    """Run a block for so many seconds at most; None for as long as it takes.

    Raises OutOfTime in it when they are over, between two steps of Python code. A process whose block does not end
    within as long again (a minute at most), since it hangs in a library, is ended with exit code 1 after ``give_up``
    was called with what happened. One whose block does not run in the main thread is ended only where another process
    has started it and will start it again, as Dask's nannies do.
    """
    if seconds is None:
        yield
        return
    message = f"it took longer than the --cell-timeout of {seconds:g} s"
    main = threading.current_thread() is threading.main_thread()
    watch = _in_main_thread if main and hasattr(signal, "setitimer") else _in_other_thread
    last = threading.Timer(seconds + min(GRACE, max(AGAIN, seconds)), _end, (f"{message}, and hung", give_up))
    last.daemon = True
    if main or multiprocessing.parent_process() is not None:
        last.start()
    try:
        with watch(seconds, message):
            yield
    finally:
        last.cancel()


def _end(message: str, give_up: Callable[[str], object]) -> None:
    """End a process that cannot be stopped otherwise."""
    try:
        give_up(f"{message} where it could not be stopped, so that its process was ended")
        print(f"aiakit: error: {message} where it cannot be stopped: this process ends", file=sys.stderr, flush=True)
    finally:
        _exit(1)


@contextmanager
def _in_main_thread(seconds: float, message: str) -> Iterator[None]:
    def over(*_: Any) -> None:
        raise OutOfTime(message)

    earlier = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


@contextmanager
def _in_other_thread(seconds: float, message: str) -> Iterator[None]:
    """Without signals, as in a worker of a cluster: between two steps of Python code only."""
    thread = ctypes.c_long(threading.get_ident())
    timer = threading.Timer(
        seconds, ctypes.pythonapi.PyThreadState_SetAsyncExc, (thread, ctypes.py_object(_named(message)))
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _named(message: str) -> type[OutOfTime]:
    """A class of OutOfTime that says the message: what is raised in another thread is a class, made of nothing."""

    class Over(OutOfTime):
        def __init__(self) -> None:
            super().__init__(message)

    Over.__name__ = OutOfTime.__name__
    return Over
