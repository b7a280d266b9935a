"""Identification in a gallery: what is known beforehand, what can be counted by hand, and simulated coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import hypergeom

from aiakit.measures import identification, searching
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.identification import found_within, identification_statistics
from aiakit.measures.searching import Search, TooFew


def images_of(points: Any, images: int = 2) -> Search:
    """The first of every so many images of a person is enrolled, the others look for it."""
    identity = np.repeat(np.arange(len(points) // images), images)
    first = np.arange(0, len(points), images)
    mated = np.ones(len(points), bool)
    mated[first] = False
    return Search(points[first], identity[first], points, identity, mated)


def measured(*repeats: Search, draws: int = 200) -> identification.IdentificationStatistics:
    return identification_statistics(repeats, IdentityBootstrap(repeats[0].shown, draws))


def noisy(rng: np.random.Generator, people: int, noise: float, images: int = 2, size: int = 8) -> Search:
    """People who are points, in images with noise."""
    centres = np.repeat(rng.normal(size=(people, size)), images, axis=0)
    return images_of(centres + noise * rng.normal(size=centres.shape), images)


def test_a_release_that_is_the_identity_finds_everybody() -> None:
    found = measured(images_of(np.repeat(np.eye(1200), 2, axis=0)))
    assert {name: found.point[name] for name in found.chance if name != "fnir"} == dict.fromkeys(
        ("rank_1_of_10", "rank_1_of_100", "rank_10_of_100", "rank_1_of_1200", "rank_10_of_1200"), 1.0
    )
    assert found.point["fnir"] == 0
    assert found.ci95("rank_1_of_1200")[0] > 0.99
    assert found.as_json()["gallery"] == 1200


def test_a_random_release_finds_as_many_as_chance_does() -> None:
    rng = np.random.default_rng(0)
    found = measured(images_of(rng.normal(size=(1200, 16))))
    for name, chance in found.chance.items():
        low, high = found.ci95(name)
        assert low <= chance <= high, name
    assert found.chance["rank_10_of_600"] == 1 / 60


def test_a_release_that_is_the_same_for_everybody_finds_by_luck_alone() -> None:
    found = measured(images_of(np.ones((60, 3))))
    assert found.point["rank_1_of_30"] == pytest.approx(1 / 30)
    assert found.point["rank_1_of_10"] == pytest.approx(1 / 10)


def test_random_galleries_need_not_be_drawn() -> None:
    rng = np.random.default_rng(1)
    more_alike, drawn = 3, [rng.permutation(20)[:9] for _ in range(20_000)]
    counted = np.mean([np.count_nonzero(others < more_alike) < 2 for others in drawn])
    assert found_within(2, 10, 20)[more_alike] == pytest.approx(counted, abs=0.01)
    assert found_within(10, 100, 500) == pytest.approx(hypergeom.cdf(9, 500, np.arange(501), 99))
    assert found_within(1, 21, 20).tolist() == [1.0, *[0.0] * 20]


def test_five_people_are_counted_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Angles on a circle: people at 0°, 72°, …; each is looked for at an angle that misses the own by ``off``."""
    monkeypatch.setattr(identification, "FEWEST_ALARMS", 0)
    monkeypatch.setattr(identification, "FPIR", 0.2)
    off = np.array([0, 10, 20, 30, 50])  # the last is nearer to the first than to its own
    angles = np.radians(np.arange(5) * 72.0)
    looked_for = angles + np.radians(off)
    everything = np.stack([np.cos([angles, looked_for]), np.sin([angles, looked_for])], axis=-1)
    search = Search(everything[0], np.arange(5), everything[1], np.arange(5), np.ones(5, bool))
    found = measured(search)
    assert found.point["rank_1_of_5"] == pytest.approx(4 / 5)
    # Strangers are 72, 62, 52, 42 and 22 degrees away: at FPIR 1/5 only the last is returned, so the threshold is at 42
    # degrees, within which the first four find themselves.
    assert found.point["fnir"] == pytest.approx(1 / 5)
    monkeypatch.setattr(identification, "FPIR", 0.1)
    assert measured(search).point["fnir"] == pytest.approx(2 / 5)  # now within 22 degrees: those 0, 10 and 20 off


def test_small_numbers_of_searches_say_nothing_of_rare_alarms() -> None:
    found = measured(noisy(np.random.default_rng(2), 100, 0.3))
    assert np.isnan(found.point["fnir"])
    assert found.as_json()["fnir"]["rate"] is None


def test_a_gallery_is_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    search = noisy(np.random.default_rng(3), 150, 0.7, images=3)
    whole = measured(search)
    monkeypatch.setattr(searching, "HELD", 2**8)
    parts = measured(search)
    assert parts.point == pytest.approx(whole.point, nan_ok=True)
    assert parts.ci95("rank_1_of_100") == pytest.approx(whole.ci95("rank_1_of_100"))


def test_seeds_widen_the_interval() -> None:
    searches = [noisy(np.random.default_rng(4), 100, noise) for noise in (0.5, 0.7, 0.9)]
    found = measured(*searches)
    assert found.point["rank_1_of_10"] == pytest.approx(np.mean([measured(s).point["rank_1_of_10"] for s in searches]))
    low, high = found.people_ci95("rank_1_of_10")
    assert found.ci95("rank_1_of_10")[0] < low < high < found.ci95("rank_1_of_10")[1]


@pytest.mark.parametrize("noise", [0.6, 30.0])
def test_intervals_hold_what_other_people_would_give(noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "FPIR", 0.1)  # of 160 searches
    found = [measured(noisy(np.random.default_rng(seed), 80, noise), draws=1) for seed in range(100)]
    for name in found[0].estimates:
        truth = np.mean([each.point[name] for each in found])
        held = sum(low <= truth <= high for low, high in (each.ci95(name) for each in found))
        assert held >= 90, name


def test_nobody_can_be_looked_for_with_one_image_each() -> None:
    points = np.eye(4)
    with pytest.raises(TooFew, match="nobody of test has two images"):
        measured(Search(points, np.arange(4), points, np.arange(4), np.zeros(4, bool)))
    with pytest.raises(TooFew, match="one person"):
        measured(Search(points[:1], np.arange(1), points, np.zeros(4, np.int64), np.array([False, True, True, True])))
