"""Code of others: how a file of it is imported, and how what it raises becomes one line."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from aiakit.errors import ROOM, AiakitError, InputError, PluginError
from aiakit.plugins.containment import contained


class _SourceOnly(SourceFileLoader):
    """Runs the text of a file, and leaves no ``__pycache__`` beside what is the user's."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def import_file(path: Path, what: str) -> Any:
    """Import a file under a module name of its own, so that two files of one name can be used.

    what : what messages call it. Raises InputError where it is missing, no Python file, or raises anything.
    """
    if not path.is_file():
        raise InputError(f"{what} {path} does not exist")
    name = (
        f"aiakit_plugin_{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    )
    spec = importlib.util.spec_from_file_location(name, path, loader=_SourceOnly(name, str(path)))
    if spec is None or spec.loader is None or path.suffix != ".py":
        raise InputError(f"{what} {path} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader = spec.loader
    try:
        loading(f"{what} {path}", lambda: loader.exec_module(module), str(path))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def loading(who: str, work: Callable[[], Any], source: str = "") -> Any:
    """What ``work`` returns, which imports code of others. Raises InputError for whatever it raises but Ctrl-C."""
    try:
        with contained(who):
            return work()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(f"{who}{line_in(error, source)} cannot be loaded: {one_line(error)}") from error


@contextmanager
def guarded(who: str, source: Callable[[], str]) -> Iterator[None]:
    """Turn whatever code of others raises into one PluginError that names whose it is, and the line.

    source : the file of that code, asked for when something was raised. Also what would end the process: ``sys.exit``,
    ``os._exit`` … What it does besides is contained (``contained``). aiakit's own errors, Ctrl-C and a
    full disk are not its doing and pass unchanged; an InputError is told whose it is.
    """
    try:
        with room_for(who), contained(who):
            yield
    except InputError as error:
        error.who = error.who or who
        raise
    except (AiakitError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise PluginError(f"{who}{line_in(error, source())}: {one_line(error)}") from error


@contextmanager
def room_for(who: str) -> Iterator[None]:
    """Turn running out of memory into one PluginError that names for whom."""
    try:
        yield
    except MemoryError as error:
        raise out_of_memory(who, str(error)) from error


def out_of_memory(who: str, said: str = "") -> PluginError:
    """The error of a plugin for which there was not enough memory. said : how much it was, where that is known."""
    return PluginError(" ".join(f"out of memory in {who}{said and f' ({said})'}: {ROOM}".split()))


def line_in(error: BaseException, source: str) -> str:
    """`` (file.py:12)``: the innermost line of that file, else where the error was raised."""
    if isinstance(error, SyntaxError):
        return f" (line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == source] or frames
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def one_line(error: BaseException) -> str:
    """``ValueError: what it says``."""
    try:
        return " ".join(f"{type(error).__name__}: {error}".split())
    except Exception as unsaid:  # the error is another's, and so is how it becomes a text
        return f"{type(error).__name__}, which cannot be shown ({type(unsaid).__name__})"
