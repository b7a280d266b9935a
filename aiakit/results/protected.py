"""Several attributes that are protected at once: which of them a release gives away most."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aiakit.measures.comparison import max_t_bound
from aiakit.results.evaluate import Evaluation
from aiakit.results.row import Row

METRIC = "balanced_accuracy"


@dataclass(frozen=True)
class Worst:
    """The attribute that is read best from a release, relative to chance: chosen on attacker-val, as attacks are, and
    of those that are shown to leak where some are.

    row : what attacks read of it. chance : of guessing it. upper : a simultaneous 95 % bound, over all attributes and
    attacks, on what the best of them truly reaches, as a balanced accuracy of this attribute.
    """

    attribute: str
    row: Row
    chance: float
    upper: float


def worst_of(evaluation: Evaluation, release: str, shown: Collection[str] = ()) -> Worst | None:
    """Of the attributes that a run protects the one that is worst protected; None where no attack has a result.

    shown : those whose verdict is that they leak.
    """
    named = {evaluation.config.attribute: evaluation, **evaluation.further}
    rows = {name: named[name].rows[release] for name in evaluation.config.protected if name in named}
    chances = {name: 1 / len(named[name].protocol.classes) for name in rows}
    leaks = {
        name: (row.headline.on_val[0] - chances[name]) / (1 - chances[name])
        for name, row in rows.items()
        if row.headline is not None
    }
    if not leaks:
        return None
    worst = max(leaks, key=lambda name: (name in shown, leaks[name]))
    points, highs, draws = [], [], []
    for name in leaks:
        share = 1 - chances[name]
        for found in rows[name].attacks.values():
            points.append((found.point[METRIC] - chances[name]) / share)
            highs.append((found.ci95(METRIC)[1] - chances[name]) / share)
            draws.append((found.draws[METRIC] - chances[name]) / share)
    upper = max_t_bound(points, highs, draws).upper
    return Worst(worst, rows[worst], chances[worst], chances[worst] + upper * (1 - chances[worst]))
