"""An audit's result: stored scores, and everything that is computed from them."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from aiakit.auditing.config import AuditConfig
from aiakit.auditing.measure import measure
from aiakit.auditing.runner import Scored
from aiakit.auditing.unfinished import UNFINISHED, carry_over, unfinished
from aiakit.datasets.samples import Samples
from aiakit.errors import InputError
from aiakit.storage import tensorfile
from aiakit.storage.documents import read_json, sound
from aiakit.storage.store import flush

SCHEMA = 1
RESULT, SCORES = "result.json", "scores.safetensors"


@dataclass(frozen=True)
class AuditResult:
    """Scores and labels of an audit; figures are computed from them when they are asked for.

    config : what was asked for. facts : one record an attribute (classes, splits, notes, failures, seconds).
    tensors : one table an attribute, as ``Scored`` describes.
    """

    config: AuditConfig
    facts: tuple[dict[str, Any], ...]
    tensors: tuple[dict[str, NDArray[Any]], ...]

    @classmethod
    def of(cls, samples: Samples, config: AuditConfig, scored: list[Scored], broken: dict[str, str]) -> AuditResult:
        """The result of what ``run_audit`` computed; ``broken`` names plugins that could not be loaded."""
        facts = tuple(_facts(samples, each, broken) for each in scored)
        return cls(config, facts, tuple(each.tensors for each in scored))

    @property
    def complete(self) -> bool:
        """Whether every attack gave a result on every attribute."""
        return not any(facts["failures"] for facts in self.facts)

    @cached_property
    def _documents(self) -> dict[str, dict[str, Any]]:
        return {
            facts["attribute"]: measure(self.config, facts, tensors)
            for facts, tensors in zip(self.facts, self.tensors, strict=True)
        }

    def document(self) -> dict[str, Any]:
        """What ``audit --json`` prints: the document of ``run --json`` with one row, plain JSON values.

        With several attributes it is the first one's, and "attributes" holds all of them by name.
        """
        first = next(iter(self._documents.values()))
        several = {"attributes": self._documents} if len(self._documents) > 1 else {}
        return first | {"complete": self.complete} | several

    def table(self) -> list[dict[str, Any]]:
        """One flat record for each attribute and attack, strongest (on attacker-val) first: ready for a data frame.

        Keys: attribute, attack, selected, balanced_accuracy, low, high (its 95 % interval), auc, advantage, bits,
        val_balanced_accuracy, power (None without a reference).
        """
        records = []
        for name, document in self._documents.items():
            row = document["rows"][0]
            chosen = row["strongest"] and row["strongest"]["attack"]
            figures = ("balanced_accuracy", "auc", "advantage", "bits", "val_balanced_accuracy", "power")
            found = [
                {"attribute": name, "attack": attack, "selected": attack == chosen}
                | {"low": measured["ci95"][0], "high": measured["ci95"][1]}
                | {figure: measured[figure] for figure in figures}
                for attack, measured in row["attacks"].items()
            ]
            records += sorted(found, key=lambda each: (not each["selected"], -each["val_balanced_accuracy"]))
        return records

    def save(self, folder: str | Path) -> Path:
        """Write ``result.json`` and ``scores.safetensors`` into a new folder, all or nothing; returns the folder.

        An earlier audit in that folder is replaced; what was begun there of this one stays where a part of it failed.
        Raises InputError where the folder holds something else or cannot
        be written to.
        """
        folder = Path(folder)
        require_place(folder)
        record = {
            "schema": SCHEMA,
            "kind": "audit",
            "config": self.config.model_dump(mode="json"),
            "facts": list(self.facts),
            "document": self.document(),
        }
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            flat = {f"{i}/{name}": array for i, table in enumerate(self.tensors) for name, array in table.items()}
            tensorfile.save(making / SCORES, flat)
            (making / RESULT).write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", "utf-8")
            for path in (*making.iterdir(), making):
                flush(path)
            making.chmod(0o755)
            if not self.complete:
                carry_over(folder, making, self.config)
            _publish(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> AuditResult:
        """A saved audit. Raises InputError where the folder holds none, an unfinished or a damaged one."""
        folder = Path(folder)
        if not (folder / RESULT).is_file() and unfinished(folder) is not None:
            raise InputError(f"the audit in {folder} was interrupted: run the same command again, and it goes on")
        try:
            record = read_json(folder / RESULT)
            if record["kind"] != "audit" or record["schema"] != SCHEMA:
                raise ValueError(f"it is no audit of schema {SCHEMA}")
            config, facts = AuditConfig.model_validate(record["config"]), tuple(record["facts"])
            flat = tensorfile.load(folder / SCORES)
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{folder} holds no audit that can be read: {reason}") from None
        tensors: tuple[dict[str, NDArray[Any]], ...] = tuple({} for _ in facts)
        with sound(folder):
            for name, array in flat.items():
                place, _, key = name.partition("/")
                tensors[int(place)][key] = array
            loaded = cls(config, facts, tensors)
            loaded.document()  # its figures are remembered
        return loaded


def holds_audit(folder: Path) -> bool:
    """Whether a folder holds an audit, finished or not (a run's folder has another kind of record)."""
    return (folder / RESULT).is_file() or (folder / UNFINISHED).is_file()


def earlier(folder: Path, config: AuditConfig) -> AuditResult | None:
    """The complete result of an earlier start of the same audit; None where there is none yet.

    Raises InputError where the folder holds another audit, or one that cannot be read.
    """
    if not holds_audit(folder):
        return None
    found = AuditResult.load(folder) if (folder / RESULT).is_file() else None
    begun = unfinished(folder) if found is None else found.config
    if begun is None or not begun.equals(config):
        raise InputError(f"{folder} holds another audit: give another --name or --out")
    return found if found is not None and found.complete else None


def require_place(folder: Path) -> None:
    """Raise InputError where an audit cannot be written: something else is there, or the place is not writable."""
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        if taken and not (
            ((folder / SCORES).is_file() and (folder / RESULT).is_file()) or (folder / UNFINISHED).is_file()
        ):
            raise InputError(f"{folder} exists and holds no audit: give another --name or --out")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder.parent):
            pass
    except OSError as error:
        raise InputError(
            f"the folder {folder.parent} cannot be written to ({error.strerror}): choose another with --out"
        ) from None


def _publish(making: Path, folder: Path) -> None:
    if not folder.exists():
        making.rename(folder)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        folder.rename(aside / "old")
        making.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    flush(folder.parent)


def _facts(samples: Samples, scored: Scored, broken: dict[str, str]) -> dict[str, Any]:
    split = scored.split
    return {
        "dataset": samples.name,
        "attribute": scored.attribute,
        "classes": list(scored.classes),
        "people": sum(split.people.values()),
        "images": sum(len(rows) for rows in split.rows.values()),
        "splits": {name: {"people": split.people[name], "images": len(rows)} for name, rows in split.rows.items()},
        "bayes_ceiling": None,
        "groups": [{"name": name, "classes": list(group.classes)} for name, group in samples.groups.items()],
        "notes": scored.notes,
        "failures": {**broken, **scored.failures},
        "seconds": scored.seconds,
    }
