"""The HTML report of a run: from the run's document and stored scores to one offline page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from altair.utils.schemapi import debug_mode

from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.faces.examples import Gallery, gallery_of
from aiakit.report.page import Page, render_page
from aiakit.report.sections import SECTIONS, lead_of
from aiakit.report.source import Source
from aiakit.report.svg import save_chart
from aiakit.results.evaluate import Evaluation
from aiakit.results.figures import figures_of
from aiakit.storage.cache import cache_folder
from aiakit.storage.documents import writing
from aiakit.storage.store import write_atomically

REPORT = "report.html"
FIGURES = "figures"
FACES = 3  # shown where nobody says how many


@debug_mode(False)  # checking each part of each chart against a schema is half the time, and the business of tests
def report_page(
    run: Run, evaluation: Evaluation, document: dict[str, Any], folder: Path, faces: int | None = None
) -> Page:
    """The report of a run as a page.

    folder : where it will lie, so that links to the run's cells are relative. faces : how many test faces are shown.
    None shows some where nobody is real, and none otherwise: a report is made to be passed on, and a page holds the
    pictures themselves, so that whoever sends it must have decided to. Raises InputError where faces are asked for and
    the data set cannot be loaded.
    """
    gallery, without = _faces(run, evaluation, faces)
    source = Source(
        document,
        figures_of(run.store, evaluation),
        run.config.model_dump(mode="json"),
        run.command,
        quote(os.path.relpath(run.folder / "cells", folder)),
        gallery,
        without,
    )
    audits = run.config.audits
    said = "this release says" if audits else "releases of faces say"
    title = f"{document['dataset']}: what {said} of {document['attribute']}"
    repeats = "" if audits else f"{document['seeds']} seed{'s' if document['seeds'] > 1 else ''} · "
    subtitle = (
        f"{', '.join(document['classes'])} · {document['people']} people · {document['images']} images · {repeats}"
        f"aiakit {document['aiakit']}"
    )
    sections = [section for make in SECTIONS if (section := make(source)) is not None]
    return Page(title, subtitle, lead_of(document), sections)


def write_report(
    run: Run,
    evaluation: Evaluation,
    document: dict[str, Any],
    folder: Path | None = None,
    figures: bool = False,
    faces: int | None = None,
) -> list[Path]:
    """Write ``report.html`` into the folder (the run's own by default) and return the files.

    figures : also write each chart as SVG, PNG and PDF to ``figures`` in the folder. faces : as for ``report_page``.
    Raises InputError where the folder cannot be written to.
    """
    folder = run.folder if folder is None else folder
    return write_page(report_page(run, evaluation, document, folder, faces), folder, REPORT, figures)


def _faces(run: Run, evaluation: Evaluation, count: int | None) -> tuple[Gallery | None, str]:
    """The faces of a report, or why there are none."""
    if count == 0 or (count is None and not run.config.has_images):
        return None, ""
    run.config.require_images()
    if count is None and run.config.dataset.loader.real_people:
        return None, f"Real people are shown only when asked for: aiakit report {run.folder.name} --faces {FACES}."
    try:
        return gallery_of(run, evaluation.rows, Runtime(cache_folder()), count=count or FACES), ""
    except InputError as error:
        if count is not None:
            raise
        return None, f"The faces cannot be shown: {error}"


def write_page(page: Page, folder: Path, name: str, figures: bool = False) -> list[Path]:
    """Write a page under a name, and its charts where asked for. Raises InputError where that is not possible."""
    html = render_page(page)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, html)
        paths = [folder / name]
        if figures:
            (folder / FIGURES).mkdir(exist_ok=True)
            for chart in page.charts():
                paths += save_chart(chart, folder / FIGURES)
    return paths
