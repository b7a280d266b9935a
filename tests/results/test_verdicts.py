"""What is said of releases: two-sided, together, and by the attack that was selected."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap
from aiakit.measures.influence import people_share
from aiakit.measures.intervals import mean_estimate
from aiakit.measures.statistics import AttackStatistics, exceeds_chance, smallest_detectable
from aiakit.measures.units import Unit, sample_weights
from aiakit.results.row import Row
from aiakit.results.verdicts import (
    IMPOSSIBLE,
    INVERTED,
    LEAKS,
    NO_POWER,
    NOT_FOUND,
    POWER_UNKNOWN,
    evidence_of,
    power_of,
    shown_power,
    verdicts_of,
)
from benchmarks.statistics.population import Cell

PEOPLE = 200
LABELS = np.arange(PEOPLE) % 2


def judged(right: np.ndarray, identity: np.ndarray, labels: np.ndarray, unit: Unit, on_val: float) -> AttackStatistics:
    """An attack that reads these images; only what verdicts look at is filled in."""
    weights, bootstrap = weighted(identity.astype(np.int64).tobytes(), labels.astype(np.int64).tobytes(), unit)
    share = partial(people_share, left=bootstrap.rows, right=None, count=len(bootstrap.people), repeats=1)
    estimate = mean_estimate([share(right.astype(float), weights * (labels == k)) for k in (0, 1)])
    point, nothing = {"balanced_accuracy": estimate.point}, dict[str, float]()
    return AttackStatistics(
        point, {}, {}, bootstrap.key, {"balanced_accuracy": estimate}, nothing, (), 2, on_val, on_val
    )


@cache
def weighted(identity: bytes, labels: bytes, unit: Unit) -> tuple[FloatArray, IdentityBootstrap]:
    """What each image counts, and who is shown: of thousands of attacks on the same people."""
    people, known = (np.frombuffer(numbers, np.int64) for numbers in (identity, labels))
    return sample_weights(people, known, unit), IdentityBootstrap(people, 1)


def attack(rng: np.random.Generator, right: float) -> AttackStatistics:
    """An attack that reads each of ``PEOPLE`` people with this probability, and is as good on attacker-val."""
    return judged(rng.random(PEOPLE) < right, np.arange(PEOPLE), LABELS, "person", rng.normal(right, 0.03))


def row(rng: np.random.Generator, right: float, attacks: int = 1) -> Row:
    return Row("release", attacks={f"attack {number}": attack(rng, right) for number in range(attacks)})


def said(rows: dict[str, Row], power: bool | None) -> dict[str, str | None]:
    found = verdicts_of({name: evidence_of(each, power) for name, each in rows.items()})
    return {name: None if verdict is None else verdict.text for name, verdict in found.items()}


def test_what_is_better_than_any_attack_can_be_is_impossible_and_ranks_nowhere() -> None:
    rng = np.random.default_rng(1)
    rows = {"peeks": row(rng, 0.99), "reads": row(rng, 0.75), "noise": row(rng, 0.9)}
    rows["noise"].accuracy_bound = 0.7
    with_ceiling = verdicts_of({name: evidence_of(each, True, 0.8) for name, each in rows.items()})
    assert {name: found.text for name, found in with_ceiling.items() if found} == {
        "peeks": IMPOSSIBLE,
        "reads": LEAKS,
        "noise": IMPOSSIBLE,
    }
    assert [name for name, found in with_ceiling.items() if found and found.ranks] == ["reads"]
    without = said(rows, power=True)
    assert without == {"peeks": LEAKS, "reads": LEAKS, "noise": IMPOSSIBLE}


def test_one_attack_of_several_that_exceeds_the_ceiling_is_enough_whichever_was_selected() -> None:
    rng = np.random.default_rng(2)
    release = Row("release", attacks={"honest": attack(rng, 0.75), "peeks": attack(rng, 0.99)})
    release.attacks["peeks"] = replace(release.attacks["peeks"], val_balanced_accuracy=0.5)
    assert release.strongest == "honest"
    (found,) = verdicts_of({"release": evidence_of(release, True, 0.8)}).values()
    assert found is not None
    assert found.text == IMPOSSIBLE


def test_attacks_that_are_as_good_as_can_be_are_seldom_called_impossible() -> None:
    """Twenty releases of one document at the ceiling itself, fifty documents: one in twenty would be allowed."""
    rng = np.random.default_rng(3)
    alarms = [
        any(found is not None and found.text == IMPOSSIBLE for found in verdicts_of(
            {number: evidence_of(row(rng, 0.8, attacks=3), True, 0.8) for number in range(20)}).values())
        for _ in range(50)
    ]  # fmt: skip
    assert np.mean(alarms) <= 0.08


def test_each_verdict() -> None:
    rng = np.random.default_rng(0)
    rows = {"leaks": row(rng, 0.8), "below": row(rng, 0.2), "nothing": row(rng, 0.5), "unmeasured": Row("release")}
    expected = {"leaks": LEAKS, "below": INVERTED, "nothing": NOT_FOUND, "unmeasured": None}
    assert said(rows, power=True) == expected
    assert said(rows, power=None)["nothing"] == POWER_UNKNOWN
    assert said(rows, power=False)["nothing"] == NO_POWER


@pytest.mark.parametrize("releases", [1, 40])
def test_false_alarms_stay_at_five_per_cent_however_many_releases_a_document_holds(releases: int) -> None:
    rng = np.random.default_rng(releases)
    alarms, trials = 0, 400 if releases == 1 else 54
    for _ in range(trials):
        rows = {str(number): row(rng, 0.5) for number in range(releases)}
        alarms += bool({LEAKS, INVERTED} & set(said(rows, power=True).values()))
    assert alarms / trials <= 0.075  # 87 % before they were corrected


def test_a_reference_without_information_has_power_in_five_per_cent_whatever_the_number_of_attacks() -> None:
    rng = np.random.default_rng(1)
    able, shown, trials = 0, 0, 80
    for _ in range(trials):
        reference = row(rng, 0.5, attacks=20)
        able += power_of(reference) is True
        shown += any(shown_power(reference).values())
    assert able / trials <= 0.07
    assert shown / trials <= 0.07
    strong = row(rng, 0.9, attacks=3)
    assert power_of(strong) is True
    assert shown_power(strong) == {"attack 0": True, "attack 1": True, "attack 2": True}
    assert power_of(None) is None
    assert power_of(Row("original")) is None


def test_the_smallest_detectable_leak_is_found_as_often_as_it_says() -> None:
    """People with as many images as in LFW, read alike on all of them, the worst case: at least 80 %."""
    rng = np.random.default_rng(2)
    for unit in ("person", "image"):
        found, trials = 0, 100
        for _ in range(trials):
            images = Cell(PEOPLE, "lfw", 0.5).images(rng)
            identity = np.repeat(np.arange(PEOPLE), images)
            labels = LABELS[identity]
            leak = smallest_detectable(labels, identity, 2, unit)
            told = np.where(rng.random(PEOPLE) < leak, LABELS, 1 - LABELS)[identity]
            found += exceeds_chance(judged(told == labels, identity, labels, unit, 0.5))
        assert 0.75 <= found / trials <= 0.95
