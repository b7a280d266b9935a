"""What plugin classes say of themselves, read from their source: a list of plugins need not import their libraries."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from aiakit.plugins.extras import not_installed

TRAITS = (
    "summary",
    "view",
    "combines",
    "knowledge",
    "produces",
    "stochastic",
    "costly",
    "presets",
    "needs_root",
    "risks",
)


def outline(target: str) -> dict[str, Any] | None:
    """The class attributes of ``module:Class`` that are written as literals, its bases' among them.

    "unavailable" is there where an extra that it names is not installed. None where the source does not tell: the class
    has to be imported then.
    """
    module, _, name = target.partition(":")
    classes = _lineage(module, name)
    if not classes:
        return None
    found: dict[str, Any] = {}
    for node in classes:  # the class itself first
        for trait, value in _assigned(node):
            if trait in TRAITS and trait not in found:
                try:
                    found[trait] = ast.literal_eval(value)
                except ValueError:
                    return None
    missing = next((reason for node in classes if (reason := _missing(node)) is not None), None)
    return found if missing is None else {**found, "unavailable": missing}


@cache
def _lineage(module: str, name: str) -> tuple[ast.ClassDef, ...]:
    """The class and its bases, as far as their sources can be found."""
    for node in _statements(module):
        if isinstance(node, ast.ClassDef) and node.name == name:
            bases = (base.id for base in node.bases if isinstance(base, ast.Name))
            return (node, *(each for base in bases for each in _lineage(module, base)))
        if isinstance(node, ast.ImportFrom):
            original = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
            package = module if _is_package(module) else module.rpartition(".")[0]
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            if original is not None and origin != module:
                return _lineage(origin, original)
    return ()


@cache
def _statements(module: str) -> tuple[ast.stmt, ...]:
    """The statements of a module, those under an ``if TYPE_CHECKING`` among them; none without a source."""
    path = _path(module)
    if path is None or path.suffix != ".py":
        return ()
    body = ast.parse(path.read_bytes()).body
    return (*body, *(inner for node in body if isinstance(node, ast.If) for inner in node.body))


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            yield target.id, value


def _missing(node: ast.ClassDef) -> str | None:
    """What ``unavailable`` would say of an extra, where it asks ``not_installed`` for one by name."""
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "unavailable":
            for call in ast.walk(method):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "not_installed":
                    named = [each.value for each in call.args if isinstance(each, ast.Constant)]
                    if len(named) == len(call.args):
                        return not_installed(*map(str, named))
    return None


def _is_package(module: str) -> bool:
    path = _path(module)
    return path is not None and path.name == "__init__.py"


@cache
def _path(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None
