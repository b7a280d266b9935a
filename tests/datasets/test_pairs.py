"""Pair sampling: exact counts, no self pairs, even over people, seeded, fast."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiakit.datasets.pairs import sample_pairs
from aiakit.errors import InputError


def genuine_counts(identity: Any, pairs: Any) -> Any:
    return np.bincount(identity[pairs.left[pairs.same]], minlength=identity.max() + 1)


def distinct(pairs: Any) -> Any:
    return len({tuple(sorted(pair)) for pair in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)})


@given(st.lists(st.integers(1, 7), min_size=2, max_size=12), st.integers(0, 60), st.integers(0, 60), st.integers(0, 99))
@settings(deadline=None)
def test_pairs_are_what_they_say(images: Any, genuine: Any, impostor: Any, seed: Any) -> None:
    images[0] = max(images[0], 2)
    identity = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(images)), images))
    pairs = sample_pairs(identity, np.random.default_rng(seed), genuine, impostor)
    assert len(pairs) == genuine + impostor
    assert np.count_nonzero(pairs.same) == genuine
    assert np.array_equal(identity[pairs.left] == identity[pairs.right], pairs.same)
    assert (pairs.left != pairs.right).all()
    again = sample_pairs(identity, np.random.default_rng(seed), genuine, impostor)
    assert np.array_equal(pairs.left, again.left)
    assert np.array_equal(pairs.right, again.right)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=12), st.integers(0, 99))
@settings(deadline=None)
def test_genuine_pairs_repeat_only_when_all_are_used_and_cover_everybody(images: Any, seed: Any) -> None:
    images[0] = max(images[0], 2)
    identity = np.repeat(np.arange(len(images)), images)
    size = np.array(images)
    able = np.count_nonzero(size > 1)
    limit = np.minimum(size * (size - 1) // 2, 10)
    for count in (able, int(np.minimum(limit, 3).sum())):
        pairs = sample_pairs(identity, np.random.default_rng(seed), count, 0)
        assert distinct(pairs) == count
        assert np.count_nonzero(genuine_counts(identity, pairs)) == able


def test_an_even_share_for_each_person_and_each_image() -> None:
    identity = np.repeat(np.arange(10), [2, 3, 5, 5, 5, 5, 8, 8, 8, 40])
    pairs = sample_pairs(identity, np.random.default_rng(0), 50, 0)
    counts = genuine_counts(identity, pairs)
    assert counts[0] == 1  # all that two images allow
    assert counts[1] == 3
    assert counts[2:].max() - counts[2:].min() <= 1
    used = np.bincount(np.concatenate([pairs.left, pairs.right]), minlength=len(identity))
    for person in range(2, 6):
        assert np.ptp(used[identity == person]) <= 2


def test_a_celebrity_does_not_dominate() -> None:
    identity = np.concatenate([np.repeat(np.arange(500), 2), np.full(500, 500)])
    pairs = sample_pairs(identity, np.random.default_rng(0), 2000, 2000)
    counts = genuine_counts(identity, pairs)
    assert counts[500] <= 4 * 4 * 4  # rounds × four fair shares
    assert counts[:500].min() >= 3
    impostors = ~pairs.same
    assert np.count_nonzero(identity[pairs.left[impostors]] == 500) < 40


def test_every_pair_of_a_person_is_equally_likely() -> None:
    identity = np.zeros(5, np.int64)
    seen = np.zeros((5, 5))
    rng = np.random.default_rng(0)
    for _ in range(3000):
        pairs = sample_pairs(identity, rng, 4, 0)
        np.add.at(seen, (np.minimum(pairs.left, pairs.right), np.maximum(pairs.left, pairs.right)), 1)
    chosen = seen[np.triu_indices(5, 1)]
    assert chosen.sum() == 12_000
    assert np.abs(chosen - 1200).max() < 5 * np.sqrt(1200)


def test_impostors_are_spread_over_people_and_distinct() -> None:
    identity = np.concatenate([np.repeat(np.arange(200), 3), np.full(600, 200)])
    pairs = sample_pairs(identity, np.random.default_rng(0), 0, 4000)
    assert distinct(pairs) == 4000
    seen = np.bincount(np.concatenate([identity[pairs.left], identity[pairs.right]]))
    assert seen[200] < 90  # the mean is 40
    assert seen.min() > 15


def test_impostors_of_the_same_attribute_value_leave_unknown_values_out() -> None:
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(60), 4)
    attribute = (identity % 3) - 1
    pairs = sample_pairs(identity, rng, 50, 400, attribute, same_attribute=True)
    impostors = ~pairs.same
    assert (attribute[pairs.left[impostors]] == attribute[pairs.right[impostors]]).all()
    assert (attribute[pairs.left[impostors]] >= 0).all()
    assert set(attribute[pairs.left[impostors]]) == {0, 1}
    assert (attribute[pairs.left[pairs.same]] < 0).any()  # genuine pairs need no attribute
    varying = rng.integers(0, 2, len(identity))  # differs within a person
    pairs = sample_pairs(identity, rng, 0, 400, varying, same_attribute=True)
    assert (varying[pairs.left] == varying[pairs.right]).all()
    assert (identity[pairs.left] != identity[pairs.right]).all()


def test_more_impostors_than_exist_repeat() -> None:
    pairs = sample_pairs(np.array([0, 0, 1]), np.random.default_rng(0), 5, 7)
    assert len(pairs) == 12
    assert distinct(pairs) == 3


@pytest.mark.parametrize(
    ("identity", "attribute", "says"),
    [
        ([0, 1, 2], None, "nobody here has two"),
        ([4, 4, 4], None, "no two people"),
        ([0, 0, 1, 1], [0, 0, 1, 1], "no two people"),
        ([0, 0, 1, 1], [-1, -1, -1, -1], "no two people"),
    ],
)
def test_impossible_pairs_are_one_clear_line(identity: Any, attribute: Any, says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        sample_pairs(np.array(identity), np.random.default_rng(0), 2, 2, attribute, attribute is not None)
    assert "\n" not in str(error.value)


def test_a_million_pairs_in_seconds() -> None:
    rng = np.random.default_rng(0)
    identity = rng.integers(0, 10_000, 200_000)
    begun = time.process_time()
    pairs = sample_pairs(identity, rng, 500_000, 500_000, identity % 2, same_attribute=True)
    assert time.process_time() - begun < 10
    assert len(pairs) == 1_000_000
