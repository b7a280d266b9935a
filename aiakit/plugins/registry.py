"""Plugins by name: from installed packages (entry points) and from single files (``--plugin my_attack.py``).

Nothing is imported until ``Entry.load``, so that one broken package breaks no other and lists stay quick.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any, Literal, overload

from aiakit.contracts import (
    Attack,
    Dataset,
    Decoder,
    Defense,
    EmbeddingDefense,
    Encoder,
    Linker,
    Plugin,
    Regressor,
)
from aiakit.errors import InputError, PluginError, unknown
from aiakit.plugins.containment import contained
from aiakit.plugins.fingerprint import source_digest
from aiakit.plugins.loading import guarded, import_file, one_line
from aiakit.plugins.options import options_of, validate

Kind = Literal["attack", "defense", "encoder", "dataset", "linker", "decoder", "regressor"]
GROUPS: dict[Kind, str] = {
    "attack": "aiakit.attacks",
    "defense": "aiakit.defenses",
    "encoder": "aiakit.encoders",
    "dataset": "aiakit.datasets",
    "linker": "aiakit.linkers",
    "decoder": "aiakit.decoders",
    "regressor": "aiakit.regressors",
}
BASES: dict[Kind, tuple[type, ...]] = {
    "attack": (Attack,),
    "defense": (Defense, EmbeddingDefense),
    "encoder": (Encoder,),
    "dataset": (Dataset,),
    "linker": (Linker,),
    "decoder": (Decoder,),
    "regressor": (Regressor,),
}
NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class Entry:
    """A registered plugin, not yet imported.

    kind : one of ``GROUPS``.
    name : what the command line calls it.
    target : "module:Class".
    package : name and version of the distribution it came with ("" for a file).
    file : the plugin file, or None for an installed package.
    conflict : why the name cannot be used, "" where it can.
    """

    kind: Kind
    name: str
    target: str
    package: str = ""
    file: Path | None = None
    conflict: str = ""

    @property
    def built_in(self) -> bool:
        """Whether it comes with aiakit itself."""
        return self.file is None and self.package.partition(" ")[0] == "aiakit"

    @property
    def of_others(self) -> bool:
        """Whether it runs code that did not come with aiakit: it has a process of its own."""
        return not self.built_in or getattr(self.load(), "runs_code_of_others", False)

    def __str__(self) -> str:
        origin = f"package {self.package}" if self.file is None else f"file {self.file}"
        return f"{self.kind} {self.name!r} from {origin}"

    def load(self) -> type:
        """Import the plugin's class. Raises PluginError, naming the package and the cause, where that fails."""
        if self.conflict:
            raise PluginError(f"{self} cannot be used: {self.conflict}")
        try:
            found = self._found()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(f"{self} cannot be loaded: {one_line(error)}") from error
        bases = BASES.get(self.kind, (object,))
        if not isinstance(found, type) or not issubclass(found, bases):
            wanted = " or ".join(base.__name__ for base in bases)
            raise PluginError(f"{self} cannot be used: {self.target} is not a subclass of {wanted}")
        if inspect.isabstract(found):
            missing = ", ".join(sorted(vars(found)["__abstractmethods__"]))
            raise PluginError(f"{self} cannot be used: it does not implement {missing}")
        known = next((getattr(base, "risks", ()) for base in bases if issubclass(found, base)), ())
        said = getattr(found, "risks", ())
        if known and not (isinstance(said, tuple) and said and all(each in known for each in said)):
            raise PluginError(f"{self} cannot be used: its risks must be a tuple of {', '.join(known)}, not {said!r}")
        return found

    def _found(self) -> Any:
        """What is registered. Its module's code is guarded where it runs, which it does when it is first imported."""
        module, _, attribute = self.target.partition(":")
        known = sys.modules.get(module)  # None as well where its import is forbidden
        if known is not None and attribute in vars(known):
            return vars(known)[attribute]
        with contained(str(self)):
            return reduce(getattr, attribute.split("."), importlib.import_module(module))


