"""What the sections of a run's report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiakit.experiment.command import Command
from aiakit.faces.examples import Gallery
from aiakit.report.links import Links
from aiakit.results.figures import Figures

Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """What a report is made of.

    document : the machine-readable document of the run. config : the run's configuration as JSON.
    command : the arguments of ``aiakit`` that made the run, where they are known.
    cells : the folder of the run's cells as a relative address, to lead to what a figure was computed from.
    gallery : faces to show; None for none, and then ``without_faces`` says why, where that needs saying.
    """

    document: dict[str, Any]
    figures: Figures
    config: dict[str, Any]
    command: Command | None
    cells: str
    gallery: Gallery | None = None
    without_faces: str = ""

    @property
    def rows(self) -> list[Row]:
        return list(self.document["rows"])

    @property
    def links(self) -> Links:
        return Links(self.figures, self.cells)
