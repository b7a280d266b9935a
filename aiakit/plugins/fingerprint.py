"""The source files that a plugin's behaviour depends on, as one digest."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

# What these hold is fixed by tests and cannot change what a plugin computes.
LEFT_OUT = ("aiakit", "aiakit.contracts", "aiakit.errors")


def source_digest(modules: Iterable[str]) -> str:
    """sha256 over the sources of some modules and of all they import from their own packages or from aiakit.

    Function-level imports count. A module without a readable source (an extension) counts by its bytes.
    """
    waiting = list(modules)
    own = {"aiakit", *(name.partition(".")[0] for name in waiting)}
    contents: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        if name in contents or name in LEFT_OUT or name.partition(".")[0] not in own:
            continue
        path = _file(name)
        if path is None:
            continue
        contents[name] = path.read_bytes()
        if path.suffix == ".py":
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            waiting.extend(_imported(ast.parse(contents[name]), package))
    # By content, not by module name: a plugin file moved to another folder is the same plugin.
    digests = sorted(hashlib.sha256(content).digest() for content in contents.values())
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _file(name: str) -> Path | None:
    """The file of a module; None where the name is no module (``from module import function``)."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Every name that may be a module: ``from a import b`` may name the module a.b or a thing in a."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
