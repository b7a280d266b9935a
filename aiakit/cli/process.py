"""The process of the command line: stdout belongs to what was asked for, and its end to the command."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

ENDS = ("_exit", "execv", "execve")


def prepare_streams() -> None:
    """Characters that a terminal cannot show are replaced; streams that are closed take no file's place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # or the next file that is opened would get this number, and be written to as stdout
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if stream is sys.stderr else "replace")


class _Closed(io.TextIOBase):
    """A stdout that was closed before the start: writing to it is writing to a pipe that nobody reads."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Raise BrokenPipeError."""
        raise BrokenPipeError(errno.EPIPE, "stdout is closed")

    def fileno(self) -> int:
        """Its number, which ``prepare_streams`` has kept free."""
        return 1


class _Documents(io.TextIOWrapper):
    """The true stdout, for what the main thread of a process prints; others write to stderr."""

    process: int

    def write(self, text: str) -> int:
        """Write where the text belongs."""
        mine = threading.current_thread() is threading.main_thread() and os.getpid() == self.process
        return super().write(text) if mine else sys.stderr.write(text)


class Program:
    """This process, from here to its end, as the program ``aiakit``.

    What plugins and libraries write to stdout goes to stderr: from threads, from children, when the interpreter ends.
    Where one of them ends the process before the command has (``os._exit``), or after it with another exit code, the
    exit code is not 0 unless the command's own is.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        self._process = os.getpid()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.flush()
            kept = open(os.dup(1), "wb")  # noqa: SIM115 - for as long as the process lives
            os.dup2(2, 1)
            known, errors, terminal = sys.stdout.encoding, sys.stdout.errors, sys.stdout.isatty()
            sys.stdout = _Documents(kept, known, errors, line_buffering=terminal)
            sys.stdout.process = self._process
        for module in (os, sys.modules[os.name]):  # ``os`` takes them from posix or nt, and so may others
            for name in ENDS:
                setattr(module, name, self._end(getattr(module, name)))

    def finish(self, code: int) -> int:
        """The exit code, after which nothing more is printed to stdout."""
        if isinstance(sys.stdout, _Documents):
            documents, sys.stdout = sys.stdout, sys.stderr
            try:
                documents.flush()
            except OSError:
                silence(documents)
        self._code = code
        return code

    def _end(self, real: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
        def end(*arguments: Any) -> NoReturn:
            if os.getpid() != self._process:  # a child may do as it likes
                real(*arguments)
            asked = arguments[0] if arguments and isinstance(arguments[0], int) else 0
            if self._code is None and not asked:
                said = "the program was ended by a library or a plugin, and nothing was finished"
                os.write(2, f"aiakit: error: {said}\n".encode())
            exit_process(asked or (1 if self._code is None else self._code))

        return end


exit_process = os._exit  # before any of it is another


def silence(stream: Any) -> None:
    """Point a stream that nobody reads elsewhere, or the interpreter complains when it flushes."""
    number = stream.fileno() if isinstance(stream, _Documents) else 1
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
