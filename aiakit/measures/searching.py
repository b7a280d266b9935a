"""Where the people of a gallery are placed by the searches for them, before anything is counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import FloatArray, IntArray

HELD = 2**22  # similarities held at once: 32 MiB
LEVEL = 1e-9  # two cosines that differ by less are level: rounding makes no more


class TooFew(ValueError):
    """There are too few people, or images of them, to measure anything."""


class Search(NamedTuple):
    """What is searched for in a gallery.

    gallery : float (G, D). enrolled : int (G,), who they are, each once. probes : float (N, D). shown : int (N,), who.
    mated : bool (N,), the probes that look for their own person, who is enrolled with another image. Every probe is
    also searched for with its own person left out.
    """

    gallery: NDArray[Any]
    enrolled: NDArray[Any]
    probes: NDArray[Any]
    shown: NDArray[Any]
    mated: NDArray[np.bool_]


class Placed(NamedTuple):
    """Of each probe: its person's similarity (NaN where not enrolled), the highest of another person, how many others
    are more alike, and how many are level.
    """

    mate: FloatArray
    best: FloatArray
    above: IntArray
    level: IntArray


class FirstPlaces(NamedTuple):
    """All of M mated searches that decides who is first of everybody, and how far that hangs on who is enrolled.

    enrolled : (G,), who is in the gallery. people : (M,), who is looked for. above, level : (M,), how many others are
    more alike, and how many are level. ahead : (K,), positions in the gallery: of every search with one person above,
    one after the other, first this person and then those who are level.
    """

    enrolled: IntArray
    people: IntArray
    above: IntArray
    level: IntArray
    ahead: IntArray


def of_length_one(search: Search) -> Search:
    """A search of points at length 1; those without a length are as unlike everybody, by a cosine of 0."""
    return search._replace(gallery=_of_length_one(search.gallery), probes=_of_length_one(search.probes))


def _of_length_one(points: NDArray[Any]) -> FloatArray:
    points = np.asarray(points, np.float64)
    length = np.linalg.norm(points, axis=1, keepdims=True)
    found: FloatArray = np.divide(points, length, out=np.zeros_like(points), where=length > 0)
    return found


def similarities(search: Search, rows: IntArray) -> Iterator[tuple[IntArray, slice, FloatArray]]:
    """Similarities of some probes and the gallery, in parts: (which probes, which of the gallery, similarities)."""
    side = 2 ** (HELD.bit_length() // 2)
    for start in range(0, len(rows), side):
        chosen = rows[start : start + side]
        for first in range(0, len(search.gallery), HELD // side):
            part = slice(first, min(first + HELD // side, len(search.gallery)))
            yield chosen, part, search.probes[chosen] @ search.gallery[part].T


def own_places(search: Search) -> IntArray:
    """(N,) the place of each probe's person in the gallery; −1 of those who are not enrolled."""
    order = np.argsort(search.enrolled)
    place = np.minimum(np.searchsorted(search.enrolled[order], search.shown), len(order) - 1)
    found = order[place]
    return np.where(search.enrolled[found] == search.shown, found, -1).astype(np.int64)


def placed_in(search: Search) -> Placed:
    """Where each probe is placed. search : of points of length 1."""
    own, everybody = own_places(search), np.arange(len(search.probes))
    mate = np.where(own < 0, np.nan, np.einsum("nd,nd->n", search.probes, search.gallery[own]))
    best = np.full(len(own), -np.inf)
    above, level = np.zeros(len(own), np.int64), np.zeros(len(own), np.int64)
    for rows, part, similarity in similarities(search, everybody):
        leave_out(similarity, own[rows], part)
        best[rows] = np.maximum(best[rows], similarity.max(axis=1))
        bar = mate[rows, None]
        higher = np.count_nonzero(similarity > bar + LEVEL, axis=1)
        above[rows] += higher
        level[rows] += np.count_nonzero(similarity >= bar - LEVEL, axis=1) - higher
    return Placed(mate, best, above, level)


def leave_out(similarity: FloatArray, own: IntArray, part: slice) -> None:
    """Make nobody like themselves. similarity : of a block. own : of its probes, the place in the whole gallery."""
    inside = np.flatnonzero((own >= part.start) & (own < part.stop))
    similarity[inside, own[inside] - part.start] = -np.inf


def first_places(search: Search, placed: Placed | None = None) -> FirstPlaces:
    """What of a search decides who is first of everybody. placed : of the same search, at length 1, where it is known.

    Raises TooFew for no mated search, or fewer than two people enrolled.
    """
    require_enough(search)
    if placed is None:
        search = of_length_one(search)
        placed = placed_in(search)
    mated = np.flatnonzero(search.mated)
    above, level, own = placed.above[mated], placed.level[mated], own_places(search)
    near, ahead = above == 1, [np.zeros(0, np.int64)]
    for probe, several in zip(mated[near], 1 + level[near], strict=True):
        similarity = search.gallery @ search.probes[probe]
        similarity[own[probe]] = -np.inf
        nearest = np.argpartition(-similarity, several - 1)[:several]
        ahead.append(nearest[np.argsort(-similarity[nearest], kind="stable")])
    people = np.asarray(search.shown[mated], np.int64)
    return FirstPlaces(np.asarray(search.enrolled, np.int64), people, above, level, np.concatenate(ahead))


def require_enough(search: Search) -> None:
    """Raise TooFew where nobody can be found."""
    if not search.mated.any():
        raise TooFew("nobody of test has two images")
    if len(search.enrolled) < 2:
        raise TooFew("a gallery of one person identifies nobody")


def once_a_person(people: IntArray) -> FloatArray:
    """(N,) weights by which the samples of a person count once together. people : (N,), who each is of."""
    _, place, count = np.unique(people, return_inverse=True, return_counts=True)
    return np.asarray(1 / count[place], np.float64)
