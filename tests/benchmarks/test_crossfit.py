"""The benchmark of cross-fitting: what it says of data whose leak is known."""

from __future__ import annotations

import numpy as np
import pytest

from aiakit.measures.deciding import spread_of_folds
from benchmarks.statistics.crossfit import ATTACKS, CHOSEN, METRIC, measured, rows


@pytest.mark.parametrize("folds", [3, 5])
def test_intervals_are_stated_as_wide_as_they_are_spread(folds: int) -> None:
    found = measured(2.0, folds, np.random.default_rng(0))
    assert set(found) == {*ATTACKS, CHOSEN}
    for stated, narrow in found.values():
        assert stated.point == narrow.point
        wide, tight = (np.diff(one.people_ci95(METRIC))[0] for one in (stated, narrow))
        assert wide / tight == pytest.approx(spread_of_folds(folds))
    best = max(ATTACKS, key=lambda name: found[name][0].on_val)
    assert found[CHOSEN] == found[best]
    assert found["lda"][0].point[METRIC] > 0.75, "Bayes is .84"


def test_the_table_has_a_row_for_every_attack_and_for_the_chosen_one() -> None:
    lines = [line.strip("| ").split(" | ") for line in rows(0.0, 3, 3)]
    assert [line[2] for line in lines] == [*ATTACKS, CHOSEN]
    for line in lines:
        assert float(line[3]) == pytest.approx(0.5, abs=0.1)
        assert line[4] == line[5], "three folds share no teachers"
