"""The result of a run or an audit, as Python holds it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE
from aiakit.experiment.run import Run
from aiakit.results.document import document_of
from aiakit.results.evaluate import Evaluation, evaluate

FIGURES = ("balanced_accuracy", "auc", "advantage", "bits", "val_balanced_accuracy", "power")


@dataclass(frozen=True)
class Result:
    """A run folder, and everything that is computed from its stored scores.

    run : the opened folder. kept : what the folder vanishes with, where it was not given one of its own.
    """

    run: Run
    kept: TemporaryDirectory[str] | None = None

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The result in a folder. Raises InputError where it holds none, or a damaged one."""
        return cls(Run.open(Path(folder)))

    @cached_property
    def evaluation(self) -> Evaluation:
        """The statistics of every finished cell."""
        return evaluate(self.run.store, self.run.config)

    @cached_property
    def _document(self) -> dict[str, Any]:
        return document_of(self.evaluation, self.run.failures())

    def document(self) -> dict[str, Any]:
        """What ``run --json``, ``audit --json`` and ``show --json`` print, plain JSON values."""
        return self._document

    @property
    def complete(self) -> bool:
        """Whether every attack gave a result."""
        return bool(self._document["complete"])

    def table(self) -> list[dict[str, Any]]:
        """One flat record for each attribute, release and attack, the selected attack of each release first.

        Keys: attribute, release, attack, selected, balanced_accuracy, low, high (its 95 % interval), auc, advantage,
        bits, val_balanced_accuracy, power (None without a reference). Where nothing was trained the reference is left
        out: it only shows power.
        """
        document, records = self._document, []
        audits = self.run.config.audits
        for name, found in {document["attribute"]: document, **document.get("further", {})}.items():
            for row in found["rows"]:
                if not (audits and row["release"] == REFERENCE):
                    records += _records(name, row)
        return records

    def save(self, folder: str | Path) -> Path:
        """Copy the run folder to a new place, and return it. Raises InputError where something is there."""
        folder = Path(folder)
        if folder.exists():
            raise InputError(f"{folder} exists: name a folder that does not")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as making:
                copied = Path(making) / "copy"
                shutil.copytree(self.run.folder, copied)
                copied.rename(folder)
        except OSError as error:
            raise InputError(f"{folder} cannot be written to ({error.strerror}): name another folder") from None
        return folder


def _records(attribute: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    chosen = row["strongest"] and row["strongest"]["attack"]
    found = [
        {"attribute": attribute, "release": row["release"], "attack": attack, "selected": attack == chosen}
        | {"low": measured["ci95"][0], "high": measured["ci95"][1]}
        | {figure: measured[figure] for figure in FIGURES}
        for attack, measured in row["attacks"].items()
    ]
    return sorted(found, key=lambda each: (not each["selected"], -each["val_balanced_accuracy"]))
