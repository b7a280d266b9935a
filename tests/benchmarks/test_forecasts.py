"""What forecasts are judged by: people who are all different, and answers that stay hidden."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from aiakit.calibration.leaks import linear
from benchmarks.statistics import forecasts, releases
from benchmarks.statistics.forecasts import GAINS, Curve, curves, one_law, print_one_law, print_tables, trials
from benchmarks.statistics.releases import SIDES, Sides, drawn, makers

SMALL = {"pool": 1600, "val": 200, "test": 400, "fresh": 400}


def curve(law: Callable[[float], float], fresh: float = 0.0) -> Curve:
    people = {share: round(4000 * share) for share in forecasts._shares()}
    noise = np.random.default_rng(0).standard_normal(300)
    leak = {share: law(number) for share, number in people.items()}
    return Curve(
        "law",
        "logreg",
        "auc",
        people,
        leak,
        {share: value + 0.01 * noise for share, value in leak.items()},
        {share: value + fresh for share, value in leak.items()},
    )


def test_a_forecast_sees_no_budget_beyond_its_own() -> None:
    one = curve(lambda people: 0.9 - people**-0.5)
    other = curve(lambda people: 0.9 - people**-0.5 if people <= 400 else 0.5)
    assert one.forecast(Fraction(1, 10)) == other.forecast(Fraction(1, 10))
    assert one.forecast(Fraction(1, 10)).at(10) == other.forecast(Fraction(1, 10)).at(10)
    assert one.forecast(Fraction(1, 10)).people == 400


def test_every_multiple_is_tried_where_the_pool_suffices() -> None:
    told = list(trials(curve(lambda people: 0.9 - people**-0.5)))
    assert sorted(trial.multiple for trial in told) == [2, 2, 2, 5, 5, 10]
    assert all(trial.held for trial in told)
    missed = list(trials(curve(lambda people: 0.9 - people**-0.5, fresh=-0.2)))
    assert not any(trial.held for trial in missed)


def test_one_law_continues_itself() -> None:
    low, high = one_law(curve(lambda people: 0.9 - people**-0.5), Fraction(1, 10))[10]
    assert low == pytest.approx(0.9 - 4000**-0.5 - 0.02, abs=0.01)
    assert high == pytest.approx(0.9 - 4000**-0.5 + 0.02, abs=0.01)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "DRAWN", SMALL)
    monkeypatch.setattr(forecasts, "ATTACKS", {"logreg": {}})
    monkeypatch.setattr(forecasts, "makers", lambda: ({}, {"near": lambda seed: drawn(linear(16, 2.0), seed)}))


@pytest.mark.usefixtures("small")
def test_curves_are_measured_with_the_product_and_told_in_tables(capsys: pytest.CaptureFixture[str]) -> None:
    found = curves(("near", 0))
    assert [each.metric for each in found] == ["balanced_accuracy", "auc"]
    first, last = Fraction(1, 80), Fraction(1)
    assert found[0].people[first] == 20
    assert 0.5 < found[1].test[first] < found[1].test[last] < 0.95
    assert found[1].fresh[last] == pytest.approx(found[1].test[last], abs=0.05)
    print_tables(found)
    print_one_law(found)
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("| auc |") for line in lines) == 3
    assert sum(line.startswith(tuple(f"| {label} |" for label in GAINS)) for line in lines) == 4
    assert any(line.startswith("| near |") and line.endswith("of 12 |") for line in lines)


def test_people_of_a_release_are_dealt_once(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(300), 2)
    usable = identity != 7
    counts = {"owned": 60, "val": 40, "test": 50, "fresh": 50}
    values = rng.normal(size=(600, 8)).astype(np.float32)
    sides = releases._dealt(values, identity % 2, identity, usable, counts, ["leace"], 0)
    people = {side: set(getattr(sides, side).identity.tolist()) for side in SIDES}
    assert {side: len(each) for side, each in people.items()} == {"pool": 99, "val": 40, "test": 50, "fresh": 50}
    assert len(set.union(*people.values())) == 239
    assert 7 not in set.union(*people.values())
    assert isinstance(sides, Sides)
    assert not np.allclose(sides.pool.release.embedding, values[np.isin(identity, list(people["pool"]))])


def test_what_was_tuned_on_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIAKIT_DATA", "somewhere")
    tuned, judged = makers()
    assert not set(tuned) & set(judged)
    assert len(judged) >= 10
    monkeypatch.delenv("AIAKIT_DATA")
    assert not any(name.startswith("LFW") for group in makers() for name in group)
