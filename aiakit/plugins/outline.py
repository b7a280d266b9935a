"""What plugin classes say of themselves, read from their source: a list of plugins need not import their libraries."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from aiakit.plugins.extras import not_installed

TRAITS = ("summary", "view", "knowledge", "produces", "stochastic", "costly", "presets", "needs_root")


def outline(target: str) -> dict[str, Any] | None:
    """The class attributes of ``module:Class`` that are written as literals, its bases' among them.

    "unavailable" is there where an extra that it names is not installed. None where the source does not tell: the class
    has to be imported then.
    """
    module, _, name = target.partition(":")
    classes = list(_lineage(module, name))
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


def _lineage(module: str, name: str) -> Iterator[ast.ClassDef]:
    """The class and its bases, as far as their sources can be found."""
    tree = _tree(module)
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield node
            for base in node.bases:
                if isinstance(base, ast.Name):
                    yield from _lineage(module, base.id)
            return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    package = module if _is_package(module) else module.rpartition(".")[0]
                    origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                    if origin != module:
                        yield from _lineage(origin, alias.name)
                    return


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


@cache
def _tree(module: str) -> ast.Module | None:
    path = _path(module)
    return None if path is None or path.suffix != ".py" else ast.parse(path.read_bytes())


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
