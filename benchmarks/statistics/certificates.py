"""How often a certificate holds what fresh people's images tell: ``python -m benchmarks.statistics.certificates``.

Everybody has a temper, which says how often their images lie in which cell: one cell of their own in half of them and
any in the others, or any in all. Classes differ in how many are of which temper, so that two images of a person tell
more than one. What they tell in truth is the sum over all multisets of cells. People have one to five images each.
"""

from __future__ import annotations

import argparse
from itertools import combinations_with_replacement
from math import factorial

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.several_images import certified_of

PEOPLE = (60, 200, 600, 2000)
VALUES = (4, 16)
IMAGES = (1, 2, 3)
OWN = 0.5  # of somebody's images
HEAD = ("people", "values", "images", "truth", "plug-in", "bound", "held")
Array = NDArray[np.float64]


def law(values: int) -> tuple[Array, Array]:
    """(tempers, values) how often an image lies in which cell, and (2, tempers) how many of a class are of which."""
    cells = np.vstack([OWN * np.eye(values) + (1 - OWN) / values, np.full(values, 1 / values)])
    leaning = np.linspace(-1, 1, values)
    first = np.append((1 + 0.5 * leaning) / values * 0.8, 0.2)
    second = np.append((1 - 0.5 * leaning) / values * 0.6, 0.4)
    return cells, np.stack([first, second])


def most_that_is_read(cells: Array, shares: Array, images: int) -> float:
    """½ + TV/2 of so many images of a person."""
    total = 0.0
    for chosen in combinations_with_replacement(range(cells.shape[1]), images):
        times = np.bincount(chosen, minlength=cells.shape[1])
        orders = factorial(images) / np.prod([factorial(time) for time in times])
        likely = shares @ (orders * np.prod(cells**times, axis=1))
        total += float(likely.max())
    return total / 2


def drawn(
    cells: Array, shares: Array, people: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cells, labels and people of all images."""
    labels = np.arange(people) % 2
    temper = np.array([rng.choice(len(cells), p=shares[label]) for label in labels])
    identity = np.repeat(np.arange(people), rng.integers(1, 6, people))
    below = np.cumsum(cells, axis=1)[temper[identity], :-1]
    return (rng.random((len(identity), 1)) > below).sum(axis=1), labels[identity], identity


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    trials = parser.parse_args().trials
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for people in PEOPLE:
        for values in VALUES:
            cells, shares = law(values)
            found: dict[int, list[tuple[float, float]]] = {images: [] for images in IMAGES}
            for seed in range(trials):
                certified = certified_of(*drawn(cells, shares, people, np.random.default_rng([seed, people])), 2)
                if certified is not None:
                    found[1].append((certified.plug_in, certified.bound))
                    for each in certified.images:
                        found[each.images].append((each.plug_in, each.bound))
            for images in IMAGES:
                truth = most_that_is_read(cells, shares, images)
                plug_in, bound = np.median(found[images], axis=0)
                held = np.mean([bounded >= truth for _, bounded in found[images]])
                print(f"| {people:,} | {values} | {images} | {truth:.3f} | {plug_in:.3f} | {bound:.3f} | {held:.0%} |")


if __name__ == "__main__":
    main()
