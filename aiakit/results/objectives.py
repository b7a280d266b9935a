"""What releases are weighed by, privacy against utility: said once for boards and for sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aiakit.measures.bootstrap import FloatArray
from aiakit.measures.pareto import front_shares, hypervolume, pareto_front, privacy_of
from aiakit.results.row import Row
from aiakit.results.verdicts import Verdict


@dataclass(frozen=True)
class Objectives:
    """Privacy, 1 − advantage of the strongest attack (at most 1), against utility, accuracy of verification.

    privacy, utility : as measured; impostors are random. draws : (2, B), the same under every bootstrap draw.
    """

    privacy: float
    utility: float
    draws: FloatArray


def objectives_of(row: Row, verdict: Verdict | None = None) -> Objectives | None:
    """The objectives of a release; None where it has no attack or no verification, or ranks nowhere."""
    if row.strongest is None or "random" not in row.utility or (verdict is not None and not verdict.ranks):
        return None
    attack, verification = row.attacks[row.strongest], row.utility["random"]
    draws = np.stack([privacy_of(attack.draws["advantage"]), verification.draws["accuracy"]])
    return Objectives(float(privacy_of(attack.point["advantage"])), verification.point["accuracy"], draws)


@dataclass(frozen=True)
class Front:
    """hypervolume : of R releases together. on_front : (R,), as measured. shares : (R,), of bootstrap draws.

    adds : (R,), what is lost of the hypervolume without each release.
    """

    hypervolume: float
    on_front: list[bool]
    shares: list[float]
    adds: list[float]


def front_of(releases: Sequence[Objectives]) -> Front | None:
    """How releases stand to each other on the plane of their objectives; None without a release."""
    if not releases:
        return None
    privacy, utility = (np.array([getattr(one, of) for one in releases]) for of in ("privacy", "utility"))
    area = hypervolume(privacy, utility)
    without = [np.arange(len(releases)) != number for number in range(len(releases))]
    return Front(
        area,
        pareto_front(privacy, utility).tolist(),
        front_shares(*np.stack([one.draws for one in releases], axis=1)).tolist(),
        [area - (hypervolume(privacy[others], utility[others]) if others.any() else 0.0) for others in without],
    )
