"""The code that a plugin's behaviour depends on, as one digest."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
    another module asks for it, or for the package as a whole. Which thing a name stands for counts, told by the content
    of the module that it is imported from, or of other packages by that module's name, since only their versions are
    known elsewhere. A module without a readable source (an extension) counts by its bytes.
    """
    modules = tuple(modules)
    known = _DIGESTS.get(modules)
    if known is None or any(_stamp(path) != stamp for path, stamp in known.files.items()):
        known = _DIGESTS[modules] = _digest(modules)
    return known.digest


@dataclass(frozen=True)
class _Digest:
    """A digest, and what its files were when it was made."""

    digest: str
    files: dict[Path, _Stamp | None]


_DIGESTS: dict[tuple[str, ...], _Digest] = {}  # a process asks for the same again and again


def _digest(modules: tuple[str, ...]) -> _Digest:
    own = _own(modules)
    digests: set[bytes] = set()  # by content, not by name: a plugin file in another folder is the same plugin
    files = {}
    for module, package, (path, stamp) in _followed(modules, own):
        files[path] = stamp
        if module.digest:
            bound = sorted(_bound(module, package, own))
            digests.add(hashlib.sha256(f"{bound}".encode() + module.digest).digest())
    return _Digest(hashlib.sha256(b"".join(sorted(digests))).hexdigest(), files)


_Stamp = tuple[int, int, int, int]
_File = tuple[Path, _Stamp | None]


def _stamp(path: Path) -> _Stamp | None:
    """What changes where a file is edited or replaced, whatever time it is given then; None where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino


def _left_out(module: str) -> bool:
    return module in LEFT_OUT or module.startswith("aiakit.contracts.")


def packages_of(modules: Iterable[str]) -> list[str]:
    """The other packages that these modules, and what ``source_digest`` follows, import: sorted top-level names."""
    modules = list(modules)
    own = _own(modules)
    found = {
        name.partition(".")[0]
        for module, package, _ in _followed(modules, own)
        for name, _ in _absolute(module.imported, package)
    }
    return sorted(found - own - sys.stdlib_module_names)


def _own(modules: Iterable[str]) -> frozenset[str]:
    """The top-level packages whose modules are followed."""
    return frozenset({"aiakit", *(name.partition(".")[0] for name in modules)})


def _followed(modules: Iterable[str], own: frozenset[str]) -> Iterator[tuple[_Module, str, _File]]:
    """The modules and all they import from their own packages, each with the package that it is in, and its file."""
    waiting = [(name, False) for name in modules]
    seen: set[tuple[str, bool]] = set()
    while waiting:
        name, whole = waiting.pop()
        if (name, whole) in seen or _left_out(name) or name.partition(".")[0] not in own:
            continue
        seen.add((name, whole))
        path = _file(name)
        if path is None:
            waiting.extend(_late(*name.rpartition(".")[::2]))
            continue
        if whole:
            waiting.extend(_late(name))
        stamp = _stamp(path)  # before it is read: what is edited meanwhile is read again
        module = _read(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        yield module, package, (path, stamp)
        waiting.extend(_absolute(module.imported, package))


Imported = tuple[tuple[int, str, tuple[str, ...]], ...]  # level, module, names of every ``from … import …``
Name = tuple[int, str, str, str]  # level and module that it is imported from ("" for ``import a``), itself, its alias


@dataclass(frozen=True)
class _Module:
    """A file: a digest of what it does, b"" where it does nothing by itself; what it imports, and under which names."""

    digest: bytes
    imported: Imported = ()
    names: tuple[Name, ...] = ()


def _read(path: Path) -> _Module:
    """The module in a file. It goes by content: a process that runs on while files are edited sees the edit."""
    return _parse(path.read_bytes(), path.suffix == ".py")


@cache
def _parse(content: bytes, source: bool) -> _Module:
    if not source:
        return _Module(hashlib.sha256(content).digest())
    tree = ast.parse(content)
    statements, _ = _statements(tree)
    imported, names = tuple(_imports(statements)), tuple(_names(statements))
    body = _spelling(_WithoutProse().visit(tree))
    return _Module(hashlib.sha256(body.encode()).digest() if tree.body else b"", imported, names)


def _names(statements: Iterable[_Import]) -> Iterator[Name]:
    """Every name that an import statement binds."""
    for node in statements:
        source = (node.level, node.module or "") if isinstance(node, ast.ImportFrom) else (0, "")
        yield from ((*source, each.name, each.asname or each.name) for each in node.names)


def _bound(module: _Module, package: str, own: frozenset[str]) -> Iterator[str]:
    """Which thing each imported name stands for, where the digests of the followed modules do not say it."""
    for level, source, name, alias in module.names:
        origin = importlib.util.resolve_name("." * level + source, package) if source or level else name
        near = origin.partition(".")[0] in own
        if not near:
            yield f"{origin}.{name} as {alias}" if source else f"{name} as {alias}"
        elif source and not _left_out(origin) and (path := _file(origin)) is not None:
            yield f"{name} of {_read(path).digest.hex()} as {alias}"
        elif alias != name:
            yield f"{name} as {alias}"


def _spelling(node: Any) -> str:
    """A tree as text that is the same in every version of Python: fields that hold nothing are left out."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
        return f"{type(node).__name__}({','.join(f'{name}={_spelling(value)}' for name, value in fields)})"
    return f"[{','.join(map(_spelling, node))}]" if isinstance(node, list) else repr(node)


_Import = ast.Import | ast.ImportFrom
_HOLDERS = (ast.stmt, ast.excepthandler, ast.match_case)  # what statements stand in
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
    _, for_types = _statements(ast.parse(path.read_bytes()))
    for level, module, names in _imports(for_types):
        if thing is None or thing in names:
            yield from _absolute(((level, module, names if thing is None else (thing,)),), package)


def _imports(statements: Iterable[_Import]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """What every import names."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from ((0, alias.name, ()) for alias in node.names)
        else:
            yield node.level, node.module or "", tuple(alias.name for alias in node.names)


def _statements(tree: ast.AST) -> tuple[list[_Import], list[_Import]]:
    """Every import but those under ``if TYPE_CHECKING``, and those; an expression holds none, and is not entered."""
    found: tuple[list[_Import], list[_Import]] = ([], [])
    waiting = [(tree, False)]
    for node, late in waiting:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found[late].append(node)
            continue
        typed = isinstance(node, ast.If) and _is_for_types(node.test)
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                inside = late or (typed and field == "body")
                waiting.extend((each, inside) for each in value if isinstance(each, _HOLDERS))
    return found


def _is_for_types(test: ast.expr) -> bool:
    match test:
        case ast.Name("TYPE_CHECKING") | ast.Attribute(ast.Name("typing"), "TYPE_CHECKING"):
            return True
    return False


def _absolute(imported: Imported, package: str) -> Iterator[tuple[str, bool]]:
    """Every name that may be a module: ``from a import b`` may name the module a.b or a thing in a.

    With it stands whether the whole of it is asked for: a.b, and not a.
    """
    for level, name, names in imported:
        module = importlib.util.resolve_name("." * level + name, package)
        yield module, not names
        yield from ((f"{module}.{each}", True) for each in names)
