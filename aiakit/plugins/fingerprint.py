"""The code that a plugin's behaviour depends on, as one digest."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

# What these hold is fixed by tests and cannot change what a plugin computes.
LEFT_OUT = ("aiakit", "aiakit.contracts", "aiakit.errors")


def source_digest(modules: Iterable[str]) -> str:
    """sha256 over what some modules, and all they import from their own packages or from aiakit, make Python do.

    Syntax trees are digested, without docstrings and import statements: an edit of a comment, of a docstring or of the
    formatting changes nothing, and neither does a module that is moved. Function-level imports are followed. Of other
    packages it counts what is imported, since only their versions are known elsewhere. A module without a readable
    source (an extension) counts by its bytes.
    """
    waiting = list(modules)
    own = frozenset({"aiakit", *(name.partition(".")[0] for name in waiting)})
    seen: set[str] = set()
    digests: set[bytes] = set()  # by content, not by name: a plugin file in another folder is the same plugin
    while waiting:
        name = waiting.pop()
        if name in seen or name in LEFT_OUT or name.partition(".")[0] not in own:
            continue
        seen.add(name)
        path = _file(name)
        if path is None:
            continue
        digest, imported = _read(path, path.stat().st_mtime_ns, own)
        if digest:
            digests.add(digest)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting.extend(_absolute(imported, package))
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


Imported = tuple[tuple[int, str, tuple[str, ...]], ...]  # level, module, names of every ``from … import …``


@cache
def _read(path: Path, changed: int, own: frozenset[str]) -> tuple[bytes, Imported]:
    """The digest of a module, b"" where it does nothing by itself, and what it imports.

    changed : when the file was; a process that runs on while files are edited reads them again.
    """
    content = path.read_bytes()
    if path.suffix != ".py":
        return hashlib.sha256(content).digest(), ()
    tree = ast.parse(content)
    imported = tuple(_imports(tree))
    bound = sorted(set(_bound(tree, own)))
    body = ast.dump(_WithoutProse().visit(tree))
    return (hashlib.sha256(f"{bound}{body}".encode()).digest() if tree.body else b""), imported


def _bound(tree: ast.AST, own: frozenset[str]) -> Iterator[str]:
    """What the imports say that neither the rest of the tree nor the followed modules do.

    That is which thing of another package a name stands for, and which name an alias stands for.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            top = (module or alias.name).partition(".")[0]
            near = (isinstance(node, ast.ImportFrom) and node.level > 0) or top in own or top in sys.stdlib_module_names
            name = alias.name if near else f"{module}.{alias.name}"
            if not near or alias.asname not in (None, alias.name):
                yield f"{name} as {alias.asname}"


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class _WithoutProse(ast.NodeTransformer):
    """Takes import statements and docstrings out of a tree, and with them every body that held nothing else."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Import | ast.ImportFrom):
            return None  # what is imported is followed
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
        self.generic_visit(node)
        if isinstance(node, ast.If) and not node.body and not node.orelse:
            return None  # ``if TYPE_CHECKING`` held imports only
        return node


def _file(name: str) -> Path | None:
    """The file of a module; None where the name is no module (``from module import function``)."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(alias.name for alias in node.names)


def _absolute(imported: Imported, package: str) -> Iterator[str]:
    """Every name that may be a module: ``from a import b`` may name the module a.b or a thing in a."""
    for level, name, names in imported:
        module = importlib.util.resolve_name("." * level + name, package)
        yield module
        yield from (f"{module}.{each}" for each in names)
