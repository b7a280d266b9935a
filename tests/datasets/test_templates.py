"""Templates: who is enrolled, with which images, and that the probe is none of them."""

from __future__ import annotations

import numpy as np

from aiakit.contracts import MISSING
from aiakit.datasets.pairs import sample_pairs
from aiakit.datasets.templates import Templates, enrol
from aiakit.measures.verification import Pairs

SIZES = [1, 2, 3, 4, 5, 6, 40]
IDENTITY = np.repeat(np.arange(len(SIZES)), SIZES)


def drawn(images: int, seed: int = 0) -> tuple[Pairs, Templates]:
    pairs = sample_pairs(IDENTITY, np.random.default_rng(5), 300, 600)
    return pairs, enrol(pairs, IDENTITY, images, np.random.default_rng(seed))


def test_people_with_one_image_more_are_enrolled_and_no_probe_is_in_its_template() -> None:
    pairs, made = drawn(3)
    who = IDENTITY[made.enrolled]
    assert (who == who[:, :1]).all()
    assert set(who[:, 0]) == {3, 4, 5, 6}
    assert all(len(set(row)) == 3 for row in made.enrolled)
    assert not (made.enrolled == made.probe[:, None]).any()
    same = pairs.same[made.pairs]
    np.testing.assert_array_equal(IDENTITY[made.probe] == who[:, 0], same)
    assert same.any()
    assert not same.all()


def test_every_pair_that_can_be_made_is_made_of_its_own_two_images() -> None:
    pairs, made = drawn(2)
    able = np.isin(np.arange(len(pairs)), made.pairs)
    enough = np.bincount(IDENTITY)[IDENTITY] > 2
    np.testing.assert_array_equal(able, enough[pairs.left] | enough[pairs.right])
    sides = np.sort(np.stack([made.enrolled[:, 0], made.probe]), axis=0)
    np.testing.assert_array_equal(sides, np.sort(np.stack([pairs.left, pairs.right])[:, made.pairs], axis=0))


def test_the_generator_decides_the_other_images_alone() -> None:
    (_, one), (_, again), (_, other) = drawn(4), drawn(4), drawn(4, seed=1)
    np.testing.assert_array_equal(one.enrolled, again.enrolled)
    np.testing.assert_array_equal(one.pairs, other.pairs)
    np.testing.assert_array_equal(one.probe, other.probe)
    assert (one.enrolled != other.enrolled).any()


def test_images_outside_of_the_split_are_never_enrolled() -> None:
    """Of the largest person only five images may be enrolled."""
    identity = IDENTITY.copy()
    identity[-35:] = MISSING
    pairs = Pairs(np.array([21, 22]), np.array([23, 0]), np.array([True, False]))
    made = enrol(pairs, identity, 4, np.random.default_rng(0))
    assert made.enrolled.max() < len(identity) - 35
    assert (identity[made.enrolled] == 6).all()


def test_nobody_has_so_many_images() -> None:
    _, made = drawn(40)
    assert len(made.pairs) == 0
    assert made.enrolled.shape == (0, 40)
