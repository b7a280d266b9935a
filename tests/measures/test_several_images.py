"""A certificate of several images counts every subset of a person's images, and holds what is true of fresh people."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aiakit.measures.certificate import certificate
from aiakit.measures.several_images import OfSeveral, certified_of, of_several, worst_of

Array = NDArray[Any]


def people_of_types(count: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Cells, labels and people. A class shows in pairs alone: somebody keeps to one of two cells, or takes either."""
    labels = np.arange(count) % 2
    identity = np.repeat(np.arange(count), rng.integers(1, 5, count))
    keeps = rng.random(count) < np.where(labels == 1, 0.8, 0.3)
    own = rng.integers(0, 2, count)
    cells = np.where(keeps[identity], own[identity], rng.integers(0, 2, len(identity)))
    return cells, labels[identity], identity


def test_two_classes_by_hand() -> None:
    """One person shows cells 0, 0, 1: of their pairs a third is {0, 0}. One with a single image does not count."""
    cells, labels, identity = np.array([0, 0, 1, 0, 0, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 1, 1, 0]), np.array(
        [5, 5, 5, 2, 2, 3, 3, 9]
    )  # fmt: skip
    found = of_several(cells, labels, identity, 2, 2)
    assert found is not None
    assert found.plug_in == pytest.approx((1 / 2 + 2 / 3 + 1 / 2) / 2)  # {0, 0}, {0, 1}, {1, 1}
    slack = np.sqrt((1 / 1 + 1 / 2) * np.log(20) / 2) / 2
    assert (found.bound, found.people) == (pytest.approx(min(1, found.plug_in + slack)), (1, 2))
    assert of_several(cells, labels, identity, 2, 3) is None, "nobody of class 1 has three"


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(2, 3), st.integers(1, 4))
def test_it_counts_every_subset(seed: int, images: int, classes: int, values: int) -> None:
    """Beside a count by hand; of one image it is the certificate itself. Some people show several classes."""
    rng = np.random.default_rng(seed)
    identity = rng.permutation(np.repeat(np.arange(4 * classes), rng.integers(1, 6, 4 * classes)))
    labels = np.where(rng.random(len(identity)) < 0.8, identity % classes, rng.integers(0, classes, len(identity)))
    cells = rng.integers(0, values, len(identity))
    found = of_several(cells, labels, identity, classes, images)
    shares: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(classes)]
    people = [0] * classes
    for who in np.unique(identity):
        for code in range(classes):
            subsets = list(combinations(sorted(cells[(identity == who) & (labels == code)]), images))
            people[code] += bool(subsets)
            for subset in subsets:
                shares[code][subset] += 1 / len(subsets)
    if not all(people):
        assert found is None
        return
    assert found is not None
    best = sum(
        max(share[key] / count for share, count in zip(shares, people, strict=True)) for key in set().union(*shares)
    )
    assert found.plug_in == pytest.approx(best / classes)
    assert found.people == tuple(people)
    if images == 1:
        one = certificate(cells, labels, identity, classes)
        assert one is not None
        assert (found.bound, found.plug_in) == (pytest.approx(one.bound), pytest.approx(one.plug_in))


def test_it_holds_what_only_several_images_tell() -> None:
    """The truth: of one image nothing; of two, the classes' chances of two cells that differ are .1 and .35."""
    truth = (1 + 0.35 - 0.1) / 2
    held, of_one = [], []
    for seed in range(100):
        found = certified_of(*people_of_types(400, np.random.default_rng(seed)), 2)
        assert found is not None
        held.append(found.images[0].bound >= truth)
        of_one.append(found.bound)
    assert np.mean(held) >= 0.95
    assert np.median(of_one) < truth, "the certificate of one image says nothing of two"


def test_the_worst_seed_counts_for_each_number_of_images() -> None:
    first, second = (certified_of(*people_of_types(60, np.random.default_rng(seed)), 2) for seed in (0, 1))
    assert first is not None
    assert second is not None
    worst = worst_of([first, second, None])
    assert worst is not None
    assert worst.bound == max(first.bound, second.bound)
    assert [each.bound for each in worst.images] == [
        max(one.bound, other.bound) for one, other in zip(first.images, second.images, strict=True)
    ]
    assert worst_of([None]) is None


def test_more_subsets_than_can_be_counted_have_none() -> None:
    rng = np.random.default_rng(0)
    cells, identity = rng.integers(0, 2000, 4000), np.repeat([0, 1], 2000)
    assert of_several(cells, identity, identity, 2, 3) is None
    assert isinstance(of_several(cells, identity, identity, 2, 2), OfSeveral)
