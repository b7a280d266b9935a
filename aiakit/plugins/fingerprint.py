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
    formatting changes nothing, and neither does a module that is moved. Function-level imports are followed. Those
    under ``TYPE_CHECKING`` load nothing by themselves: what a package so names, to import it late, is followed where
    another module asks for it, or for the package as a whole. Of other packages it counts what is imported, since only
    their versions are known elsewhere. A module without a readable source (an extension) counts by its bytes.
    """
    waiting = [(name, False) for name in modules]
    own = frozenset({"aiakit", *(name.partition(".")[0] for name, _ in waiting)})
    seen: set[tuple[str, bool]] = set()
    digests: set[bytes] = set()  # by content, not by name: a plugin file in another folder is the same plugin
    while waiting:
        name, whole = waiting.pop()
        if (name, whole) in seen or name in LEFT_OUT or name.partition(".")[0] not in own:
            continue
        seen.add((name, whole))
        path = _file(name)
        if path is None:
            waiting.extend(_late(*name.rpartition(".")[::2]))
            continue
        if whole:
            waiting.extend(_late(name))
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
    imported = tuple(_imports(tree, late=False))
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


def _late(package: str, thing: str | None = None) -> Iterator[tuple[str, bool]]:
    """Where a package has a thing from (None: each) that it names under ``TYPE_CHECKING``, to import it when used."""
    path = _file(package) if package else None
    if path is None or path.name != "__init__.py":
        return
    for level, module, names in _imports(ast.parse(path.read_bytes()), late=True):
        if thing is None or thing in names:
            yield from _absolute(((level, module, names if thing is None else (thing,)),), package)


def _imports(tree: ast.AST, late: bool) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Every import but those under ``if TYPE_CHECKING``; only those where ``late``."""
    typed = [node for node in ast.walk(tree) if isinstance(node, ast.If) and _is_for_types(node.test)]
    under = {inner for node in typed for each in node.body for inner in ast.walk(each)}
    for node in ast.walk(tree):
        if (node in under) != late:
            continue
        if isinstance(node, ast.Import):
            yield from ((0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(alias.name for alias in node.names)


def _is_for_types(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _absolute(imported: Imported, package: str) -> Iterator[tuple[str, bool]]:
    """Every name that may be a module: ``from a import b`` may name the module a.b or a thing in a.

    With it stands whether the whole of it is asked for: a.b, and not a.
    """
    for level, name, names in imported:
        module = importlib.util.resolve_name("." * level + name, package)
        yield module, not names
        yield from ((f"{module}.{each}", True) for each in names)
