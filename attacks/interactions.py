"""Products of two and three coordinates: what no coordinate and no pair shows alone, such as parity."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aiakit.attacks._screened import Matrix, Screened
from aiakit.contracts import Context, Release
from aiakit.plugins.bases import embedding

FORMS = ("sign", "value", "size")  # what is multiplied: the sign, the standardised value, the centred absolute value
FOUND = np.dtype([("form", "i4"), ("order", "i4"), ("columns", "i4", (3,))])


class Interactions(Screened):
    """Screens every single, pair and triple of coordinates for a product that goes with the class.

    All triples are a matrix product for each coordinate, so 64 dimensions (41,664 triples in three forms) take a
    fraction of a second; the cost grows as N·D³. Above ``coordinates`` dimensions only those with the largest variance
    take part. A sign pattern that was rotated out of the axes is invisible to it.
    """

    presets = ("fast", "strong")
    summary = "products of up to three coordinates, screened over all triples (at most 128 coordinates)"

    def __init__(
        self,
        coordinates: Annotated[int, Field(ge=3, le=512)] = 128,
        proposals: Annotated[int, Field(ge=1)] = 40,
    ) -> None:
        self.coordinates = coordinates
        self.proposals = proposals

    def propose(self, release: Release, goal: Matrix, ctx: Context) -> NDArray[Any]:
        """The ``proposals`` strongest products of each form and order."""
        raw = embedding(release)
        spread = raw.std(axis=0)
        self._columns = np.sort(np.argsort(-spread, kind="stable")[: self.coordinates])
        chosen = raw[:, self._columns]
        self._median, self._scale = np.median(chosen, axis=0), np.maximum(spread[self._columns], 1e-12)
        self._size = np.abs(self._standard(release)).mean(axis=0)
        found = []
        for form, order in ctx.track(list(product(range(len(FORMS)), (1, 2, 3))), "Interactions"):
            for columns in strongest(self._form(release, form), goal, order, self.proposals):
                found.append((form, order, columns))
        return np.array(found, dtype=FOUND)

    def expand(self, release: Release, found: NDArray[Any]) -> Matrix:
        """(N, F) products."""
        forms = [self._form(release, form) for form in range(len(FORMS))]
        out = np.empty((len(release), len(found)), dtype=np.float32)
        for at, (form, order, columns) in enumerate(found):
            out[:, at] = forms[form][:, columns[:order]].prod(axis=1)
        return out

    def _standard(self, release: Release) -> Matrix:
        return np.asarray(np.clip((embedding(release)[:, self._columns] - self._median) / self._scale, -4, 4))

    def _form(self, release: Release, form: int) -> Matrix:
        values = self._standard(release)
        if FORMS[form] == "value":
            return values
        return np.sign(values) if FORMS[form] == "sign" else np.abs(values) - self._size


def strongest(values: Matrix, goal: Matrix, order: int, most: int) -> NDArray[np.int64]:
    """(≤ most, 3): the sets of ``order`` distinct columns (padded with 0) whose product correlates most with a target.

    values : (N, D). goal : (N, T), centred. Products are compared by covariance over √(mean square of the product).
    """
    dims = values.shape[1]
    strength = np.zeros((dims, dims, dims) if order == 3 else (dims,) * order, dtype=np.float32)
    squares = values**2
    for weight in goal.T:
        if order == 1:
            found = _ratio(weight @ values, squares.sum(axis=0))
        elif order == 2:
            found = np.triu(_ratio((values * weight[:, None]).T @ values, squares.T @ squares), 1)
        else:
            found = np.zeros_like(strength)
            for i in range(dims - 2):
                rest, rest_squares = values[:, i + 1 :], squares[:, i + 1 :]
                together = (rest * (weight * values[:, i])[:, None]).T @ rest
                energy = (rest_squares * squares[:, i, None]).T @ rest_squares
                found[i, i + 1 :, i + 1 :] = np.triu(_ratio(together, energy), 1)
        strength = np.maximum(strength, found)
    flat = strength.ravel()
    best = np.argsort(-flat, kind="stable")[:most] if flat.size <= most else _top(flat, most)
    columns = np.zeros((len(best), 3), dtype=np.int64)
    columns[:, :order] = np.stack(np.unravel_index(best, strength.shape), axis=1)
    return columns[flat[best] > 0]


def _ratio(covariance: NDArray[Any], energy: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.abs(covariance) / np.sqrt(np.maximum(energy, 1e-12)))


def _top(flat: Matrix, most: int) -> NDArray[np.int64]:
    part = np.argpartition(-flat, most)[:most]
    return part[np.lexsort((part, -flat[part]))]
