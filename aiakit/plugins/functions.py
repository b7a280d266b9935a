"""Functions of users by name: ``module:function`` or ``FILE.py:function``, found again in every process."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aiakit.errors import InputError, unknown
from aiakit.plugins.fingerprint import packages_of, source_digest
from aiakit.plugins.loading import import_file, loading
from aiakit.storage.store import file_digest

FORM = "a function by its name: module:function, or FILE.py:function"


def is_name(text: str) -> bool:
    """Whether a text has the form of a name."""
    place, _, name = text.rpartition(":")
    return bool(place) and all(part.isidentifier() for part in name.split("."))


def named(text: str) -> str:
    """The text, if it has the form of a name. Raises ValueError, saying which, for another."""
    if not is_name(text):
        raise ValueError(FORM)
    return text


_TRUSTED: set[str] = set()


def trust(text: str) -> None:
    """The user of this process asked for this function. Raises ValueError for what is no name of one."""
    _TRUSTED.add(named(text))


def require_trusted(text: str) -> None:
    """Raise InputError for a function that only the record of a run names, which may be a stranger's."""
    if text not in _TRUSTED:
        raise InputError(
            f"this run calls the function {text}, and what a run names is not called unless you name it, too: if you "
            f"trust it, give --plugin {text} (in Python: aiakit.plugins.functions.trust)"
        )


def load_function(text: str) -> Callable[..., Any]:
    """The function of this name. Raises InputError where its module cannot be loaded or has no such function."""
    place, _, name = named(text).rpartition(":")
    module = _module(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
            raise unknown("function", name, known, f" of {place}")
        found = getattr(found, part)
    if not callable(found) or isinstance(found, type):
        raise InputError(f"{text} is no function, but {type(found).__name__}: name {FORM}")
    return found  # type: ignore[no-any-return]


def function_digest(text: str) -> str:
    """A digest of the code that a function's behaviour depends on, of its own package and of aiakit.

    That is the module that it is named in, the one that it is written in, and what these import (``source_digest``).
    Raises InputError as ``load_function`` does.
    """
    return source_digest(_modules_of(text))


def versions_for(text: str) -> dict[str, str]:
    """Name → version of each other package that a function's code imports, where it has one."""
    found = {}
    for name in packages_of(_modules_of(text)):
        if name in _distributions():
            found[name] = version(_distributions()[name][0])
    return found


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Package → the distributions that it came with. To find it the files of everything installed are read, once."""
    return packages_distributions()


def _modules_of(text: str) -> list[str]:
    """The modules that a function is named in and written in."""
    found = load_function(text)
    modules = {_module(named(text).rpartition(":")[0]).__name__}
    if inspect.isfunction(found) and found.__module__ in sys.modules:
        modules.add(found.__module__)
    return sorted(modules)


def source_of(text: str) -> str:
    """The file of the module that a function is named in; "" where it has none."""
    return getattr(_module(named(text).rpartition(":")[0]), "__file__", None) or ""


def name_of(function: Callable[..., Any]) -> str:
    """The name under which a function is found again. Raises InputError where there is none."""
    module, name = (getattr(function, part, None) or "" for part in ("__module__", "__qualname__"))
    text = f"{module}:{name}"
    try:
        found = load_function(text) if module != "__main__" else None
    except (InputError, ValueError):
        found = None
    if found is not function:
        raise InputError(
            f"{name or repr(function)} of {module or 'nowhere'} cannot be found again by name, and so nobody can tell "
            "whether its results are still its own: write it into a file, and give 'python:FILE.py:function'"
        )
    return text


def _module(place: str) -> Any:
    """A module by its name, or by its file as this is now."""
    if place.endswith(".py"):
        path = Path(place).expanduser().absolute()
        return _of_file(path, file_digest(path) if path.is_file() else "")
    if not _is_there(place):
        raise InputError(f"there is no module {place}: install it, or give its file, FILE.py:function")
    return loading(f"the module {place}", lambda: importlib.import_module(place))


def _is_there(module: str) -> bool:
    """Whether a module can be imported; its packages are imported to see it."""
    if module in sys.modules:
        return True
    try:
        return all(part.isidentifier() for part in module.split(".")) and find_spec(module) is not None
    except ModuleNotFoundError:  # there is no such package
        return False


@cache
def _of_file(path: Path, content: str) -> Any:
    """content : its digest, so that a file which was edited is loaded again."""
    return import_file(path, "the file")
