"""What is compared with what where a run asks for risks: images of test, taken from what it has stored.

Released images of test people are compared by the cosine of their embeddings, or of pictures without an embedding by
the correlation of their pixels; and by the cosine of where a linker puts them that was trained on other people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, IntArray, View
from aiakit.experiment.comparable import VIEWS, points_of
from aiakit.experiment.config import Risk, RunConfig
from aiakit.experiment.linking import linked_rows
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.risking import RELEASED, SEEDS, UNDEFENDED, WAYS, Compared, Way
from aiakit.measures.inversion import Reconstructed
from aiakit.measures.searching import Search
from aiakit.measures.unlinkability import Linked
from aiakit.storage.store import Cell, Store

NO_REFERENCE = "there is no undefended release beside it"
TRAINED = "trained"  # behind the view in the name of what a linker found
Cells = Mapping[int, Cell]  # seed → a release


@dataclass(frozen=True)
class Comparison:
    """Two releases that are compared by a view, or by where linkers put their images.

    seeds : of what is searched, or the two that are linked. load : what is compared: a search a seed, or pairs.
    linkers : what attacker-val says of them, a seed each; none of a cosine. dealt : whether the images are those of the
    dealt test, of which linkers were trained on nobody, also where people are cross-fitted.
    """

    seeds: tuple[int, ...]
    load: Callable[[], list[Search] | Linked]
    linkers: tuple[Mapping[str, Any], ...] = ()

    @property
    def dealt(self) -> bool:
        return bool(self.linkers)


@dataclass(frozen=True)
class Reconstruction:
    """What a decoder made of a release. key : of which. made : its cell. load : its images of the dealt test."""

    key: Compared
    made: Cell
    load: Callable[[], Reconstructed]

    @property
    def decoder(self) -> str:
        return str(self.made.result["decoder"])


def search_of(images: Reconstructed, mated: NDArray[np.bool_]) -> Search:
    """Reconstructions, which look for their people among undefended images."""
    first = images.enrolled
    return Search(images.true[first], images.shown[first], images.found, images.shown, mated)


def enrolled_of(shown: IntArray, seed: int) -> NDArray[np.bool_]:
    """(N,) the images that are enrolled: one of each person, at random. shown : (N,), who. seed : of the split."""
    order = Context(seed).rng("risks", "enrolled").permutation(len(shown))
    first = np.zeros(len(shown), bool)
    first[order[np.unique(shown[order], return_index=True)[1]]] = True
    return first


def probes_of(shown: IntArray, enrolled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) the images that are not enrolled, of people who are."""
    _, place, count = np.unique(shown, return_inverse=True, return_counts=True)
    return np.asarray((count[place] > 1) & ~enrolled)


