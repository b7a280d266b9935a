"""Whether the published order of the methods holds in what was measured: paired differences of neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiakit.measures.bootstrap import Statistics
from aiakit.measures.comparison import Difference, paired_difference
from aiakit.results.evaluate import Evaluation
from aiakit.results.row import Row
from aiakit.suites.schema import Suite

HOLDS = "holds"
HOLDS_IN_NOISE = "holds, but within the noise"
FAILS_IN_NOISE = "does not hold, but within the noise"
FAILS = "does not hold"
ROUNDING = 1e-9  # two equal accuracies, each summed in its own way
UNKNOWN = "not measured"
WORSE = (HOLDS, HOLDS_IN_NOISE, FAILS_IN_NOISE, FAILS, UNKNOWN)


@dataclass(frozen=True)
class Measure:
    """One figure of a release by which releases are ordered. name : a key of documents. metric : of the statistics."""

    name: str
    metric: str
    of: Callable[[Row], Statistics | None]


def measures_of(suite: Suite) -> tuple[Measure, ...]:
    """Utility, and leakage to the poster-style attack and to the strongest."""
    return (
        Measure("utility", "accuracy", lambda row: row.utility.get("random")),
        Measure("published_attack", "balanced_accuracy", lambda row: row.attacks.get(suite.published_attack)),
        Measure("strongest", "balanced_accuracy", lambda row: row.headline),
    )


def orderings_of(suite: Suite, evaluation: Evaluation) -> list[dict[str, Any]]:
    """For each measure every link ``more > less`` of the suite's order, with the paired difference, as JSON values.

    Order is by utility, and by leakage just the same: what is more useful is less private.
    """
    rows = {method.name: evaluation.rows[method.label] for method in suite.methods}
    found = []
    for measure in measures_of(suite) if suite.order else ():
        links = [
            {"more": more, "less": less, **_judged(measure, rows[more], rows[less])}
            for more, less in itertools.pairwise(suite.order)
        ]
        verdict = max((link["verdict"] for link in links), key=WORSE.index)
        found.append({"measure": measure.name, "metric": measure.metric, "verdict": verdict, "links": links})
    return found


def _judged(measure: Measure, more: Row, less: Row) -> dict[str, Any]:
    higher, lower = measure.of(more), measure.of(less)
    if higher is None or lower is None:
        return {"difference": None, "ci95": None, "p": None, "verdict": UNKNOWN}
    difference = paired_difference(higher, lower, measure.metric)
    return {**difference.as_json(), "verdict": verdict_of(difference)}


def verdict_of(difference: Difference) -> str:
    """What a difference that should be positive says, with its 95 % interval over people."""
    low, high = difference.ci95
    if np.isnan([difference.point, low, high]).any():
        return UNKNOWN
    if difference.point > ROUNDING:
        return HOLDS if low > 0 else HOLDS_IN_NOISE
    return FAILS if high < 0 else FAILS_IN_NOISE
