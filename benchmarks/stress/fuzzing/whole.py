"""Whole audits of the same people in every form: the same figure, a note, or a refusal; never another figure."""

from __future__ import annotations

import platform
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aiakit.cli.audit import _prepare, command
from aiakit.errors import InputError
from aiakit.experiment.engine import SilentObserver
from aiakit.experiment.local import Local
from aiakit.experiment.runtime import Runtime
from aiakit.results.document import document_of_run
from benchmarks.stress.fuzzing.forms import written
from benchmarks.stress.fuzzing.oracle import LOSSES, Misread

PEOPLE, EACH = 60, 2
CLOSE = 0.05  # of a balanced accuracy: rows in another order move a fit a little


def build(folder: Path) -> None:
    """60 people, whose gender the first number tells somewhat, and their labels. The right figure is found as well."""
    platform.processor()  # starts a process for it, and remembers the answer
    _write(folder)
    _right()


def _write(folder: Path) -> None:
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(PEOPLE), EACH)
    values = rng.normal(size=(PEOPLE, 4))[person] + 0.3 * rng.normal(size=(len(person), 4))
    values[:, 0] += 2.5 * (person % 2)
    files = [f"p{row:03d}/é{row}.jpg" for row in range(len(person))]
    release = [["file", *(f"e{at}" for at in range(4))]]
    release += [[file, *map(str, row)] for file, row in zip(files, values.round(4), strict=True)]
    labels = [["file", "person", "gender"]]
    labels += [[file, str(10 + who), "mf"[who % 2]] for file, who in zip(files, person, strict=True)]
    for name, grid in (("release.csv", release), ("labels.csv", labels)):
        (folder / name).write_text(written(grid), "utf-8")


def read(folder: Path) -> None:
    """Audit in order, or else joined by the names. Raises Misread for another figure than the right one."""
    try:
        figure, notes = _audit(folder)
    except InputError:
        figure, notes = _audit(folder, "--join-on", "file")
    said = any(word in note for note in notes for word in LOSSES)
    if abs(figure - _right()) > CLOSE and not said:
        raise Misread(f"{figure:.3f} for {_right():.3f}, and nothing was said")


@cache
def _right() -> float:
    with TemporaryDirectory() as folder:
        home = Path(folder) / "input"
        home.mkdir()
        _write(home)
        return _audit(home)[0]


def _audit(folder: Path, *options: str) -> tuple[float, list[str]]:
    """The balanced accuracy and the notes of what the command does, but for its page, which needs more memory."""
    arguments = [str(folder / "release.csv"), "--labels", str(folder / "labels.csv"), "--attribute", "gender"]
    arguments += ["--attacks", "lda", "--no-utility", "--jobs", "1", *options]
    given = command.make_context("audit", arguments).params
    runs = folder.parent / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    run = _prepare(Path(given["file"]), given, SilentObserver()).begin(runs)
    run.execute(Runtime(runs), SilentObserver(), Local(1), {})
    document = document_of_run(run)
    if not document["complete"]:
        raise Misread(f"the audit is not complete: {document['failures']}")
    return float(document["rows"][0]["attacks"]["lda"]["balanced_accuracy"]), document["notes"]
