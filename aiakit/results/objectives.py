"""What releases are weighed by, privacy against utility: said once for boards and for sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aiakit.measures.bootstrap import FloatArray, interval
from aiakit.measures.pareto import hypervolume, hypervolume_draws, privacy_of
from aiakit.results.row import Row


@dataclass(frozen=True)
class Objectives:
    """Privacy, 1 − advantage of the strongest attack (at most 1), against utility, accuracy of verification.

    privacy, utility : as measured; impostors are random. draws : (2, B), the same under every bootstrap draw.
    """

    privacy: float
    utility: float
    draws: FloatArray


def objectives_of(row: Row) -> Objectives | None:
    """The objectives of a release; None where it has no attack or no verification."""
    if row.strongest is None or "random" not in row.utility:
        return None
    attack, verification = row.attacks[row.strongest], row.utility["random"]
    draws = np.stack([privacy_of(attack.draws["advantage"]), verification.draws["accuracy"]])
    return Objectives(float(privacy_of(attack.point["advantage"])), verification.point["accuracy"], draws)


def joint_hypervolume(releases: Sequence[Objectives]) -> tuple[float, tuple[float, float]] | None:
    """The hypervolume of some releases together and its 95 % interval over people; None without a release."""
    if not releases:
        return None
    area = hypervolume(np.array([one.privacy for one in releases]), np.array([one.utility for one in releases]))
    privacy, utility = np.stack([one.draws for one in releases], axis=1)
    return area, interval(hypervolume_draws(privacy, utility))
