"""The final figures of a run that trackers are given: claimed, strongest and utility of every release."""

from __future__ import annotations

import math
from collections.abc import Iterator

from aiakit.measures.bootstrap import Statistics
from aiakit.results.evaluate import Evaluation
from aiakit.results.row import Row
from aiakit.tracking.tracker import Figure

PRIVACY = ("balanced_accuracy", "auc", "advantage", "bits")
UTILITY = ("accuracy", "auc", "eer")


def figures_of(evaluation: Evaluation) -> list[Figure]:
    """Of every release; a figure that is not defined on the data is left out."""
    found = [figure for row in evaluation.rows.values() for figure in _of_row(row)]
    return [figure for figure in found if math.isfinite(figure.value)]


def _of_row(row: Row) -> Iterator[Figure]:
    if row.claimed is not None:
        yield from _of(f"{row.release}/claimed", row.claimed, PRIVACY)
    if row.strongest is not None:
        yield from _of(f"{row.release}/strongest", row.attacks[row.strongest], PRIVACY)
    if row.gap is not None:
        yield Figure(f"{row.release}/gap", row.gap.point)
    for kind, utility in row.utility.items():
        yield from _of(f"{row.release}/utility/{kind}", utility, UTILITY)
    yield Figure(f"{row.release}/seconds", row.seconds)


def _of(name: str, statistics: Statistics, metrics: tuple[str, ...]) -> Iterator[Figure]:
    for metric in metrics:
        yield Figure(f"{name}/{metric}", statistics.point[metric], statistics.per_repeat[metric])
