"""The HTML report of a run: from the run's document and stored scores to one offline page."""

from __future__ import annotations

import inspect
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiakit.errors import InputError
from aiakit.experiment.config import PluginSpec, label_of
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.faces.examples import Gallery, gallery_of
from aiakit.plugins import registry
from aiakit.report.page import Page, render_page
from aiakit.report.sections import SECTIONS, lead_of
from aiakit.report.source import Source
from aiakit.report.svg import save_chart
from aiakit.results.figures import figures_of
from aiakit.results.judge import Evaluation
from aiakit.storage.cache import cache_folder
from aiakit.storage.store import write_atomically

REPORT = "report.html"
FIGURES = "figures"
FACES = 3  # shown where nobody says how many


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
        _command(run),
        quote(os.path.relpath(run.folder / "cells", folder)),
        gallery,
        without,
    )
    title = f"{document['dataset']}: what releases of faces say of {document['attribute']}"
    repeats = f"{document['seeds']} seed{'s' if document['seeds'] > 1 else ''}"
    subtitle = (
        f"{', '.join(document['classes'])} · {document['people']} people · {document['images']} images · {repeats} · "
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
    real = registry.entry("dataset", run.config.dataset.name).load().real_people  # type: ignore[attr-defined]
    if count == 0:
        return None, ""
    if count is None and real:
        return None, f"Real people are shown only when asked for: aiakit report {run.folder.name} --faces {FACES}."
    strongest = {name: row.strongest for name, row in evaluation.rows.items()}
    try:
        return gallery_of(run, strongest, Runtime(cache_folder()), count=count or FACES), ""
    except InputError as error:
        if count is not None:
            raise
        return None, f"The faces cannot be shown: {error}"


def write_page(page: Page, folder: Path, name: str, figures: bool = False) -> list[Path]:
    """Write a page under a name, and its charts where asked for. Raises InputError where that is not possible."""
    html = render_page(page)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, html)
        paths = [folder / name]
        if figures:
            (folder / FIGURES).mkdir(exist_ok=True)
            for chart in page.charts():
                paths += save_chart(chart, folder / FIGURES)
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror}): name another folder with -o") from None
    return paths


def _command(run: Run) -> str:
    """The commands that compute the run and its report again."""
    config = run.config
    defenses = ",".join(label_of(chain) for chain in config.defenses)
    encoders = [stage for chain in config.defenses for stage in chain if stage.kind == "encoder"]
    words = ["aiakit", "run", "--defense", defenses, "--attacks", ",".join(spec.name for spec in config.attacks)]
    words += ["--dataset", config.dataset.name, "--image-size", str(config.dataset.image_size)]
    words += ["--attribute", config.attribute, "--seed", str(config.seeds[0]), "--seeds", str(len(config.seeds))]
    words += ["--attack-seeds", str(config.attack_seeds), "--device", config.device, "--precision", config.precision]
    words += ["--draws", str(config.draws), "--knowledge", ",".join(config.knowledge)]
    if config.pairs is not None:
        words += ["--pairs", str(config.pairs.genuine + config.pairs.impostor)]
    if config.further:
        words += ["--attributes", ",".join(spec.name for spec in config.further if not spec.left_out)]
    for option, numbers in (("--budgets", config.budgets), ("--pooled", config.pooled)):
        if numbers:
            words += [option, ",".join(map(str, numbers))]
    if config.permutations:
        words += ["--null", str(config.permutations)]
    words += [flag for flag, given in (("--strict", config.dataset.strict), ("--compile", config.compiled),
                                       ("--no-utility", config.pairs is None),
                                       ("--no-reference", not _has_reference(run))) if given]  # fmt: skip
    if encoders:
        words += ["--encoder", encoders[0].name]
    words += _settings([config.dataset, *(stage for chain in config.defenses for stage in chain), *config.attacks])
    words += ["--out", str(run.folder.parent), "--name", run.folder.name]
    return f"{shlex.join(words)}\n{shlex.join(['aiakit', 'report', str(run.folder)])}"


def _settings(plugins: Sequence[PluginSpec]) -> list[str]:
    """The options of some plugins that differ from their defaults, or have none."""
    words = []
    for plugin in {plugin.name: plugin for plugin in plugins}.values():
        options = inspect.signature(registry.entry(plugin.kind, plugin.name).load()).parameters
        for option, value in plugin.params.items():
            if option not in options or value != _as_stored(options[option].default):
                words += ["--set", f"{plugin.name}.{option}={value if isinstance(value, str) else json.dumps(value)}"]
    return words


def _as_stored(default: Any) -> Any:
    """A default value as the configuration, which is JSON, holds it."""
    return list(default) if isinstance(default, tuple) else default


def _has_reference(run: Run) -> bool:
    return any(label_of(chain) == run.config.reference for chain in run.config.defenses)
