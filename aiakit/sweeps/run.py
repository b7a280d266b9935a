"""A sweep as a whole: from a request to the document, with every point's cells in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from aiakit.errors import InputError
from aiakit.experiment.engine import Engine, Observer
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.request import Request, prepare
from aiakit.experiment.run import NothingReleased, Run, default_name
from aiakit.experiment.runtime import Runtime
from aiakit.storage.store import write_atomically
from aiakit.sweeps.axes import Axis
from aiakit.sweeps.document import sweep_document
from aiakit.sweeps.measure import Measured, cells_of, judged_together, measure
from aiakit.sweeps.search import describe, require_optuna, search
from aiakit.sweeps.space import Point, Space, require_few

DOCUMENT = "points.json"


class SweepFolder(Run):
    """A folder with the points of every sweep that has the rest of its configuration in common."""

    record: ClassVar[str] = "sweep.json"


@dataclass(frozen=True)
class PreparedSweep:
    """A sweep whose every value has been checked. points : of the grid; none where they are searched for.

    broken : plugins that could not be loaded. trials : how many points to search for; None for a grid.
    splits : name → {"people", "images"} of the split.
    """

    space: Space
    points: tuple[Point, ...]
    broken: dict[str, str]
    trials: int | None
    seed: int
    splits: Mapping[Any, Mapping[str, int]]
    notes: tuple[str, ...] = ()

    def default_name(self) -> str:
        """A name that is the same for all sweeps of this defense under this configuration."""
        return f"sweep-{default_name(self.space.frame())}"

    def cells(self) -> list[CellSpec]:
        """The cells of a grid. Raises InputError for a search, which chooses its points as it goes."""
        if self.trials is not None:
            raise InputError("--search chooses its points as it goes: --dry-run plans a grid, leave out one of them")
        return cells_of(self.points)

    def execute(
        self, folder: Path, runtime: Runtime, observer: Observer, engine: Engine
    ) -> tuple[dict[str, Any], list[str]]:
        """Compute what is missing; the document (also written to the folder), and notes.

        Raises InputError where the folder holds something else or cannot be written to.
        """
        run = SweepFolder.create(folder, self.space.frame())
        notes = [*self.notes]
        failures = dict(self.broken)

        def compute(points: Sequence[Point]) -> list[Measured]:
            try:
                notes.extend(run.execute(runtime, observer, engine, failures, cells_of(points)))
            except NothingReleased:
                if self.trials is None:
                    raise  # a search has other points to try
            failures.update(run.failures())
            return list(measure(run.store, points, self.trials or len(points)))

        if self.trials is None:
            measured, how = compute(self.points), None
        else:
            measured, how = search(self.space, self.trials, self.seed, compute), describe(self.trials, self.seed)
            if len(measured) < self.trials:  # some were proposed again: fewer verdicts stand together than was expected
                measured[0] = next(measure(run.store, [measured[0].point], len(measured)))
        document = sweep_document(self.space, judged_together(measured), failures, how)
        write_atomically(folder / DOCUMENT, json.dumps(document, indent=1, allow_nan=False) + "\n")
        return document, notes


def prepare_sweep(
    request: Request, axes: Sequence[Axis], trials: int | None = None, yes: bool = False
) -> PreparedSweep:
    """Check everything that can be checked before work begins.

    request : as for a run, with one defense. axes : its swept options (``parse_axes``, ``axes_of``).
    trials : how many points to search for; None for the grid. yes : whether very many points are meant.
    Raises InputError, and PluginError where a plugin that is needed cannot be loaded.
    """
    if trials is not None:
        require_optuna()
        if not request.utility:
            raise InputError("--search weighs privacy against utility: leave out --no-utility")
    require_few(axes, trials, yes)
    options = {plugin: dict(given) for plugin, given in request.options.items()}
    for axis in axes:
        options.setdefault(axis.stage, {})[axis.option] = axis.first
    prepared = prepare(replace(request, options=options, reference=True, forecast=False))
    if prepared.config.protected or prepared.config.protected_numbers:
        raise InputError(f"--attribute {request.attribute}: a sweep protects one attribute, aiakit run several at once")
    if trials is not None and prepared.config.pairs is None:
        raise InputError(f"--search weighs privacy against utility, and {request.dataset} does not say who is shown")
    space = Space(prepared.config, tuple(axes))
    for axis in axes:  # one bad value must not show when the others are computed
        for value in axis.values or (axis.first, axis.last):
            space.point([value if other is axis else other.first for other in axes])
    points = () if trials is not None else tuple(space.grid())
    splits = prepared.split.summary()
    return PreparedSweep(space, points, prepared.broken, trials, request.seed, splits, prepared.config.notes)
