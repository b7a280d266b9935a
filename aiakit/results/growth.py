"""How a leak grows with the people that the attacker knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiakit.measures.bootstrap import number, numbers
from aiakit.measures.forecast import MULTIPLES, Forecast, forecast
from aiakit.measures.statistics import AttackStatistics

METRIC = "balanced_accuracy"


@dataclass(frozen=True)
class Growth:
    """The learning curve of one attack. points : people known → statistics, of the first seed.

    forecast : what the curve says of more people; None where it says nothing, for the reason in ``refused``.
    """

    points: Mapping[int, AttackStatistics]
    forecast: Forecast | None = None
    refused: str = ""

    @classmethod
    def of(cls, points: Mapping[int, AttackStatistics], chance: float) -> Growth:
        """The curve through these points."""
        ordered = dict(sorted(points.items()))
        leak = np.array([found.point[METRIC] for found in ordered.values()])
        draws = np.stack([found.draws[METRIC] for found in ordered.values()])
        try:
            return cls(ordered, forecast(list(ordered), leak, draws, chance))
        except ValueError as error:
            return cls(ordered, refused=str(error))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        found: dict[str, Any] = {
            "points": [
                {"people": people, METRIC: number(s.point[METRIC]), "ci95": numbers(s.ci95(METRIC))}
                for people, s in self.points.items()
            ]
        }
        if self.forecast is None:
            return {**found, "refused": self.refused}
        predicted = [self.forecast.at(multiple) for multiple in MULTIPLES]
        return {
            **found,
            "still_rising": self.forecast.still_rising,
            "gain": self.forecast.gain,
            "gain_ci95": list(self.forecast.gain_ci95),
            "predicted": [
                {"people": each.people, METRIC: each.value, "ci95": [each.low, each.high]} for each in predicted
            ],
        }
