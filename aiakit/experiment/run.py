"""A run folder: what was asked for, what failed, and the cells."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from aiakit.errors import InputError
from aiakit.experiment.cells import COMPUTE
from aiakit.experiment.command import Command, from_record, to_store
from aiakit.experiment.config import SCHEMA, Chain, RunConfig, label_of
from aiakit.experiment.engine import Engine, Observer, Outcome, run_cells
from aiakit.experiment.plan import CellSpec, make_plan
from aiakit.experiment.runtime import Runtime
from aiakit.plugins import registry
from aiakit.storage.documents import first_problem, read_json
from aiakit.storage.store import CELLS, Store, json_digest, write_atomically

RUN = "run.json"
FAILURES = "failures.json"
OF_CELLS = re.compile(r"[0-9a-f]{32}$|\.|damaged")  # names of cells, unfinished ones, and those that were set aside
AGAIN = "remove that file and give the command of the run again, which keeps the finished cells"


class NothingReleased(InputError):
    """No release that was asked for could be made, since no defense can use what was given."""


def default_name(config: RunConfig) -> str:
    """A name that says what the run is and changes with what is asked for: the same command finds its folder again."""
    if config.audits:
        return _with_digest(f"audit-{config.dataset.name}", config)
    defenses = "-".join(label_of(chain) for chain in config.defenses if label_of(chain) != config.reference)
    return _with_digest(f"{config.dataset.name}-{defenses or config.reference}", config)


def plugin_file(out: Path, kind: registry.Kind, name: str) -> str | None:
    """The file that a plugin came from, as the newest run in a folder of runs was given it; None where none was."""
    if not out.is_dir():
        return None
    for folder in sorted(out.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            run = Run.open(folder)
        except InputError:
            continue
        for spec in [run.config.dataset, *run.config.plugins]:
            if (spec.kind, spec.name) == (kind, name) and spec.sha256:
                given = (word for word in run.command or () if Path(word).name == spec.package)
                return next(given, spec.package)
    return None


def _with_digest(words: str, config: RunConfig) -> str:
    readable = re.sub(r"[^a-z0-9+-]+", "-", words.lower()).strip("-")
    asked = {name: value for name, value in config.asked().items() if name != "threads"}  # the machine's
    for several in ("protected", "protected_numbers"):
        if not asked[several]:
            del asked[several]  # runs that protect one attribute keep their names
    return f"{readable[:60]}-{json_digest(asked)[:8]}"


@dataclass
class Run:
    """An opened run folder. record : the file in it that says what was asked for.

    command : the arguments of ``aiakit`` that made it; None where they are not known, as of a run made from Python.
    """

    folder: Path
    config: RunConfig
    command: Command | None = None
    record: ClassVar[str] = RUN

    @property
    def store(self) -> Store:
        return Store(self.folder)

    @classmethod
    def create(cls, folder: Path, config: RunConfig, command: Sequence[str] | None = None) -> Self:
        """Open the folder for this configuration, making it where it is not there.

        command : the arguments of ``aiakit``; those that made a run stay when others resume it.
        Raises InputError where it holds another configuration, something else, or cannot be written to.
        """
        written = (folder / cls.record).exists
        if not written() and folder.exists() and not cls._is_mine(folder) and not written():  # by another start, since
            raise InputError(f"{folder} exists and is no run folder: give another --name or --out")
        if written():
            run = cls.open(folder)
            changed = ", ".join(_differences(run.config, config))
            if changed:
                raise InputError(
                    f"{folder} belongs to another configuration (different: {changed}): give another --name or --out"
                )
            if run.command is None and (stored := to_store(command)) is not None:
                run.command = tuple(stored)
                run._update(command=stored)
            if run.config.model_dump(mode="json") != config.model_dump(mode="json"):
                run.config = config  # the code of a plugin was edited: its cells are computed again, and no others
                run._update(config=config.model_dump(mode="json"))
            return run
        stored = to_store(command)
        run = cls(folder, config, None if stored is None else tuple(stored))
        run.store.open()
        record = {
            "schema": SCHEMA,
            "config": config.model_dump(mode="json"),
            "host": {"system": platform.platform(), "machine": platform.machine(), "python": platform.python_version()},
            "command": stored,
        }
        write_atomically(folder / cls.record, json.dumps(record, indent=1) + "\n")
        return run

    def _update(self, **changed: Any) -> None:
        record = {**read_json(self.folder / self.record), **changed}
        write_atomically(self.folder / self.record, json.dumps(record, indent=1) + "\n")

    @classmethod
    def _is_mine(cls, folder: Path) -> bool:
        """Whether a folder without a record is a start that was killed, or a run whose record was removed."""
        if not folder.is_dir():
            return False
        cells = [entry.name for entry in (folder / CELLS).iterdir()] if (folder / CELLS).is_dir() else []
        if cells:
            return all(map(OF_CELLS.match, cells))
        return all(path.name == CELLS or path.name.startswith(f".{cls.record}-") for path in folder.iterdir())

    @classmethod
    def open(cls, folder: Path) -> Self:
        """An existing run. Raises InputError where the folder holds none, or one that this version cannot read."""
        path = folder / cls.record
        if not path.is_file():
            raise InputError(
                f"{folder} is no run folder (it has no {cls.record}): give the path that aiakit run printed"
            )
        try:
            record = read_json(path)
        except InputError as error:
            raise InputError(f"{error}: {AGAIN}") from None
        try:
            if not isinstance(record, dict) or "schema" not in record:
                raise ValueError(f"it has no schema version: {AGAIN}")
            if record["schema"] != SCHEMA:
                earlier = isinstance(record["schema"], int) and record["schema"] < SCHEMA
                way = "run it again with this version" if earlier else "update aiakit"
                raise ValueError(f"its schema is {record['schema']}, this version reads {SCHEMA}: {way}")
            return cls(folder, RunConfig.model_validate(record["config"]), from_record(record.get("command")))
        except ValidationError as error:
            problem = first_problem(error)
            raise InputError(f"{path} is damaged: {problem}: {AGAIN}") from None
        except KeyError as error:
            raise InputError(f"{path} cannot be read: it has no {error}: {AGAIN}") from None
        except ValueError as error:
            raise InputError(f"{path} cannot be read: {error}") from None

    def execute(
        self,
        runtime: Runtime,
        observer: Observer,
        engine: Engine,
        broken: dict[str, str],
        cells: Sequence[CellSpec] | None = None,
    ) -> list[str]:
        """Compute what is missing; returns notes. Failures are written to the folder, for ``show``.

        cells : what there is to compute; those of the configuration where none are given. Raises InputError as
        ``run_cells``, and NothingReleased.
        """
        cells = make_plan(self.config).unique_cells() if cells is None else cells
        store = self.store  # one, since it remembers which cells it found damaged
        self._require_plugins(store, cells)
        outcome = run_cells(store, cells, runtime, observer, engine, COMPUTE)
        labels = {cell.digest: cell.label for cell in cells}
        failures = {**broken, **{labels[digest]: reason for digest, reason in outcome.failures.items()}}
        path = self.folder / FAILURES
        if failures:
            write_atomically(path, json.dumps(failures, indent=1) + "\n")
        else:
            path.unlink(missing_ok=True)
        self._require_a_release(cells, outcome)
        return outcome.notes

    def _require_a_release(self, cells: Sequence[CellSpec], outcome: Outcome) -> None:
        """Raise NothingReleased, with what the defenses say, where they refuse all that was asked for.

        The undefended release, which is made for comparison, counts only where nothing else was asked for.
        """
        makers = {cell.digest: cell for cell in cells if cell.kind == "release"}
        measured = {need for cell in cells if cell.digest not in makers for need in cell.needs}
        releases = [cell for digest, cell in makers.items() if digest in measured]  # and no stages on the way to one
        asked = [cell for cell in releases if cell.release != self.config.reference] or releases
        if not asked or any(cell.digest not in outcome.failures for cell in asked):
            return
        failed = [cell for digest, cell in makers.items() if digest in outcome.failures]
        first = [cell.digest for cell in failed if not any(need in outcome.failures for need in cell.needs)]
        if first and outcome.refused.issuperset(first):
            raise NothingReleased("; ".join(dict.fromkeys(outcome.failures[digest] for digest in first)))

    def _require_plugins(self, store: Store, cells: Sequence[CellSpec]) -> None:
        """Raise InputError where a plugin that is still needed is not there: it names the file that has to be given."""
        needed = {cell.plugin for cell in cells if not store.has(cell.digest)}
        for spec in self.config.plugins:
            if (spec.kind, spec.name) in needed:
                spec.registered()

    def chain(self, name: str) -> Chain:
        """The defense of a name. Raises InputError where the run has none."""
        chains = {label_of(chain): chain for chain in self.config.defenses}
        if name not in chains:
            raise InputError(f"{self.folder} has no defense {name!r}, only {', '.join(chains)}")
        return chains[name]

    def seed(self, asked: int | None) -> int:
        """One of the defenses' seeds, the first where none is asked for. Raises InputError where the run lacks it."""
        if asked is not None and asked not in self.config.seeds:
            raise InputError(f"{self.folder} has no seed {asked}, only {', '.join(map(str, self.config.seeds))}")
        return self.config.seeds[0] if asked is None else asked

    def require_finished(self, excused: Collection[str] = ()) -> None:
        """Raise InputError where a cell has no result. excused : labels of cells that need none."""
        cells = [cell for cell in make_plan(self.config).unique_cells() if cell.label not in excused]
        missing = [cell.label for cell in cells if not self.store.has(cell.digest)]
        if missing:
            raise InputError(
                f"{self.folder} is not finished ({len(missing)} cells have no result, {missing[0]} among them): "
                "run the same command again"
            )

    def failures(self) -> dict[str, str]:
        """Label of a cell or plugin → why it has no result, as the last start found it."""
        path = self.folder / FAILURES
        if not path.exists():
            return {}
        try:
            return {str(label): str(reason) for label, reason in read_json(path).items()}
        except AttributeError:
            raise InputError(f"{path} cannot be read: it is no table") from None


