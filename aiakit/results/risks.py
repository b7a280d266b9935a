"""What releases say of who somebody is, and whether two of them show one person: computed from stored releases.

Nothing is trained for it: released images of test people are compared by the cosine of their embeddings, or of pictures
without an embedding by the correlation of their pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, IntArray, View
from aiakit.experiment.config import Risk, RunConfig
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import Protocol
from aiakit.measures.identification import Search, TooFew
from aiakit.measures.unlinkability import Linked
from aiakit.results.judge import Judge
from aiakit.results.row import Measured, Risks
from aiakit.storage.store import Cell, Store

VIEWS: tuple[View, ...] = ("embedding", "image")
SIDE = 16  # pixels that a picture is shrunk to: faces are not aligned to a pixel
# Which two releases are compared: two images of one release, an undefended image with a released one, or images of two
# releases that the same defense made with different seeds. What was found goes by that and the view.
RELEASED, UNDEFENDED, SEEDS = "released", "undefended", "seeds"
Cells = Mapping[int, Cell]  # seed → a release


@dataclass(frozen=True)
class RiskJudge:
    """Computes the risks that a run asks for."""

    store: Store
    plan: Plan
    config: RunConfig
    protocol: Protocol
    judge: Judge

    def of(self, name: str) -> Risks:
        """What there is to say of a release."""
        found: Risks = {risk: {} for risk in self.config.risks}
        for risk, results in found.items():
            for way, compared in self._ways(risk, name).items():
                views = compared if isinstance(compared, str) else _shared(*compared)
                if isinstance(compared, str) or isinstance(views, str):
                    results[way] = str(views)
                    continue
                compute = self._identity if risk == "identity" else self._linkage
                for view in views:
                    try:
                        results[f"{way} {view}"] = compute(*compared, view)
                    except TooFew as error:
                        results[f"{way} {view}"] = str(error)
        return {risk: results for risk, results in found.items() if results}

    def _ways(self, risk: Risk, name: str) -> dict[str, tuple[Cells, Cells] | str]:
        """Which two releases are compared → these, the enrolled one first, or why they are not."""
        released, undefended = self._made(name), self._made(self.config.reference)
        if not released:
            return {}
        ways: dict[str, tuple[Cells, Cells] | str] = {}
        if risk == "identity":
            ways[RELEASED] = (released, released)
        elif len(self.config.seeds) < 2:
            ways[SEEDS] = "the run has one seed"
        elif len(released) < 2:
            ways[SEEDS] = "one of its releases has no result"
        else:
            first, second = list(released)[:2]
            ways[SEEDS] = ({first: released[first]}, {first: released[second]})
        if name != self.config.reference:
            both = released.keys() & undefended.keys()
            ways[UNDEFENDED] = (undefended, released) if both else "there is no undefended release beside it"
        return ways

    def _made(self, name: str) -> Cells:
        """Seed → the finished release."""
        found = {seed: self.store.find(cell.digest) for (release, seed), cell in self.plan.releases.items()
                 if release == name}  # fmt: skip
        return {seed: cell for seed, cell in found.items() if cell is not None}

    def _identity(self, enrolled: Cells, probes: Cells, view: View) -> Measured:
        seeds = [seed for seed in probes if seed in enrolled]
        rows, shown, first = self._people()
        several = _several(shown)
        searches = []
        for seed in seeds:
            gallery, released = _points(enrolled[seed], view, rows[first]), _points(probes[seed], view, rows)
            searches.append(Search(gallery, shown[first], released, shown, several & ~first))
        found = self.judge.memory.identification_statistics(searches, self.judge.bootstrap)
        return replace(found, seeds=tuple(seeds))

    def _linkage(self, enrolled: Cells, probes: Cells, view: View) -> Measured:
        """Of the first seed that has both."""
        seed = next(seed for seed in probes if seed in enrolled)
        rows, shown, first = self._people()
        probe = _several(shown) & ~first
        one, other = _points(enrolled[seed], view, rows[first]), _points(probes[seed], view, rows[probe])
        linked = Linked(one, shown[first], other, shown[probe])
        return self.judge.memory.linkage_statistics(linked, self.judge.bootstrap, self.config.split.seed)

    def _people(self) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
        """The images of test, who they show, and which are enrolled: one of each person, at random."""
        rows = self.protocol.judged("test")
        shown = self.protocol.identity(rows)
        order = Context(self.config.split.seed).rng("risks", "enrolled").permutation(len(rows))
        first = np.zeros(len(rows), bool)
        first[order[np.unique(shown[order], return_index=True)[1]]] = True
        return rows, shown, first


def _several(shown: IntArray) -> NDArray[np.bool_]:
    """(N,) whether there are several images of the person."""
    _, place, count = np.unique(shown, return_inverse=True, return_counts=True)
    return np.asarray(count[place] > 1)


def _shared(enrolled: Cells, probes: Cells) -> list[View] | str:
    """The views that the releases have in one shape, or why they have none."""
    one, other = (next(iter(cells.values())).tensors("release") for cells in (enrolled, probes))
    shapes = [{view: of[view].shape[1:] for view in VIEWS if view in of} for of in (one, other)]
    found = [view for view in VIEWS if view in shapes[0] and shapes[0][view] == shapes[1].get(view)]
    said = [" and ".join(f"{view} {shape}" for view, shape in of.items()) for of in shapes]
    return found or f"the two releases have no view of one shape ({said[0]}; {said[1]})"


def _points(cell: Cell, view: View, rows: IntArray) -> NDArray[np.float64]:
    """(N, D) the images of a release in the space in which they are compared.

    Embeddings as they are; pictures shrunk to ``SIDE``, less their mean, so that a cosine is a correlation.
    """
    stored = cell.tensors("release")[view]
    if view == "embedding":
        return np.asarray(stored[rows], np.float64)
    channels, high, wide = stored.shape[1], *(side // SIDE or 1 for side in stored.shape[2:])
    tall, broad = stored.shape[2] // high, stored.shape[3] // wide
    found = np.empty((len(rows), channels * tall * broad))
    for place, row in enumerate(rows):
        picture = np.asarray(stored[row, :, : tall * high, : broad * wide], np.float64)
        found[place] = picture.reshape(channels, tall, high, broad, wide).mean(axis=(2, 4)).ravel()
    return np.asarray(found - found.mean(axis=1, keepdims=True))
