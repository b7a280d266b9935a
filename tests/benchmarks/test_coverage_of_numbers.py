"""Intervals of numeric attributes are simulated with the product's own measures."""

from __future__ import annotations

import pytest

from benchmarks.statistics.coverage_of_numbers import row


@pytest.mark.parametrize(("r2", "found"), [(0.0, 0.2), (0.5, 1.0)])
def test_intervals_of_numbers_are_measured_with_the_product(r2: float, found: float) -> None:
    people, truth, *said, leaks = row(60, r2, 10)
    assert people == 60
    assert float(truth) == pytest.approx(r2, abs=0.015)
    assert all(int(each.split(" ")[0]) >= 60 for each in said)
    assert abs(float(leaks.rstrip("%")) / 100 - found) <= 0.2
