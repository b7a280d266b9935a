"""What releases say of numeric attributes: computed from the estimates that a run has stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray
from aiakit.experiment.config import RunConfig
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.measures.regression import (
    MOST_LEVELS,
    Estimated,
    RegressionStatistics,
    Truth,
    r2_of,
    regression_statistics,
    smallest_r2,
)
from aiakit.results.judge import Judge
from aiakit.results.row import Regressed
from aiakit.storage.store import Cell, Store


@dataclass(frozen=True)
class NumericJudge:
    """Judges the estimates of the numeric attributes that a run asks for."""

    store: Store
    plan: Plan
    config: RunConfig
    protocol: Protocol
    judge: Judge

    def of(self, release: str) -> dict[str, Regressed]:
        """Attribute → what is estimated of it from a release; none that has no result."""
        found = {}
        for attribute in self.values:
            cells = self._cells(release, attribute)
            statistics = {name: self._statistics(attribute, seeds) for name, seeds in cells.items()}
            if statistics:
                said = {name: [cell.result for folds in seeds.values() for cell in folds]
                        for name, seeds in cells.items()}  # fmt: skip
                settings = {name: tuple(dict.fromkeys(str(each["setting"]) for each in results))
                            for name, results in said.items()}  # fmt: skip
                most = {name: max(int(each["learned_from"]) for each in results) for name, results in said.items()}
                found[attribute] = Regressed(statistics, settings, most)
        return found

    def about(self, attribute: str, tests: int) -> dict[str, Any]:
        """What is known of an attribute, where so many verdicts are reached together: plain JSON values."""
        rows = self._known(attribute, self.protocol.judged("test"))
        values, shown = self.values[attribute][rows], self.protocol.identity(rows)
        people = len(np.unique(shown)) if self.judge.unit == "person" else len(rows)
        spread = self.judge.truth.spread
        return {
            "images": len(rows),
            "people": len(np.unique(shown)),
            "mean": float(values.mean()),
            "median": float(np.median(values)),
            "deviation": float(values.std()),
            "levels": list(self._levels(attribute)),
            "chance": 0.0,
            "smallest_detectable": smallest_r2(people / spread**2, 0.05 / tests),
        }

    @cached_property
    def values(self) -> dict[str, NDArray[np.float64]]:
        """Attribute → the number of every image, NaN where it is not known; of those that are read already."""
        cells = {name: self.store.find(cell.digest) for name, cell in self.plan.numeric.numbers.items()}
        return {name: np.asarray(cell.tensors("numbers")["values"], np.float64)
                for name, cell in cells.items() if cell is not None}  # fmt: skip

    def _known(self, attribute: str, rows: IntArray) -> IntArray:
        return rows[np.isfinite(self.values[attribute][rows])]

    def _levels(self, attribute: str) -> tuple[float, ...]:
        """The numbers that occur, where they are so few that they are classes in an order."""
        values = self.values[attribute]
        distinct = np.unique(values[np.isfinite(values)])
        return tuple(map(float, distinct)) if len(distinct) <= MOST_LEVELS else ()

    def _cells(self, release: str, attribute: str) -> dict[str, dict[int, list[Cell]]]:
        """Regressor → seed → the finished cells, one a fold; none where one of them is not there."""
        found: dict[str, dict[int, list[Cell | None]]] = {}
        for key, spec in self.plan.numeric.regressions.items():
            if (key.release, key.attribute) == (release, attribute):
                found.setdefault(key.regressor, {}).setdefault(key.seed, []).append(self.store.find(spec.digest))
        whole = {
            name: {seed: [cell for cell in folds if cell is not None] for seed, folds in seeds.items()
                   if None not in folds}
            for name, seeds in found.items()
        }  # fmt: skip
        return {name: seeds for name, seeds in whole.items() if seeds}

    def _statistics(self, attribute: str, seeds: Mapping[int, Sequence[Cell]]) -> RegressionStatistics:
        val, test = ([_together(folds, split) for folds in seeds.values()] for split in JUDGED)
        rows = test[0][0]
        on_val = np.mean([r2_of(estimated, self._truth(attribute, chosen)) for chosen, estimated in val])
        return regression_statistics(
            [estimated for _, estimated in test],
            self._truth(attribute, rows),
            self.judge.bootstrap,
            float(on_val),
            self.judge.truth.spread,
            tuple(seeds),
        )

    def _truth(self, attribute: str, rows: IntArray) -> Truth:
        return Truth(self.values[attribute][rows], self.protocol.identity(rows), self.judge.unit,
                     self._levels(attribute))  # fmt: skip


def _together(folds: Sequence[Cell], split: str) -> tuple[IntArray, Estimated]:
    """The images of a split in every fold, ascending, and what was estimated of them."""
    tensors = [cell.tensors("estimates") for cell in folds]
    rows = np.concatenate([np.asarray(each[f"{split}.rows"]) for each in tensors])
    order = np.argsort(rows)
    found = np.concatenate([np.asarray(each[split]) for each in tensors])
    mean, median = (
        np.concatenate(
            [np.full(len(each[split]), cell.result[what]) for each, cell in zip(tensors, folds, strict=True)]
        )
        for what in ("mean", "median")
    )
    return rows[order], Estimated(found[order], mean[order], median[order])
