"""The machine-readable document of a sweep: what ``sweep --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aiakit.experiment.config import label_of
from aiakit.measures.bootstrap import number, numbers
from aiakit.measures.statistics import pareto_front
from aiakit.results.objectives import joint_hypervolume
from aiakit.sweep.axes import Axis
from aiakit.sweep.measure import Measured
from aiakit.sweep.space import Space

SCHEMA = 1
# What the document of a run says of the whole experiment, and a sweep's says too.
SHARED = ("aiakit", "dataset", "attribute", "classes", "people", "images", "splits", "seeds", "attack_seeds",
          "bayes_ceiling", "chance", "smallest_detectable", "notes", "limits")  # fmt: skip


def sweep_document(
    space: Space, measured: Sequence[Measured], failures: dict[str, str], search: dict[str, Any] | None
) -> dict[str, Any]:
    """The document; every value is plain JSON.

    Points stand in the order of the grid, or of the trials. failures : label of a cell → why it has no result.
    search : how the points were chosen; None for a grid.
    """
    first = measured[0]
    name = label_of(space.swept)
    front = _front(measured)
    points = [
        {"params": one.point.params, "pareto": on_front, **_objectives(one), **_row(name, one)}
        for one, on_front in zip(measured, front, strict=True)
    ]
    missing = [label for row in (first.reference, *points) for label in row["missing"]]
    return {
        "schema": SCHEMA,
        **{key: first.document[key] for key in SHARED},
        "complete": not failures and not missing,
        "failures": [{"cell": label, "reason": reason} for label, reason in failures.items()],
        "defense": name,
        "options": {axis.name: _values(axis, measured) for axis in space.shown},
        "search": search,
        "points": points,
        "reference": first.reference,
        **_hypervolume(measured),
    }


def _row(name: str, one: Measured) -> dict[str, Any]:
    """What a run says of this release; its parameters in full are its configuration."""
    row = {key: value for key, value in one.row.items() if key != "params"}
    return {**row, "release": f"{name} [{one.point.label}]", "configuration": one.row["params"]}


def _values(axis: Axis, measured: Sequence[Measured]) -> Any:
    if axis.span is not None:
        return {"low": axis.first, "high": axis.last, "log": axis.span.log}
    used = [one.point.params[axis.name] for one in measured]
    return [value for number, value in enumerate(used) if value not in used[:number]]


def _objectives(one: Measured) -> dict[str, Any]:
    found = one.objectives
    return {"objectives": None if found is None else {"privacy": found.privacy, "utility": found.utility}}


def _front(measured: Sequence[Measured]) -> list[bool | None]:
    """Whether no other point is better; None for a point that lacks one of the two objectives."""
    able = [one.objectives for one in measured if one.objectives is not None]
    privacy, utility = (np.array([getattr(o, of) for o in able]) for of in ("privacy", "utility"))
    marks = iter(pareto_front(privacy, utility).tolist() if able else [])
    return [None if one.objectives is None else bool(next(marks)) for one in measured]


def _hypervolume(measured: Sequence[Measured]) -> dict[str, Any]:
    """How much of the plane of the two objectives the points dominate together."""
    found = joint_hypervolume([one.objectives for one in measured if one.objectives is not None])
    if found is None:
        return {"hypervolume": None, "hypervolume_ci95": None}
    return {"hypervolume": number(found[0]), "hypervolume_ci95": numbers(found[1])}
