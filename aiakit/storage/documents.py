"""Small JSON and TOML files that may come from strangers: read within bounds, or refused in one line."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiakit.errors import InputError

if TYPE_CHECKING:
    from pydantic import ValidationError

LARGEST = 64 << 20  # bytes of a file
DEEPEST = 60  # levels of nesting: what walks through a document may recurse
LARGEST_INTEGER = 2**64
# What pydantic says of lists in Python's terms, which nobody has written who wrote TOML or JSON.
LISTS = {"tuple_type": "Input should be a list, in brackets", "list_type": "Input should be a list, in brackets"}
UNSOUND = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises
    ------
    InputError : unreadable, larger than 64 MiB, not UTF-8, no JSON, nested more than 60 deep, or with a number that is
        not finite or has more than 64 bits.
    """
    return _read(path, "JSON", json.loads)


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds. Raises InputError as ``read_json`` does."""
    content: dict[str, Any] = _read(path, "TOML", tomllib.loads)
    return content


def printable(text: str) -> str:
    """The text with what could steer a terminal or reverse what is read spelt out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@contextmanager
def sound(place: Path) -> Iterator[None]:
    """Compute something from stored results, which may be somebody else's.

    Whatever results of another shape lead the arithmetic into is an InputError that names the place; with
    AIAKIT_DEBUG=1 the traceback shows where.
    """
    try:
        yield
    except UNSOUND as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise InputError(f"{place} does not hold what aiakit writes ({reason}): get a whole copy") from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Write files into a folder. Raises InputError where it cannot be written to."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror}): name another folder with -o") from None


def first_problem(invalid: ValidationError) -> str:
    """``where: what is wrong (got …)`` of the first of the errors that it lists."""
    error = invalid.errors(include_url=False)[0]
    where = ".".join(str(part) for part in error["loc"])[:200]
    if error["type"] == "value_error":  # a rule of ours, whose sentence says all
        return f"{where}: ".removeprefix(": ") + str(error["msg"]).removeprefix("Value error, ")
    said = LISTS.get(error["type"], error["msg"])
    got = "" if error["type"] == "missing" else f" (got {error['input']!r:.80})"
    return f"{where}: {said}{got}"


def _read(path: Path, kind: str, parse: Callable[[str], Any]) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} has more than {LARGEST:,} bytes, which no {kind} file of aiakit has")
        content = parse(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no sound {kind} file: {error}") from None
    problem = _excess(content)
    if problem:
        raise InputError(f"{path} is no sound {kind} file: {problem}")
    return content


def _excess(content: Any) -> str:
    """What goes beyond the bounds; "" where nothing does."""
    level = [content]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, float) and not math.isfinite(value):
                return f"the number {value} is not finite"
            elif isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
                return "a number has more than 64 bits"
        level = below
    return f"it is nested more than {DEEPEST} deep" if level else ""
