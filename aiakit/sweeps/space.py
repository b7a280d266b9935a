"""The points of a sweep: runs that differ in the parameters of one defense and in nothing else."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiakit.errors import InputError
from aiakit.experiment.config import Chain, PluginSpec, RunConfig, files_of, label_of
from aiakit.plugins import registry
from aiakit.sweeps.axes import Axis

MOST_POINTS = 500  # without being asked twice


@dataclass(frozen=True)
class Point:
    """One setting of the options that vary. config : the reference and the defense with these parameters, as a run."""

    params: dict[str, Any]
    config: RunConfig

    @property
    def key(self) -> str:
        """What tells it from every other point of its sweep."""
        return repr(self.params)

    @property
    def label(self) -> str:
        return ", ".join(f"{name}={in_short(value)}" for name, value in self.params.items())


@dataclass(frozen=True)
class Space:
    """What is swept. config : the run that every point is a variation of."""

    config: RunConfig
    axes: tuple[Axis, ...]

    def point(self, values: Sequence[Any]) -> Point:
        """The point with these values (texts or numbers), one an axis. Raises InputError for a value out of bounds."""
        given: dict[str, dict[str, Any]] = {}
        for axis, value in zip(self.axes, values, strict=True):
            given.setdefault(axis.stage, {})[axis.option] = value
        params = {stage: registry.parameters("defense", stage, options) for stage, options in given.items()}
        shown = {axis.name: params[axis.stage][axis.option] for axis in self.shown}
        return Point(shown, self._varied({stage: (of, files_of(of)) for stage, of in params.items()}))

    def grid(self) -> list[Point]:
        """Every combination, the last axis fastest; values that are equal once read count once."""
        points = (self.point(values) for values in itertools.product(*(axis.values for axis in self.axes)))
        return list({point.key: point for point in points}.values())

    def frame(self) -> RunConfig:
        """All that the points have in common: what a folder that holds points of several sweeps is known by."""
        return self._varied({axis.stage: ({}, {}) for axis in self.axes})

    @property
    def shown(self) -> list[Axis]:
        """The options that tell one point from another; all of them where there is one point."""
        return [axis for axis in self.axes if axis.varies] or list(self.axes)

    @property
    def swept(self) -> Chain:
        """The chain that is swept, as the common configuration has it."""
        return next(chain for chain in self.config.defenses if label_of(chain) != self.config.reference)

    def _varied(self, params: dict[str, tuple[dict[str, Any], dict[str, str]]]) -> RunConfig:
        def varied(stage: PluginSpec) -> PluginSpec:
            if stage.kind != "defense" or stage.name not in params:
                return stage
            values, files = params[stage.name]
            return stage.model_copy(update={"params": values, "files": files})

        chain = tuple(varied(stage) for stage in self.swept)
        defenses = tuple(chain if label_of(other) == label_of(chain) else other for other in self.config.defenses)
        return self.config.model_copy(update={"defenses": defenses})


def require_few(axes: Sequence[Axis], search: int | None, yes: bool) -> None:
    """Raise InputError for a sweep of so many points that a slip of the pen is likely, unless ``yes``."""
    count = math.prod(len(axis.values) for axis in axes) if search is None else search
    if count > MOST_POINTS and not yes:
        raise InputError(f"this sweep has {count} points, more than {MOST_POINTS}: take fewer, or add --yes")


def in_short(value: Any) -> str:
    """A value as labels show it: numbers with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
