"""Total variation from counts of which many are small, never too low in the mean.

Of two classes with probabilities p, q of a cell, the counts N₀ ~ Bin(n₀, p) and N₁ ~ Bin(n₁, q) of people who are drawn
into it have E|N₀/n₀ − N₁/n₁| ≥ |p − q|: the plug-in is too high in the mean, the more cells the more. Here a table s
takes the place of |N₀/n₀ − N₁/n₁|: steeper, and lower by what the counts vary. It is found by a linear program, and
then checked, whatever found it: E s(N₀, N₁) + t·(p + q)/2 ≥ |p − q| for all p and q, with the t that the check yields.
The sum over cells is then no less than Σ|p − q| − t in the mean, and moves by at most ``steps`` with a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack
from scipy.stats import binom, norm

Array = NDArray[np.float64]

LARGEST = 256  # people in a cell from which on the plug-in serves
SLOPE = 1.35  # of s, in units of the plug-in's, where the program does not choose it
SHRINK = 2.0  # of the standard deviation that small counts show
FREE = (10, 20)  # counts of the smaller and the larger class that the program chooses s for
SCALES = (1.25, 2.5, 5.0)  # people of the smaller class in a cell that s is chosen for
FINEST, STEP = 1e-4, 0.07  # of the check's grid: first place, in expected counts, and step, in standard deviations
REACH, PLACES = 4, 36  # the program sees so many places, up to so many times the counts that it chooses for
COST = 1.36  # √(½·ln(1/δ)), δ = 2.5 %: what confidence costs for each unit of the slope


@dataclass(frozen=True)
class Estimate:
    """table : (I, J) s by counts of the two classes; beyond it, and from LARGEST people on, the plug-in |i/n₀ − j/n₁|.

    excess : t. steps : by how much s moves at most as one count of the class moves by one, up and down together.
    """

    people: tuple[int, int]
    table: Array
    excess: float
    steps: tuple[float, float]

    def of(self, first: NDArray[np.integer], second: NDArray[np.integer]) -> float:
        """Σ s + t over cells with so many people of each class."""
        rows, columns = (
            np.minimum(counts, size - 1) for counts, size in zip((first, second), self.table.shape, strict=True)
        )
        tabled = (rows == first) & (columns == second)
        plain = np.abs(first / self.people[0] - second / self.people[1])
        return float(np.where(tabled, self.table[rows, columns], plain).sum()) + self.excess


@lru_cache(maxsize=32)
def estimate_for(smaller: int, larger: int) -> Estimate:
    """The estimate for so many people of two classes."""
    people = (smaller, larger)
    table = _drawn_up(people)
    free = _chosen(people, table)
    if free is not None:
        table[: free.shape[0], : free.shape[1]] = free
    return checked(people, table)


def _plain(people: tuple[int, int], shape: tuple[int, ...]) -> Array:
    return np.abs(np.arange(shape[0])[:, None] / people[0] - np.arange(shape[1]) / people[1])


def _drawn_up(people: tuple[int, int]) -> Array:
    """s = z + (λ−1)·min(z, 3σ) − aσ: for a Gaussian z of standard deviation σ, E s ≥ |E z| with equality somewhere."""
    lowered = 2 * SLOPE * norm.pdf(norm.isf((SLOPE - 1) / (2 * SLOPE)))
    i, j = np.arange(min(LARGEST, people[0]) + 1)[:, None], np.arange(min(LARGEST, people[1]) + 1)
    plain = _plain(people, (i.size, j.size))
    variance = i / people[0] ** 2 + j / people[1] ** 2
    deviation = variance / np.sqrt(variance + SHRINK / people[0] ** 2)
    fading = np.clip(2 - (i + j) / (LARGEST / 2), 0, 1)
    return np.asarray(plain + fading * ((SLOPE - 1) * np.minimum(plain, 3 * deviation) - lowered * deviation))


def _chosen(people: tuple[int, int], table: Array) -> Array | None:
    """The corner of the table that is best where both classes have the same chance of a cell; None where it fails."""
    rows, columns = (min(free, size - 1) for free, size in zip(FREE, table.shape, strict=True))
    cells = rows * columns
    places = [
        np.r_[0, np.geomspace(0.02, REACH * free, PLACES)] / count
        for free, count in zip((rows, columns), people, strict=True)
    ]
    places = [place[place <= 1] for place in places]
    chances = [_chances(count, place, 2 * LARGEST) for count, place in zip(people, places, strict=True)]
    masses = (places[0][:, None] + places[1]).ravel()[1:] / 2
    rest = _mean(people, table, chances) - _corner(chances, table[:rows, :columns])
    lacks = (np.abs(places[0][:, None] - places[1]) - rest).ravel()[1:]
    means = -np.einsum("ai,bj->abij", chances[0][:, :rows], chances[1][:, :columns]).reshape(-1, cells)[1:]
    means = np.hstack([means / masses[:, None], np.full((len(means), 1), -1.0), np.zeros((len(means), 1))])
    slopes, limits = _slopes(people, table, rows, columns)
    scales = [scale / people[0] for scale in SCALES if scale < people[0]]
    even = [[_chances(count, np.array([at]), LARGEST * 2)[0] for count in people] for at in scales]
    wanted = sum(np.outer(one[:rows], other[:columns]).ravel() / at / len(scales)
                 for at, (one, other) in zip(scales, even, strict=True))  # fmt: skip
    cost = COST * 2 * np.sqrt(1 / people[0] + 1 / people[1])
    found = linprog(
        np.r_[wanted, 1.0, cost],
        A_ub=vstack([csr_array(np.where(np.abs(means) < 1e-9, 0, means)), slopes]),
        b_ub=np.r_[-lacks / masses, limits],
        bounds=[(0, 0), *[(None, None)] * (cells - 1), (0, None), (SLOPE, None)],
        method="highs",
    )
    return np.asarray(found.x[:cells]).reshape(rows, columns) if found.status == 0 else None


def _slopes(people: tuple[int, int], table: Array, rows: int, columns: int) -> tuple[csr_array, Array]:
    """± every step of the corner, and out of it, ≤ the slope / n_c: coefficients of (corner, t, slope), and limits."""
    number = np.full((rows + 1, columns + 1), -1)
    number[:rows, :columns] = np.arange(rows * columns).reshape(rows, columns)
    lines, limits = [], []
    for axis, count in enumerate(people):
        near = number[:rows, :columns].ravel()
        far = (number[1:, :columns] if axis == 0 else number[:rows, 1:]).ravel()
        beyond = (table[1 : rows + 1, :columns] if axis == 0 else table[:rows, 1 : columns + 1]).ravel()
        inside = far >= 0
        line = np.arange(len(near))
        signs = coo_array(
            (np.r_[-np.ones(len(near)), np.ones(inside.sum())], (np.r_[line, line[inside]], np.r_[near, far[inside]])),
            shape=(len(near), rows * columns + 2),
        ).tocsr()
        slope = coo_array(
            (np.full(len(near), -1 / count), (line, np.full(len(near), rows * columns + 1))), shape=signs.shape
        ).tocsr()
        fixed = np.where(inside, 0, beyond)
        lines += [signs + slope, -signs + slope]
        limits += [-fixed, fixed]
    return csr_array(vstack(lines)), np.concatenate(limits)


def checked(people: tuple[int, int], table: Array) -> Estimate:
    """The estimate of a table, whichever, with the t for which E s(N₀, N₁) + t·(p + q)/2 ≥ |p − q| for all p and q.

    On a grid of p and q the mean is computed; between its places the mean lies above its bilinear interpolation less
    h²/8 times the greatest second derivative, n²·max|Δ²s|, and |p − q| below its own. Near p = q = 0 the mean is s of a
    single person, but for (1 + λ)(p + q)·μ of μ = n₀p + n₁q, where |s(i, j)| ≤ λ(i/n₀ + j/n₁). Beyond the grid, whose
    last place has so many people in a cell that the table does not count, s is the plug-in.
    """
    grid = [_grid(count) for count in people]
    most = 3 * LARGEST
    whole = _plain(people, tuple(min(most, count) + 1 for count in people))
    inside = np.add.outer(*(np.arange(size) for size in table.shape)) < LARGEST
    whole[: table.shape[0], : table.shape[1]][inside] = table[inside]
    kept = whole[: table.shape[0], : table.shape[1]]
    mean = _chances(people[0], grid[0], most) @ whole @ _chances(people[1], grid[1], most).T
    lacks = np.abs(grid[0][:, None] - grid[1]) - mean
    worst = np.max([lacks[:-1, :-1], lacks[1:, :-1], lacks[:-1, 1:], lacks[1:, 1:]], axis=0)
    bends = [
        count**2 * max(2 / count, float(np.abs(np.diff(whole, 2, axis=axis)).max(initial=0)))
        for axis, count in enumerate(people)
    ]
    curved = [np.diff(places) ** 2 / 8 * bend for places, bend in zip(grid, bends, strict=True)]
    mass = (grid[0][:-1, None] + grid[1][:-1]) / 2
    mass[0, 0] = np.inf
    between = float(((worst + curved[0][:, None] + curved[1]) / mass).max())
    counts = np.arange(whole.shape[0])[:, None] / people[0] + np.arange(whole.shape[1]) / people[1]
    size = float((np.abs(whole) / np.where(counts > 0, counts, 1)).max())
    single = min(people[0] * kept[1, 0], people[1] * kept[0, 1])
    near = 2 * (max(0.0, 1 - single) + (1 + size) * 2 * FINEST)
    lowest = float(np.max(_plain(people, kept.shape) - kept))
    last = max(_tail(count, places[-1]) / places[-1] for count, places in zip(people, grid, strict=True))
    steps = [_step(np.diff(whole, axis=axis), 1 / count) for axis, count in enumerate(people)]
    return Estimate(people, kept, max(0.0, between, near) + 2 * lowest * last, (steps[0], steps[1]))


def _step(steps: Array, plain: float) -> float:
    return max(float(steps.max()), plain) + max(float(-steps.min()), plain)


def _grid(people: int) -> Array:
    """From 0 to where a cell has so many people that the table hardly counts, or to 1."""
    last = min(1.0, (LARGEST + 9 * LARGEST**0.5) / people)
    roots = np.arange(np.sqrt(FINEST), np.sqrt(last * people), STEP / 2)
    return np.r_[0.0, np.minimum(roots**2 / people, last), last]


def _tail(people: int, place: float) -> float:
    return 0.0 if place >= 1 else float(binom.cdf(LARGEST, people, place))


def _chances(people: int, places: Array, most: int) -> Array:
    """(places, counts) the binomial chances of 0 … people, or ``most``."""
    return np.asarray(binom.pmf(np.arange(min(people, most) + 1), people, places[:, None]))


def _corner(chances: list[Array], corner: Array) -> Array:
    return np.asarray(chances[0][:, : corner.shape[0]] @ corner @ chances[1][:, : corner.shape[1]].T)


def _mean(people: tuple[int, int], table: Array, chances: list[Array]) -> Array:
    whole = _plain(people, (chances[0].shape[1], chances[1].shape[1]))
    whole[: table.shape[0], : table.shape[1]] = table
    return np.asarray(chances[0] @ whole @ chances[1].T)
