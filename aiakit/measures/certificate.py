"""What no attack on a release of few distinct values can exceed, whoever trained it on whomever.

A release that takes k values tells an attacker which cell a face lies in, and no more. Of one image of a person, no
rule reads an attribute of C classes with a greater balanced accuracy than ``1/C · Σ_cells max_c P(cell | c)``, for two
classes ½ + TV/2, TV being the total variation between the classes' distributions over the cells. (The argument for
finite representations: Jovanović et al., "FARE: Provably Fair Representation Learning with Practical Certificates",
ICML 2023, arXiv 2210.07213.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 4096  # more cells are not counted: a certificate by so many would say next to nothing
IMAGES = 4  # at least so many for each value, in the mean: else the release takes a value of its own for nearly each
LEVEL = 0.95


@dataclass(frozen=True)
class Certificate:
    """A bound on every attack's balanced accuracy on one image of a fresh person of the same population.

    bound : holds with probability ``level`` over the people that it was counted on. plug_in : what the best rule reads
    on those people themselves, which is no less than the truth on average. values : distinct values of the release.
    people : how many of each class were counted, each weighing alike.
    """

    bound: float
    plug_in: float
    values: int
    people: tuple[int, ...]
    level: float = LEVEL


def values_of(release: NDArray[np.generic]) -> NDArray[np.int64] | None:
    """(N,) which of its distinct values each row of a release (N, …) is; None where there are too many for N rows."""
    flat = np.ascontiguousarray(release.reshape(len(release), -1))
    rows = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1])))[:, 0]
    most = min(MOST_VALUES, len(rows) // IMAGES)
    if len(np.unique(rows[: most + 1])) > most:
        return None
    distinct, cells = np.unique(rows, return_inverse=True)
    return cells.astype(np.int64) if len(distinct) <= most else None


def certificate(
    cells: NDArray[np.integer],
    labels: NDArray[np.integer],
    identity: NDArray[np.integer],
    classes: int,
    level: float = LEVEL,
) -> Certificate | None:
    """The certificate of people who took no part in fitting the release; None where a class has nobody.

    cells, labels, identity : (N,) the value that each image is released as, its class and its person. A person counts
    once: by the shares of their images in each cell, whose mean is that of one image drawn at random. Replacing a
    person of class c by another moves the plug-in by at most 1/(C·n_c), and its mean is no less than the truth (a
    maximum is convex), so that by McDiarmid's inequality the truth exceeds plug-in + √(½·ln(1/δ)·Σ_people moves²) with
    probability at most δ = 1 − level. Somebody with images of several classes moves each of them.
    """
    known = labels >= 0
    cells, labels, identity = cells[known], labels[known], identity[known]
    people, person = np.unique(identity, return_inverse=True)
    shares = np.zeros((classes, int(cells.max(initial=0)) + 1))
    moves = np.zeros(len(people))
    counts = []
    for code in range(classes):
        own = labels == code
        images = np.bincount(person[own], minlength=len(people))
        shown = images > 0
        if not shown.any():
            return None
        count = int(np.count_nonzero(shown))
        np.add.at(shares[code], cells[own], 1 / (count * images[person[own]]))
        moves += shown / (classes * count)
        counts.append(count)
    plug_in = float(shares.max(axis=0).sum() / classes)
    bound = plug_in + float(np.sqrt(np.log(1 / (1 - level)) / 2 * (moves**2).sum()))
    return Certificate(min(bound, 1.0), plug_in, len(np.unique(cells)), tuple(counts), level)
