"""The machine-readable document of a sweep: what ``sweep --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiakit.experiment.config import label_of
from aiakit.measures.bootstrap import number
from aiakit.results.objectives import front_of
from aiakit.sweeps.axes import Axis
from aiakit.sweeps.measure import Measured
from aiakit.sweeps.space import Space

SCHEMA = 1
# What the document of a run says of the whole experiment, and a sweep's says too.
SHARED = ("aiakit", "dataset", "attribute", "classes", "people", "images", "splits", "seeds", "attack_seeds", "folds",
          "bayes_ceiling", "chance", "tested_together", "smallest_detectable", "notes", "limits")  # fmt: skip


def sweep_document(
    space: Space, measured: Sequence[Measured], failures: dict[str, str], search: dict[str, Any] | None
) -> dict[str, Any]:
    """The document; every value is plain JSON.

    Points stand in the order of the grid, or of the trials. failures : label of a cell → why it has no result.
    search : how the points were chosen; None for a grid.
    """
    first = measured[0]
    name = label_of(space.swept)
    front = front_of([one.placed for one in measured if one.placed is not None])
    marks = iter([] if front is None else list(zip(front.on_front, front.shares, strict=True)))
    points = []
    for one in measured:
        on_front, share = (None, None) if one.placed is None else next(marks)
        place = {"pareto": on_front, "front_share": share}
        points.append({"params": one.point.params, **place, **_objectives(one), **_row(name, one)})
    missing = [label for row in (first.reference, *points) for label in row["missing"]]
    return {
        "schema": SCHEMA,
        **{key: first.document[key] for key in SHARED},
        "attacker_people": {level: n for one in measured for level, n in one.document["attacker_people"].items()},
        "complete": not failures and not missing,
        "failures": [{"cell": label, "reason": reason} for label, reason in failures.items()],
        "defense": name,
        "options": {axis.name: _values(axis, measured) for axis in space.shown},
        "search": search,
        "points": points,
        "reference": first.reference,
        "hypervolume": None if front is None else number(front.hypervolume),
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
    found = one.placed
    return {"objectives": None if found is None else {"privacy": found.privacy, "utility": found.utility}}
