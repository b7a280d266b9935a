"""What no attack exceeds that holds several images of one person, of a release of few distinct values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations_with_replacement
from math import comb

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.certificate import LEVEL, Certificate, certificate

IMAGES = (2, 3)
MOST_SUBSETS = 2**21  # ways in which people's images fall into cells, of all of them together

IntArray = NDArray[np.integer]
Weighted = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class OfSeveral:
    """As ``Certificate``, of an attack on ``images`` different images of one fresh person, whose class they all show.

    people : how many of each class have so many images; only these were counted.
    """

    images: int
    bound: float
    plug_in: float
    people: tuple[int, ...]


@dataclass(frozen=True)
class Certified(Certificate):
    """The certificate of one image, and in ``images`` those of several, as far as they could be counted."""

    images: tuple[OfSeveral, ...] = ()


def certified_of(
    cells: IntArray, labels: IntArray, identity: IntArray, classes: int, level: float = LEVEL
) -> Certified | None:
    """The certificates of one image and of several; None where a class has nobody. Arguments as of ``certificate``."""
    one = certificate(cells, labels, identity, classes, level)
    if one is None:
        return None
    several = [of_several(cells, labels, identity, classes, images, level) for images in IMAGES]
    return Certified(**vars(one), images=tuple(found for found in several if found is not None))


def worst_of(seeds: Iterable[Certified | None]) -> Certified | None:
    """Of several releases the greatest bound, of one image and of each number of images that all of them have."""
    known = [each for each in seeds if each is not None]
    if not known:
        return None
    by_images = [{each.images: each for each in one.images} for one in known]
    shared = [images for images in by_images[0] if all(images in each for each in by_images)]
    several = (max((each[images] for each in by_images), key=lambda found: found.bound) for images in shared)
    return replace(max(known, key=lambda each: each.bound), images=tuple(several))


def of_several(
    cells: IntArray, labels: IntArray, identity: IntArray, classes: int, images: int, level: float = LEVEL
) -> OfSeveral | None:
    """The certificate of ``images`` different images of one person.

    Which they are, an attacker does not choose, nor does their order tell anything: each subset of a person's images is
    as likely. What the attacker holds is then a multiset of cells, one of few values again, and certified as one cell
    is: a person counts once, by the shares of their subsets, and moves the plug-in by at most 1/(C·n_c). None where a
    class has nobody with so many images, and where there are too many subsets to count.
    """
    known = labels >= 0
    cells, labels, identity = np.unique(cells[known], return_inverse=True)[1], labels[known], identity[known]
    shown, own_images = _by_person(cells, labels, identity, images)
    counts = np.bincount(shown[1], minlength=classes)
    distinct = [np.unique(own, return_counts=True) for own in own_images]
    base = int(cells.max(initial=0)) + 1
    if not counts.all() or base > 2 ** (62 // images):
        return None
    if sum(comb(len(own) + images - 1, images) for own, _ in distinct) > MOST_SUBSETS:
        return None
    found = [_multisets(own, times, images, base) for own, times in distinct]
    values, places = np.unique(np.concatenate([keys for keys, _ in found]), return_inverse=True)
    classes_of = np.repeat(shown[1], [len(keys) for keys, _ in found])
    shares = np.zeros((classes, len(values)))
    np.add.at(shares, (classes_of, places), np.concatenate([share for _, share in found]) / counts[classes_of])
    plug_in = float(shares.max(axis=0).sum() / classes)
    people = np.unique(shown[0], return_inverse=True)[1]
    moves = np.bincount(people, 1 / (classes * counts[shown[1]]))  # somebody of several classes moves each of them
    bound = plug_in + float(np.sqrt(np.log(1 / (1 - level)) / 2 * (moves**2).sum()))
    return OfSeveral(images, min(bound, 1.0), plug_in, tuple(int(count) for count in counts))


def _by_person(cells: IntArray, labels: IntArray, identity: IntArray, images: int) -> tuple[IntArray, list[IntArray]]:
    """(2, P) people and a class that they show in so many images or more, and each one's cells in these."""
    shown, group, count = np.unique(
        np.stack([identity, labels]), axis=1, return_inverse=True, return_counts=True
    )  # fmt: skip
    by_person = np.split(cells[np.argsort(group.ravel(), kind="stable")], np.cumsum(count)[:-1])
    enough = count >= images
    return shown[:, enough], [own for own, is_enough in zip(by_person, enough, strict=True) if is_enough]


def _multisets(cells: IntArray, times: IntArray, images: int, base: int) -> Weighted:
    """Every multiset of cells that ``images`` of a person's images can show, as a number, and how likely it is.

    cells : (R,) those that the person's images lie in. times : (R,) how many of them. A multiset that takes a_r of the
    times_r images of each cell r is Π C(times_r, a_r) of all the subsets.
    """
    chosen = _combinations(len(cells), images)
    ways = np.ones(len(chosen))
    for place in range(images):
        before = (chosen[:, :place] == chosen[:, place : place + 1]).sum(axis=1)
        ways *= np.maximum(times[chosen[:, place]] - before, 0) / (before + 1)
    possible = ways > 0
    keys = (cells[chosen[possible]] * base ** np.arange(images)).sum(axis=1)
    return keys, ways[possible] / ways.sum()


@lru_cache(maxsize=32)
def _combinations(count: int, images: int) -> NDArray[np.int64]:
    """(M, images) each multiset of ``images`` out of ``count`` things, ascending."""
    return np.array(list(combinations_with_replacement(range(count), images)), np.int64).reshape(-1, images)
