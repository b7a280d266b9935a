"""The result of a run or an audit, as Python holds it."""

from __future__ import annotations

import html
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from aiakit.api.shapes import as_altair, as_frame, html_table
from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE
from aiakit.experiment.run import Run
from aiakit.report import charts
from aiakit.report.html import write_report
from aiakit.report.sections import lead_of
from aiakit.report.svg import inline_svg
from aiakit.report.theme import Chart
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

    def to_dict(self) -> dict[str, Any]:
        """What ``run --json``, ``audit --json`` and ``show --json`` print, plain JSON values."""
        return self._document

    def summary(self) -> str:
        """What a hurried reader must know, in a few sentences."""
        return " ".join(lead_of(self._document))

    def __repr__(self) -> str:
        document = self._document
        best = {row["release"]: row.get("worst", row) for row in document["rows"] if row["strongest"] is not None}
        read = ", ".join(f"{name} {of['strongest']['balanced_accuracy']:.3f}" for name, of in best.items())
        names = " or ".join(document.get("protected", [document["attribute"]]))
        return f"Result({names} read from {read or 'nothing yet'}; {str(self.run.folder)!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentences, a table of the releases, and what was claimed and measured."""
        chart = self._chart()
        drawn = "" if chart is None else inline_svg(chart.spec, "aiakit-", chart.caption)
        return f"<p>{html.escape(self.summary())}</p>{html_table(self.table(), ('selected',))}{drawn}"

    def _chart(self) -> Chart | None:
        found = self._document
        return charts.dumbbell(found["rows"], found["chance"], found["smallest_detectable"], found["bayes_ceiling"])

    def plot(self) -> Any:
        """An altair chart of what each release claims and what is read from it. Raises InputError where nothing is."""
        chart = self._chart()
        if chart is None:
            raise InputError("there is nothing to draw: no attack has given a result")
        return as_altair(chart)

    def to_pandas(self) -> Any:
        """``table()`` as a DataFrame. Raises InputError where pandas is not installed."""
        return as_frame(self.table())

    def report(self, path: str | Path | None = None, figures: bool = False, faces: int | None = None) -> Path:
        """Write the offline page into a folder (by default the run's) and return the file.

        figures : also write each chart as SVG, PNG and PDF. faces : how many test faces are shown (see ``aiakit
        report``). Raises InputError where the folder cannot be written to.
        """
        folder = None if path is None else Path(path)
        page, *_ = write_report(self.run, self.evaluation, self._document, folder, figures, faces)
        return page

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
