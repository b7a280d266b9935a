"""Multi-objective search by Optuna: which points a sweep looks at when a grid would be too many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aiakit.errors import InputError
from aiakit.plugins.extras import not_installed
from aiakit.sweeps.axes import Axis
from aiakit.sweeps.measure import Measured
from aiakit.sweeps.space import Point, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

BATCH = 4  # trials asked for together: a number of its own, so that --jobs changes no result


def require_optuna() -> None:
    """Raise InputError where the extra is not installed."""
    reason = not_installed("tune", "optuna")
    if reason:
        raise InputError(f"--search cannot be used: {reason}")


def search(
    space: Space, trials: int, seed: int, measure: Callable[[list[Point]], Sequence[Measured]]
) -> list[Measured]:
    """The points of so many trials of a tree-structured Parzen estimator on both objectives (Ozaki et al., 2022).

    A point that is proposed again is a trial again and is listed once, where it came first. Nothing is remembered
    between calls: the sampler is seeded and told what the stored cells say, so the same search asks for the same points
    again, and one of more trials begins with the points of one of fewer.

    measure : computes what is missing of some points, and returns what each reached.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize", "maximize"], sampler=optuna.samplers.TPESampler(seed=seed))
    distributions = {axis.name: _distribution(axis) for axis in space.axes}
    found: dict[str, Measured] = {}
    for first in range(0, trials, BATCH):
        asked = [study.ask(distributions) for _ in range(min(BATCH, trials - first))]
        points = [space.point([trial.params[axis.name] for axis in space.axes]) for trial in asked]
        new = {point.key: point for point in points if point.key not in found}
        found |= zip(new, measure(list(new.values())) if new else (), strict=True)
        for trial, point in zip(asked, points, strict=True):
            placed = found[point.key].placed
            if placed is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, [placed.privacy, placed.utility])
    return list(found.values())


def describe(trials: int, seed: int) -> dict[str, Any]:
    """How the points were chosen, for the document."""
    import optuna

    return {"trials": trials, "seed": seed, "sampler": "TPE", "optuna": optuna.__version__}


def _distribution(axis: Axis) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if axis.span is None:
        return CategoricalDistribution(axis.values)
    if axis.span.whole:
        return IntDistribution(int(axis.span.low), int(axis.span.high), log=axis.span.log)
    return FloatDistribution(axis.span.low, axis.span.high, log=axis.span.log)
