"""Matching by affine maps that are learned in closed form.

Between two releases a rotation (orthogonal Procrustes, Schönemann 1966) and ridge regressions of eight penalties are
tried, each with the mean taken off; then, with the best of these, whitening of the scatter within people (WCCN, Hatch
et al. 2006) by five shrinkages. It is blind to what only a curved map finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np

from aiakit.contracts import Context, Linker, LinkerData, Points
from aiakit.measures.maps import Affine, centred, ridges, rotation, whitened
from aiakit.measures.pairing import ProbePairs

CENTRED = "centred"


class AffineLinker(Linker):
    """The way from one release to the other is chosen first, and with it the space in which they are compared."""

    summary = "rotation or ridge regression between the releases, whitened within people"

    def fit(self, train: LinkerData, val: LinkerData, ctx: Context) -> Self:
        """Learn every map on ``train``, and keep the one that tells people of ``val`` apart best."""
        pairs = ProbePairs.of(val.people, val.same, ctx.rng("linker", "attacker-val"))

        def reached(maps: _Maps) -> float:
            return 0.0 if pairs is None else pairs.area(maps.of_source(val.source), maps.of_target(val.target))

        best = _Maps(CENTRED, None, centred(train.target))
        area = -np.inf if pairs is None or not train.same else reached(best)
        for name, way in () if train.same else _ways(train):
            maps = best._replace(name=f"{CENTRED}, {name}", way=way)
            if (value := reached(maps)) > area:
                best, area = maps, value
        _, _, how = best.name.partition(CENTRED)
        for name, space in () if pairs is None else whitened(train.target, train.people):
            maps = _Maps(name + how, best.way, space)
            if (value := reached(maps)) > area:
                best, area = maps, value
        self._maps, self.setting = best, best.name
        return self

    def of_source(self, points: Points) -> Points:
        """Where images of the source release lie."""
        return self._maps.of_source(points)

    def of_target(self, points: Points) -> Points:
        """Where images of the target release lie."""
        return self._maps.of_target(points)


class _Maps(NamedTuple):
    """name : what they are called. way : from the source to the target release; None where they are one. space : where
    images of one person lie together.
    """

    name: str
    way: Affine | None
    space: Affine

    def of_source(self, points: Points) -> Points:
        return self.space(points if self.way is None else self.way(points))

    def of_target(self, points: Points) -> Points:
        return self.space(points)


def _ways(train: LinkerData) -> Iterator[tuple[str, Affine]]:
    """What leads from the source to the target release."""
    if train.source.shape[1] == train.target.shape[1]:
        yield "rotation", rotation(train.source, train.target)
    yield from ridges(train.source, train.target)