def _differences(old: RunConfig, new: RunConfig) -> list[str]:
    before, after = old.asked(), new.asked()
    names = [name for name in after if before.get(name) != after[name]]  # as JSON: a tuple is a list there
    files = list(_changed_files(before, after))
    if files and _without_files(before) == _without_files(after):
        return files
    words = {"framework": "the version of aiakit", "libraries": "the versions of libraries"}
    words["threads"] = f"--threads, which was {before.get('threads')}"
    return [words.get(name, name) for name in names]


def _changed_files(before: Any, after: Any) -> Iterator[str]:
    """A line for each thing that a plugin names or needs as before, and whose content or version is another."""
    if isinstance(after, dict) and isinstance(before, dict):
        for key, digest in after.get("files", {}).items():
            if before.get("files", {}).get(key, digest) != digest:
                named = after["params"].get(key)
                what = f"the {key} of {after['name']}"
                yield what if named is None else f"the content of {named}, {what}"
        for name, part in after.items():
            yield from _changed_files(before.get(name), part)
    elif isinstance(after, list) and isinstance(before, list):
        for old, new in zip(before, after, strict=False):
            yield from _changed_files(old, new)


def _without_files(asked: Any) -> Any:
    if isinstance(asked, dict):
        return {name: _without_files(part) for name, part in asked.items() if name != "files"}
    return [_without_files(part) for part in asked] if isinstance(asked, list) else asked
