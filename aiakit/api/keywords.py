"""Keywords that nobody knows are answered with the nearest that somebody does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from typing import ParamSpec, TypeVar

from aiakit.errors import unknown

P = ParamSpec("P")
T = TypeVar("T")


def with_known_keywords(function: Callable[P, T]) -> Callable[P, T]:
    """The same function; a keyword that it does not take is an InputError that names the nearest."""
    known = list(signature(function).parameters)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for name in kwargs:
            if name not in known:
                raise unknown("option", name, known, f" of aiakit.{function.__name__}")
        return function(*args, **kwargs)

    return call


def listed(names: str | Sequence[str]) -> tuple[str, ...]:
    """One text (with commas) or several, as requests take them."""
    return (names,) if isinstance(names, str) else tuple(names)