@dataclass(frozen=True)
class Comparisons:
    """All comparisons that the risks of a run ask for and its stored cells allow."""

    store: Store
    plan: Plan
    config: RunConfig
    protocol: Protocol

    def of(self, risk: Risk, name: str) -> Iterator[tuple[str, Comparison | str]]:
        """Which two releases are compared, by which view and how → the comparison, or why there is none."""
        for way, compared in self._ways(risk, name).items():
            views = compared if isinstance(compared, str) else _shared(*compared)
            if isinstance(compared, str) or isinstance(views, str):
                yield way, str(views)
                continue
            for view in views:
                yield f"{way} {view}", self._plain(risk, way, *compared, view)
        for (way, view), cells in self._linkers(risk, name).items():
            load = partial(self._where_put, risk, cells)
            seeds = self.config.seeds[:2] if way == SEEDS else tuple(cells)
            yield f"{way} {view} {TRAINED}", Comparison(seeds, load, tuple(cell.result for cell in cells.values()))

    def reconstructions(self, name: str) -> Iterator[tuple[str, Reconstruction | str]]:
        """View of the undefended release → what is reconstructed of it."""
        if name == self.config.reference or not self._made(name):
            return
        keys = [key for key in self.plan.risks.inversions if key.release == name]
        if not keys:
            yield UNDEFENDED, NO_REFERENCE
        for view in dict.fromkeys(key.view for key in keys):
            cells = {key: self.store.find(self.plan.risks.inversions[key].digest) for key in keys if key.view == view}
            best = _strongest({key: made for key, made in cells.items() if made is not None}, "decoder")
            if best is not None:
                yield view, Reconstruction(*best, partial(self._reconstructed, *best))

    def _plain(self, risk: Risk, way: Way, enrolled: Cells, probes: Cells, view: View) -> Comparison:
        """By a cosine; releases are linked by the first seed that has both."""
        seeds = tuple(seed for seed in probes if seed in enrolled)
        if risk == "identity":
            return Comparison(seeds, lambda: [self._search(enrolled[seed], probes[seed], view) for seed in seeds])
        load = partial(self._pairs, enrolled[seeds[0]], probes[seeds[0]], view)
        return Comparison(self.config.seeds[:2] if way == SEEDS else seeds[:1], load)

    def _search(self, enrolled: Cell, probes: Cell, view: View) -> Search:
        rows = self.protocol.judged("test")
        shown, first = self._people(rows)
        gallery, released = points_of(enrolled, view, rows[first]), points_of(probes, view, rows)
        return Search(gallery, shown[first], released, shown, probes_of(shown, first))

    def _pairs(self, enrolled: Cell, probes: Cell, view: View) -> Linked:
        rows = self.protocol.judged("test")
        shown, first = self._people(rows)
        probe = probes_of(shown, first)
        one, other = points_of(enrolled, view, rows[first]), points_of(probes, view, rows[probe])
        return Linked(one, shown[first], other, shown[probe])

    def _where_put(self, risk: Risk, linkers: Cells) -> list[Search] | Linked:
        """The same where linkers put the images."""
        searches = []
        for cell in linkers.values():
            rows, source, target = linked_rows(cell.tensors("points"))
            shown, first = self._people(rows)
            probe = probes_of(shown, first)
            if risk == "linkage":
                return Linked(target[first], shown[first], source[probe], shown[probe])
            searches.append(Search(target[first], shown[first], source, shown, probe))
        return searches

    def _reconstructed(self, key: Compared, made: Cell) -> Reconstructed:
        rows = self.protocol.rows("test")
        shown, first = self._people(rows)
        true = points_of(self._made(self.config.reference)[key.seed], key.view, rows)
        found, constant = points_of(made, "embedding", rows), made.tensors("baseline")["mean"]
        return Reconstructed(true, found, constant, shown, first)

    def _people(self, rows: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """Who images of test show, and which are enrolled."""
        shown = self.protocol.identity(rows)
        return shown, enrolled_of(shown, self.config.split.seed)

    def _linkers(self, risk: Risk, name: str) -> dict[tuple[Way, View], Cells]:
        """What is compared, and by which view → the strongest finished linker of each seed."""
        measures = {spec.name: spec.risks for spec in self.config.measuring("linker")}
        cells: dict[tuple[Way, View], dict[int, dict[Compared, Cell]]] = {}
        for key, spec in self.plan.risks.linkers.items():
            asked = _asks(risk, name, key) and risk in measures.get(key.by, (risk,))
            cell = self.store.find(spec.digest) if asked else None
            if cell is not None and (risk == "identity" or key.seed == self.config.seeds[0]):
                cells.setdefault((key.way, key.view), {}).setdefault(key.seed, {})[key] = cell
        return {
            compared: {seed: best[1] for seed, able in seeds.items() if (best := _strongest(able, "linker"))}
            for compared, seeds in cells.items()
        }

    def _ways(self, risk: Risk, name: str) -> dict[Way, tuple[Cells, Cells] | str]:
        """Which two releases are compared → these, the enrolled one first, or why they are not."""
        released, undefended = self._made(name), self._made(self.config.reference)
        if not released:
            return {}
        ways: dict[Way, tuple[Cells, Cells] | str] = {}
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
            ways[UNDEFENDED] = (undefended, released) if both else NO_REFERENCE
        return ways

    def _made(self, name: str) -> Cells:
        """Seed → the finished release."""
        found = {seed: self.store.find(cell.digest) for (release, seed), cell in self.plan.releases.items()
                 if release == name}  # fmt: skip
        return {seed: cell for seed, cell in found.items() if cell is not None}


def _strongest(cells: Mapping[Compared, Cell], kind: str) -> tuple[Compared, Cell] | None:
    """The cell that attacker-val speaks for, the first of several; None where there is none."""

    def on_val(key: Compared) -> float:
        said = cells[key].result
        return float(said["val"].get(said[kind], -np.inf))

    best = max(cells, key=on_val, default=None)
    return None if best is None else (best, cells[best])


def _asks(risk: Risk, name: str, key: Compared) -> bool:
    return key.release == name and key.way in WAYS[risk]


def _shared(enrolled: Cells, probes: Cells) -> list[View] | str:
    """The views that the releases have in one shape, or why they have none."""
    one, other = (next(iter(cells.values())).tensors("release") for cells in (enrolled, probes))
    shapes = [{view: of[view].shape[1:] for view in VIEWS if view in of} for of in (one, other)]
    found = [view for view in VIEWS if view in shapes[0] and shapes[0][view] == shapes[1].get(view)]
    said = [" and ".join(f"{view} {shape}" for view, shape in of.items()) for of in shapes]
    return found or f"the two releases have no view of one shape that a cosine compares ({said[0]}; {said[1]})"