class UnknownPlugin(InputError):
    """No plugin of this kind and name is registered. file : the plugin file that it is known to be in, if any."""

    def __init__(self, kind: Kind, name: str, known: Iterable[str], file: str | None = None) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        where = f"{name} was in the file {file}: give it" if file else "a file of yours with one is given"
        super().__init__(f"{unknown(kind, name, self.known)}; {where} with --plugin {file or 'FILE'}")


class Registry:
    """All kinds of plugins by kind and name."""

    def __init__(self) -> None:
        self._installed: dict[Kind, dict[str, Entry]] = {}
        self._from_files: dict[Path, list[Entry]] = {}

    def names(self, kind: Kind) -> list[str]:
        """The registered names of a kind, sorted; also those of plugins that cannot be loaded."""
        return sorted(self._entries(kind))

    def entry(self, kind: Kind, name: str) -> Entry:
        """The entry of a name. Raises UnknownPlugin with the nearest names where there is none."""
        entries = self._entries(kind)
        if name not in entries:
            raise UnknownPlugin(kind, name, sorted(entries))
        return entries[name]

    @overload
    def load(self, kind: Literal["attack"], name: str) -> type[Attack]: ...
    @overload
    def load(self, kind: Literal["defense"], name: str) -> type[Defense | EmbeddingDefense]: ...
    @overload
    def load(self, kind: Literal["encoder"], name: str) -> type[Encoder]: ...
    @overload
    def load(self, kind: Literal["dataset"], name: str) -> type[Dataset]: ...
    @overload
    def load(self, kind: Kind, name: str) -> type[Plugin]: ...
    def load(self, kind: Kind, name: str) -> type:
        """The class of a name, imported. Raises InputError or PluginError."""
        return self.entry(kind, name).load()

    @overload
    def make(self, kind: Literal["attack"], name: str, options: Mapping[str, Any] | None = None) -> Attack: ...
    @overload
    def make(
        self, kind: Literal["defense"], name: str, options: Mapping[str, Any] | None = None
    ) -> Defense | EmbeddingDefense: ...
    @overload
    def make(self, kind: Literal["encoder"], name: str, options: Mapping[str, Any] | None = None) -> Encoder: ...
    @overload
    def make(self, kind: Literal["dataset"], name: str, options: Mapping[str, Any] | None = None) -> Dataset: ...
    @overload
    def make(self, kind: Kind, name: str, options: Mapping[str, Any] | None = None) -> Any: ...
    def make(self, kind: Kind, name: str, options: Mapping[str, Any] | None = None) -> Any:
        """An instance with validated options (texts or values). Raises InputError or PluginError."""
        entry = self.entry(kind, name)
        self.require_available(kind, name)
        values = self.parameters(kind, name, options)
        with guard(entry):
            return entry.load()(**values)

    def unavailable(self, kind: Kind, name: str) -> str | None:
        """Why a plugin cannot be used here, such as an extra that is not installed; None where it can."""
        entry = self.entry(kind, name)
        cls = self.load(kind, name)
        with guard(entry):
            return cls.unavailable()

    def require_available(self, kind: Kind, name: str) -> None:
        """Raise InputError with the reason where ``unavailable`` gives one."""
        reason = self.unavailable(kind, name)
        if reason is not None:
            raise InputError(f"{kind} {name!r} cannot be used: {reason}")

    def parameters(self, kind: Kind, name: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Every parameter of a plugin after validation: the given options, and the defaults of the rest."""
        return validate(self.load(kind, name), options or {}, name)

    def owners(self, option: str, plugins: Iterable[tuple[Kind, str]]) -> list[str]:
        """The names of those plugins that have an option of this name, in their order, each once."""
        return [name for kind, name in dict.fromkeys(plugins) if option in options_of(self.load(kind, name), name)]

    def fingerprint(self, kind: Kind, name: str) -> str:
        """sha256 over the sources that decide what the plugin does: its module, its base classes' modules, and what
        these import from their own package or from aiakit (see ``source_digest``)."""
        return source_digest(cls.__module__ for cls in self.load(kind, name).__mro__)

    def register_file(self, path: str | Path) -> list[Entry]:
        """Load a Python file and register every concrete plugin class that it defines.

        A plugin's name is the class's own attribute ``name``, else the class name in kebab case; classes whose name
        begins with an underscore are left out. Registering a file twice changes nothing. Raises InputError where the
        file is missing, cannot be imported, defines no plugin, or a name is taken.
        """
        path = Path(path).absolute()
        if path in self._from_files:
            return self._from_files[path]
        module = import_file(path, "the plugin file")
        entries: list[Entry] = []
        own = {id(cls): (attribute, cls) for attribute, cls in reversed(vars(module).items())}  # under its first name
        for attribute, cls in reversed(own.values()):
            if not isinstance(cls, type) or cls.__module__ != module.__name__ or cls.__name__.startswith("_"):
                continue
            kind = next((kind for kind, bases in BASES.items() if issubclass(cls, bases)), None)
            if kind is None or inspect.isabstract(cls):
                continue
            name = vars(cls).get("name", kebab(cls.__name__))
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise InputError(f"{path}: {name!r} is no plugin name: use small letters, digits and hyphens")
            taken = {**self._entries(kind), **{entry.name: entry for entry in entries if entry.kind == kind}}
            if name in taken:
                hint = f"set another name = … in class {cls.__name__}"
                raise InputError(f"{path}: {taken[name]} has the name {name!r} already: {hint}")
            entries.append(Entry(kind, name, f"{module.__name__}:{attribute}", file=path))
        if not entries:
            raise InputError(
                f"{path} defines no plugin: subclass Attack, Defense or Encoder, or another base of aiakit.contracts"
            )
        self._from_files[path] = entries
        return entries

    def registered_files(self) -> list[Path]:
        """The files registered so far, in order: a spawned worker registers the same."""
        return list(self._from_files)

    def _entries(self, kind: Kind) -> dict[str, Entry]:
        if not self._installed:
            self._installed = _installed()
        from_files = {entry.name: entry for entries in self._from_files.values() for entry in entries}
        return {**self._installed[kind], **{name: entry for name, entry in from_files.items() if entry.kind == kind}}


def _installed() -> dict[Kind, dict[str, Entry]]:
    """Every kind's: what is installed is looked through once."""
    points = entry_points()
    return {kind: _of_kind(kind, points.select(group=group)) for kind, group in GROUPS.items()}


def _of_kind(kind: Kind, points: EntryPoints) -> dict[str, Entry]:
    found: dict[str, list[Entry]] = {}
    for point in points:
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        found.setdefault(point.name, []).append(Entry(kind, point.name, point.value, package))
    entries = {}
    for name, candidates in found.items():
        packages = sorted(entry.package for entry in candidates)
        conflict = "" if len(candidates) == 1 else f"{' and '.join(packages)} both register it, uninstall one"
        first = candidates[0]
        entries[name] = Entry(kind, name, first.target, " and ".join(packages), conflict=conflict)
    return entries


def kebab(class_name: str) -> str:
    """``MyAttack`` → ``my-attack``, ``AIAWithoutTask`` → ``aia-without-task``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", "-", class_name).lower()


@contextmanager
def guard(entry: Entry) -> Iterator[None]:
    """Turn whatever a plugin raises into one PluginError that names the plugin, its package, and the line."""
    module = entry.target.partition(":")[0]
    with guarded(str(entry), lambda: getattr(sys.modules.get(module), "__file__", None) or ""):
        yield


REGISTRY = Registry()
names = REGISTRY.names
entry = REGISTRY.entry
load = REGISTRY.load
make = REGISTRY.make
parameters = REGISTRY.parameters
unavailable = REGISTRY.unavailable
require_available = REGISTRY.require_available
fingerprint = REGISTRY.fingerprint
owners = REGISTRY.owners
register_file = REGISTRY.register_file
registered_files = REGISTRY.registered_files
