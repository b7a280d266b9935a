"""Every two releases of a board, compared on the same people."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from aiakit.leaderboard.board import Board, RankedEntry
from aiakit.measures.bootstrap import Statistics
from aiakit.measures.comparison import Difference, paired_difference


@dataclass(frozen=True)
class Pair:
    """Two releases, the better ranked first. leakage, utility : second − first; None where one was not measured."""

    first: RankedEntry
    second: RankedEntry
    leakage: Difference | None
    utility: Difference | None


def pairs_of(board: Board) -> list[Pair]:
    """Every two releases, in the order of the board."""
    return [_pair(first, second) for first, second in itertools.combinations(board.places, 2)]


def _pair(first: RankedEntry, second: RankedEntry) -> Pair:
    a, b = first.row, second.row
    return Pair(
        first,
        second,
        leakage=_difference(a.headline, b.headline, "balanced_accuracy"),
        utility=_difference(a.utility.get("random"), b.utility.get("random"), "accuracy"),
    )


def _difference(a: Statistics | None, b: Statistics | None, metric: str) -> Difference | None:
    return None if a is None or b is None else paired_difference(b, a, metric)
