"""Finds and reads suites: those that come with aiakit by their names, anybody's by the path of the TOML file."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from aiakit.errors import InputError, unknown
from aiakit.storage.documents import read_toml
from aiakit.suites.schema import Suite

FOLDER = "aiakit.benchmarks"  # the package of the TOML files
SUFFIX = ".toml"


def built_in() -> dict[str, Path]:
    """Name → file of the suites that come with aiakit."""
    files = (Path(str(entry)) for entry in importlib.resources.files(FOLDER).iterdir())
    return {path.stem: path for path in sorted(files) if path.suffix == SUFFIX}


def find_suite(name: str) -> Path:
    """The file of a suite, given by name or by path. Raises InputError where there is none."""
    known = built_in()
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.suffix != SUFFIX and path.name == name:
        raise unknown("suite", name, known)
    if not path.is_file():
        raise InputError(f"there is no suite {path}: give a file NAME{SUFFIX}, or one of {', '.join(known)}")
    return path


def read_suite(path: Path) -> Suite:
    """The suite of a file. Raises InputError, with file and key, for broken TOML, an unknown key or a bad value."""
    content = read_toml(path)
    try:
        return Suite.model_validate(content)
    except ValidationError as error:
        raise _in_one_line(path, error.errors(include_url=False)[0]) from None


def _in_one_line(path: Path, problem: Mapping[str, Any]) -> InputError:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown("key", where, _keys_beside(problem["loc"]), f" in {path}")
    message = problem["msg"].removeprefix("Value error, ")
    got = "" if not where or problem["type"] == "missing" else f" (got {problem['input']!r:.80})"
    return InputError(f"{path}: {where + ': ' if where else ''}{message}{got}")


def _keys_beside(place: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand where an unknown one stands, as the place spells them."""
    model: type[BaseModel] = Suite
    for part in place[:-1]:
        if isinstance(part, str):
            model = next(_models(model.model_fields[part].annotation))
    return [".".join(map(str, (*place[:-1], key))) for key in model.model_fields]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The records inside an annotation such as ``tuple[Method, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
