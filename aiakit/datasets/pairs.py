"""Pairs of images for verification: drawn evenly over people, with a seed, without loops over pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.measures.verification import Pairs

IntArray = NDArray[np.int64]

IMPOSTOR_KINDS = ("random", "same_attribute")  # any two people, or two of one value of the attribute

FAIR_SHARES = 4  # nobody gives more than four times the mean number of genuine pairs a person …
ENOUGH = 10  # … where that is more than ten
ROUNDS = 8  # redraws of repeated impostor pairs, before the few that are left may repeat


def sample_pairs(
    identity: NDArray[Any],
    rng: np.random.Generator,
    genuine: int,
    impostor: int,
    attribute: NDArray[Any] | None = None,
    same_attribute: bool = False,
) -> Pairs:
    """Exactly ``genuine`` pairs of one person and ``impostor`` pairs of two people.

    Genuine pairs are spread as evenly over people as their numbers of images allow, and evenly over each person's
    images. Nobody gives more than max(10, 4 × the mean) distinct pairs, so that one celebrity with 500 images does not
    decide the result; a pair repeats only when everybody has given all they may. Impostors are two people drawn
    uniformly, then an image of each; repeats are redrawn while that finds new pairs.

    Parameters
    ----------
    identity : int (N,), equal for images of one person.
    attribute : int (N,), needed with ``same_attribute``, which restricts impostors to images of one attribute value;
        images with a negative value (not known) are left out of those.

    Raises
    ------
    InputError : nobody has two images, or no two people (of one attribute value) can be paired.
    """
    identity = np.asarray(identity, np.int64)
    genuine_left, genuine_right = _genuine(identity, rng, genuine)
    usable = np.arange(len(identity))
    value = np.zeros(len(identity), np.int64)
    if same_attribute:
        if attribute is None or len(attribute) != len(identity):
            raise ValueError("impostors of one attribute value need the attribute of every image")
        value = np.asarray(attribute, np.int64)
        usable = np.flatnonzero(value >= 0)
    first, second = _impostors(identity[usable], value[usable], rng, impostor)
    return Pairs(
        np.concatenate([genuine_left, usable[first]]),
        np.concatenate([genuine_right, usable[second]]),
        np.arange(genuine + impostor) < genuine,
    )


def _genuine(identity: IntArray, rng: np.random.Generator, count: int) -> tuple[IntArray, IntArray]:
    if count == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    images, start, size = _by_group(identity, rng)
    start, size = start[size > 1], size[size > 1]
    if len(size) == 0:
        raise InputError("verification needs people with two images, and nobody here has two: use a data set with more")
    limit = np.minimum(size * (size - 1) // 2, max(ENOUGH, -(-FAIR_SHARES * count // len(size))))
    rounds, rest = divmod(count, int(limit.sum()))
    given = rounds * limit + _fill_evenly(limit, rest, rng)
    person = np.repeat(np.arange(len(size)), given)
    nth = (np.arange(count) - np.repeat(np.cumsum(given) - given, given)) % limit[person]
    mixed = rng.permutation(count)
    person, nth = person[mixed], nth[mixed]
    # A person's images stand on a circle in random order. Pair k joins place k mod n with the one k // n + 1 further:
    # every pair comes once before any repeats, and every image is used about as often as the others.
    place, further = nth % size[person], nth // size[person] + 1
    left = images[start[person] + place]
    right = images[start[person] + (place + further) % size[person]]
    return left, right


def _fill_evenly(limit: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """``count`` shared out over people, each up to their limit, so that the smallest shares are as large as can be."""
    low, high = 0, int(limit.max())
    while low < high:  # the highest level that everybody who can may be filled to
        level = (low + high + 1) // 2
        if np.minimum(limit, level).sum() <= count:
            low = level
        else:
            high = level - 1
    share = np.minimum(limit, low)
    extra = rng.permutation(np.flatnonzero(limit > low))[: count - int(share.sum())]
    share[extra] += 1
    return share


def _impostors(identity: IntArray, value: IntArray, rng: np.random.Generator, count: int) -> tuple[IntArray, IntArray]:
    if count == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    # a unit is one person showing one attribute value; two units of a value are two people
    _, person = np.unique(identity, return_inverse=True)
    values, kind = np.unique(value, return_inverse=True)
    images, start, size = _by_group(kind * (person.max(initial=0) + 1) + person, rng)
    of_kind = kind[images[start]]  # ascending, because units are sorted by kind first
    kind_size = np.bincount(of_kind, minlength=len(values))
    kind_start = np.cumsum(kind_size) - kind_size
    units = np.flatnonzero(kind_size[of_kind] > 1)
    if len(units) == 0:
        raise InputError("verification needs impostor pairs, and no two people here can be paired: use more people")

    def draw(number: int) -> IntArray:
        """Pairs as numbers: the smaller image index · N + the larger."""
        one = units[rng.integers(0, len(units), number)]
        peers, first = kind_size[of_kind[one]], kind_start[of_kind[one]]
        other = first + (one - first + rng.integers(1, peers)) % peers
        sides = [images[start[unit] + rng.integers(0, size[unit])] for unit in (one, other)]
        return np.asarray(np.minimum(*sides) * len(identity) + np.maximum(*sides), np.int64)

    pairs = _distinct(draw(count))
    for _ in range(ROUNDS):
        if len(pairs) == count:
            break
        pairs = _distinct(np.concatenate([pairs, draw(count - len(pairs))]))
    pairs = rng.permutation(np.concatenate([pairs, draw(count - len(pairs))]))
    return pairs // len(identity), pairs % len(identity)


def _distinct(values: IntArray) -> IntArray:
    """As ``np.unique``, by sorting: NumPy's hashing (2.3) takes five times as long on a million such numbers."""
    ordered = np.sort(values)
    distinct: IntArray = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    return distinct


def _by_group(group: NDArray[Any], rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """(N,) indices by group, in random order within each; (G,) where each group starts; (G,) how many it has."""
    shuffled = rng.permutation(len(group))
    order = shuffled[np.argsort(group[shuffled], kind="stable")]
    _, start, size = np.unique(group[order], return_index=True, return_counts=True)
    return order.astype(np.int64), start.astype(np.int64), size.astype(np.int64)
