"""From what somebody asked for to the fields of a request; unknown keywords are answered with the nearest known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

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


def fields_of(kind: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of the parameters that ``kind`` takes."""
    return {name: given[name] for name in signature(kind).parameters if name in given}


def numbers(values: Sequence[int]) -> tuple[str, ...]:
    """Whole numbers, as requests take them."""
    return tuple(map(str, values))


def encoder_named(encoder: str | Callable[..., Any]) -> str:
    """An encoder as requests take it; of a function the name. Raises InputError for one that cannot be found again."""
    if isinstance(encoder, str):
        return encoder
    from aiakit.plugins.functions import name_of  # only here: commands load this module, and should load nothing heavy

    return f"python:{name_of(encoder)}"


def listed(names: str | Sequence[str]) -> tuple[str, ...]:
    """One text (with commas) or several, as requests take them."""
    return (names,) if isinstance(names, str) else tuple(names)
