"""What ``aiakit calibrate`` shows: a table on a terminal, and a heat-map of η."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from aiakit.errors import InputError
from aiakit.report.charts import table_of_colours
from aiakit.report.conclusion import percent
from aiakit.report.grid import NONE, Grid, figure, print_grid, say
from aiakit.report.page import Page, Section, render_page
from aiakit.report.svg import save_chart
from aiakit.report.terminal import stdout
from aiakit.report.theme import Chart, title
from aiakit.storage.documents import UNSOUND, read_json
from aiakit.storage.store import write_atomically

SUITE = "suite"
CAPTION = (
    "η = (accuracy − ½) / (Bayes − ½) of every attack on leaks whose Bayes accuracy is known, medians over draws. "
    "The suite is the attack chosen on the validation set; ● marks the one that it chose most often."
)


def print_calibration(document: dict[str, Any]) -> None:
    """Print the leaks with what the suite reaches, then η of every attack, then the false alarms."""
    out, samples, seeds = stdout(), document["n"], document["seeds"]
    say(out, f"{samples} samples to learn from, as many to test on, median of {seeds} draws", "bold")
    out.print()
    headings = ("leak", "Bayes", "suite", "least", "most", "η", "selected")
    rows = []
    for row in document["rows"]:
        numbers = [row["bayes"], row["suite"], min(row["per_seed"]), max(row["per_seed"]), row["eta"]]
        rows.append([row["leak"], *map(figure, numbers), ", ".join(dict.fromkeys(row["selected_per_seed"]))])
    print_grid(out, Grid("η = (suite − ½) / (Bayes − ½)", headings, rows, ("selected",)))
    informative = [row for row in document["rows"] if row["eta"] is not None]
    if informative:
        print_grid(out, _attacks(informative))
    nulls = document["nulls"]
    if nulls is not None:
        say(
            out,
            f"nulls: the selected attack is not significant in {nulls['count'] - nulls['significant']} of "
            f"{nulls['count']} ({nulls['not_significant']:.1%})",
        )
    for note in document["notes"]:
        say(out, note)


def _attacks(informative: list[dict[str, Any]]) -> Grid:
    rows = []
    for name in dict.fromkeys(name for row in informative for name in row["attacks"]):
        etas = [row["attacks"].get(name) for row in informative]
        rows.append([name, *(NONE if eta is None else f"{eta:.2f}" for eta in etas)])
    return Grid("η of every attack", ["attack", *(row["leak"] for row in informative)], rows)


@dataclass(frozen=True)
class Calibration:
    """A document of ``aiakit calibrate`` and the command or file that it comes from."""

    document: dict[str, Any]
    made_by: str


# Shipped with the package. Each file is what the command's --out wrote.
SHIPPED = {
    "embedding.json": "aiakit calibrate --leaks embedding --seeds 3",
    "image.json": "aiakit calibrate --leaks image --attacks pixels,spectrum,stack --seeds 3",
}


def shipped_calibrations() -> list[Calibration]:
    """What the built-in attacks were measured to find when this version was made."""
    folder = files("aiakit.calibration") / "measured"
    return [Calibration(json.loads((folder / name).read_text("utf-8")), command) for name, command in SHIPPED.items()]


class _Row(BaseModel):
    """What the heat-map shows of a leak."""

    model_config = ConfigDict(strict=True)

    leak: str
    eta: float | None
    attacks: dict[str, float | None]
    selected: str | None


def read_calibration(path: Path) -> Calibration:
    """A document that ``aiakit calibrate --out`` wrote. Raises InputError for anything else."""
    document = read_json(path)
    try:
        if document["schema"] == 1 and any(_Row.model_validate(row).eta is not None for row in document["rows"]):
            return Calibration(document, str(path))
    except UNSOUND:  # it is something else
        pass
    raise InputError(f"{path} is no calibration: give a file that aiakit calibrate --out wrote")


def calibration_heatmap(document: dict[str, Any], chart_name: str = "calibration") -> Chart:
    """η of every attack, and of the suite, on every leak in which there is something to find."""
    rows = [row for row in document["rows"] if row["eta"] is not None]
    cells = [
        {
            "leak": row["leak"],
            "attack": title(name),
            "value": value,
            "text": _short(value) + ("●" if chosen else ""),
            "says": f"{title(name)} finds {percent(value)} of {row['leak']}",
        }
        for row in rows
        for name, value, chosen in [
            (SUITE, row["eta"], False),
            *((name, value, name == row["selected"]) for name, value in row["attacks"].items()),
        ]
    ]
    return table_of_colours(chart_name, CAPTION, cells, "leak", (0, 1))


def _short(value: float) -> str:
    """``.97``, ``−.01``, ``1.0``."""
    return "1.0" if value >= 0.995 else f"{round(value, 2) + 0.0:.2f}".replace("0.", ".", 1).replace("-", "−")


def write_heatmap(document: dict[str, Any], path: Path) -> None:
    """Write the heat-map as ``path``'s suffix says: .svg, .png, or .html, a page that needs no network."""
    chart = calibration_heatmap(document)
    if path.suffix == ".html":
        subtitle = f"{document['n']} samples, {document['seeds']} draws of every leak"
        sections = [Section("calibration", "How much of a known leak each attack finds", charts=[chart])]
        write_atomically(path, render_page(Page("Calibration of attacks", subtitle, [], sections)))
        return
    with tempfile.TemporaryDirectory(dir=path.absolute().parent) as folder:
        made = {file.suffix: file for file in save_chart(chart, Path(folder))}
        made[path.suffix].replace(path)
