"""From finished cells to what each point claims, leaks and is good for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiakit.experiment.config import RunConfig, label_of
from aiakit.experiment.plan import CellSpec, make_plan
from aiakit.results.document import document_of, said_of
from aiakit.results.evaluate import evaluate
from aiakit.results.objectives import Objectives, objectives_of
from aiakit.results.row import Row
from aiakit.results.verdicts import Evidence, Verdict, evidence_of, power_of, verdicts_of
from aiakit.storage.store import Store
from aiakit.sweeps.space import Point


@dataclass(frozen=True)
class Measured:
    """A point's document (as of a run of the reference and this point), and its objectives where it has both.

    evidence, verdict : what its strongest attack is evidence of, and what is said of it.
    """

    point: Point
    document: dict[str, Any]
    objectives: Objectives | None
    evidence: Evidence | None = None
    verdict: Verdict | None = None

    @property
    def placed(self) -> Objectives | None:
        """The objectives, where what is said of the point lets it stand in an order."""
        return None if self.verdict is not None and not self.verdict.ranks else self.objectives

    @property
    def reference(self) -> dict[str, Any]:
        return next(row for row in self.document["rows"] if row["release"] == self.point.config.reference)

    @property
    def row(self) -> dict[str, Any]:
        row = next(row for row in self.document["rows"] if row["release"] != self.point.config.reference)
        return {**row, **said_of(self.verdict)}


def cells_of(points: Sequence[Point]) -> list[CellSpec]:
    """Every cell of the points once, the reference's first; labels say which point a cell is of."""
    found = {cell.digest: cell for cell in make_plan(_reference_only(points[0].config)).unique_cells()}
    for point in points:
        for cell in make_plan(point.config).unique_cells():
            found.setdefault(cell.digest, _of_point(cell, point))
    return list(found.values())


def _of_point(cell: CellSpec, point: Point) -> CellSpec:
    release = f"{cell.release} [{point.label}]" if cell.release else ""
    return replace(cell, label=f"{cell.label} [{point.label}]", release=release)


def _reference_only(config: RunConfig) -> RunConfig:
    defenses = tuple(chain for chain in config.defenses if label_of(chain) == config.reference)
    return config.model_copy(update={"defenses": defenses})


def measure(store: Store, points: Sequence[Point], tests: int) -> Iterator[Measured]:
    """What the finished cells say of each point; bootstrap draws of attacks are dropped on the way.

    The verdict of each is of the point alone, see ``judged_together``. tests : how many points there are in all.
    """
    known: dict[str, Row] = {}
    for point in points:
        evaluation = evaluate(store, point.config, known)
        reference = point.config.reference
        known = {reference: evaluation.rows[reference]}
        (row,) = (row for name, row in evaluation.rows.items() if name != reference)
        power, ceiling = power_of(evaluation.rows[reference]), evaluation.protocol.facts["bayes_ceiling"]
        alone = Measured(
            point, document_of(evaluation, {}, tests), objectives_of(row), evidence_of(row, power, ceiling)
        )
        yield replace(alone, verdict=verdicts_of({0: alone.evidence})[0])


def judged_together(measured: Sequence[Measured]) -> list[Measured]:
    """The points with verdicts that are corrected for all of them, as those of one document are (Holm)."""
    said = verdicts_of({number: one.evidence for number, one in enumerate(measured)})
    return [replace(one, verdict=said[number]) for number, one in enumerate(measured)]
