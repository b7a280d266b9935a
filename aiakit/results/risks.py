"""What releases say of who somebody is, and whether two of them show one person: computed from what a run has stored.

Released images of test people are compared by the cosine of their embeddings, or of pictures without an embedding by
the correlation of their pixels; and by the cosine of where a linker puts them that was trained on other people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, IntArray, View
from aiakit.experiment.comparable import VIEWS, points_of
from aiakit.experiment.config import Risk, RunConfig
from aiakit.experiment.linking import PLAIN, linked_rows
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.experiment.risking import RELEASED, SEEDS, UNDEFENDED, Compared, Way
from aiakit.measures.identification import IdentificationStatistics, Search, TooFew
from aiakit.measures.inversion import Reconstructed, inversion_statistics
from aiakit.measures.statistics import AttackStatistics
from aiakit.measures.unlinkability import LinkageStatistics, Linked
from aiakit.results.judge import SPLITS, Judge, Truth
from aiakit.results.row import Inverted, Measured, Risks, Trained
from aiakit.storage.store import Cell, Store

WAYS: Mapping[Risk, Sequence[Way]] = {"identity": (RELEASED, UNDEFENDED), "linkage": (SEEDS, UNDEFENDED)}
NO_REFERENCE = "there is no undefended release beside it"
TRAINED = "trained"  # behind the view in the name of what a linker found
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
            if risk == "inversion":
                results |= self._inversions(name) if self._made(name) else {}
                continue
            for way, compared in self._ways(risk, name).items():
                views = compared if isinstance(compared, str) else _shared(*compared)
                if isinstance(compared, str) or isinstance(views, str):
                    results[way] = str(views)
                    continue
                compute = self._identity if risk == "identity" else self._linkage
                for view in views:
                    results[f"{way} {view}"] = _unless_too_few(partial(compute, *compared, view))
            for (way, view), cells in self._linkers(risk, name).items():
                learned = self._searched if risk == "identity" else self._linked
                results[f"{way} {view} {TRAINED}"] = _unless_too_few(partial(learned, cells))
        return {risk: results for risk, results in found.items() if results}

    def _linkers(self, risk: Risk, name: str) -> dict[tuple[Way, View], Cells]:
        """What is compared, and by which view → the finished linkers, a seed each."""
        found: dict[tuple[Way, View], dict[int, Cell]] = {}
        for key, spec in self.plan.risks.linkers.items():
            cell = self.store.find(spec.digest) if _asks(risk, name, key) else None
            if cell is not None and (risk == "identity" or key.seed == self.config.seeds[0]):
                found.setdefault((key.way, key.view), {})[key.seed] = cell
        return {**found}

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
            ways[UNDEFENDED] = (undefended, released) if both else NO_REFERENCE
        return ways

    def _made(self, name: str) -> Cells:
        """Seed → the finished release."""
        found = {seed: self.store.find(cell.digest) for (release, seed), cell in self.plan.releases.items()
                 if release == name}  # fmt: skip
        return {seed: cell for seed, cell in found.items() if cell is not None}

    def _identity(self, enrolled: Cells, probes: Cells, view: View) -> Measured:
        seeds = [seed for seed in probes if seed in enrolled]
        rows = self.protocol.judged("test")
        shown, first = self._people(rows)
        searches = []
        for seed in seeds:
            gallery, released = points_of(enrolled[seed], view, rows[first]), points_of(probes[seed], view, rows)
            searches.append(Search(gallery, shown[first], released, shown, _several(shown) & ~first))
        found = self.judge.memory.identification_statistics(searches, self.judge.bootstrap)
        return replace(found, seeds=tuple(seeds))

    def _searched(self, linkers: Cells) -> Measured:
        """The same where linkers put the images."""
        searches = []
        for cell in linkers.values():
            rows, source, target = linked_rows(cell.tensors("points"))
            shown, first = self._people(rows)
            searches.append(Search(target[first], shown[first], source, shown, _several(shown) & ~first))
        found = self.judge.memory.identification_statistics(searches, self.judge.bootstrap)
        return _trained(replace(found, seeds=tuple(linkers)), linkers)

    def _linkage(self, enrolled: Cells, probes: Cells, view: View) -> Measured:
        """Of the first seed that has both."""
        seed = next(seed for seed in probes if seed in enrolled)
        rows = self.protocol.judged("test")
        shown, first = self._people(rows)
        probe = _several(shown) & ~first
        one, other = points_of(enrolled[seed], view, rows[first]), points_of(probes[seed], view, rows[probe])
        linked = Linked(one, shown[first], other, shown[probe])
        return self.judge.memory.linkage_statistics(linked, self.judge.bootstrap, self.config.split.seed)

    def _linked(self, linkers: Cells) -> Measured:
        """The same where a linker puts the images."""
        rows, source, target = linked_rows(next(iter(linkers.values())).tensors("points"))
        shown, first = self._people(rows)
        probe = _several(shown) & ~first
        linked = Linked(target[first], shown[first], source[probe], shown[probe])
        found = self.judge.memory.linkage_statistics(linked, self.judge.bootstrap, self.config.split.seed)
        return _trained(found, linkers)

    def _inversions(self, name: str) -> dict[str, Measured]:
        """View of the undefended release → what is reconstructed of it."""
        if name == self.config.reference:
            return {}
        keys = [key for key in self.plan.risks.inversions if key.release == name]
        if not keys:
            return {UNDEFENDED: NO_REFERENCE}
        found: dict[str, Measured] = {}
        for key in keys:
            made = self.store.find(self.plan.risks.inversions[key].digest)
            if made is not None:
                found[key.view] = self._inverted(key, made)
        return found

    def _inverted(self, key: Compared, made: Cell) -> Inverted:
        rows = self.protocol.rows("test")
        shown, first = self._people(rows)
        true = points_of(self._made(self.config.reference)[key.seed], key.view, rows)
        found, constant = points_of(made, "embedding", rows), made.tensors("baseline")["mean"]
        statistics = inversion_statistics(Reconstructed(true, found, constant, shown, first), self.judge.bootstrap)

        def searched(mated: NDArray[np.bool_]) -> IdentificationStatistics | str:
            try:
                search = Search(true[first], shown[first], found, shown, mated)
                return self.judge.memory.identification_statistics([search], self.judge.bootstrap)
            except TooFew as error:
                return str(error)

        found_again = (searched(first), searched(_several(shown) & ~first))
        return Inverted(made.result["decoder"], statistics, *found_again, self._read(key))

    def _read(self, key: Compared) -> tuple[str, AttackStatistics] | str:
        """What of the protected attribute is read from a reconstruction."""
        if key.view != "embedding":
            return "an attack reads the reconstruction of an embedding only"
        spec = self.plan.risks.readings.get(key)
        if spec is None:
            return "no attack of this run learns from embeddings"
        cell = self.store.find(spec.digest)
        if cell is None or "skipped" in cell.result:
            return "it has no result" if cell is None else str(cell.result["skipped"])
        return str(spec.inputs["attack"]["name"]), self._dealt.attack([cell.tensors("scores")])

    @cached_property
    def _dealt(self) -> Judge:
        """Who judges scores on the dealt splits."""
        if not self.protocol.folds:
            return self.judge
        rows = {split: self.protocol.rows(part) for split, part in zip(SPLITS, JUDGED, strict=True)}
        truth = Truth(
            labels={split: self.protocol.labels(chosen) for split, chosen in rows.items()},
            identity={split: self.protocol.identity(chosen) for split, chosen in rows.items()},
            classes=len(self.protocol.classes),
        )
        config = self.config
        return Judge.of(truth, config.bootstrap_draws, config.split.seed, self.judge.memory, self.judge.unit)

    def _people(self, rows: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """Who images of test show, and which are enrolled: one of each person, at random."""
        shown = self.protocol.identity(rows)
        order = Context(self.config.split.seed).rng("risks", "enrolled").permutation(len(rows))
        first = np.zeros(len(rows), bool)
        first[order[np.unique(shown[order], return_index=True)[1]]] = True
        return shown, first


def _unless_too_few(compute: Callable[[], Measured]) -> Measured:
    try:
        return compute()
    except TooFew as error:
        return str(error)


def _asks(risk: Risk, name: str, key: Compared) -> bool:
    return key.release == name and key.way in WAYS[risk]


def _trained(found: IdentificationStatistics | LinkageStatistics, linkers: Cells) -> Trained:
    """What linkers found, a seed each, with what attacker-val says of them."""
    said = [cell.result for cell in linkers.values()]
    names = tuple(dict.fromkeys(str(each["linker"]) for each in said))
    learned = [value for each in said for name, value in each["val"].items() if name != PLAIN]
    plain = [each["val"][PLAIN] for each in said if PLAIN in each["val"]]
    both = {TRAINED: learned, PLAIN: plain}
    return Trained(found, names, {who: float(np.mean(values)) for who, values in both.items() if values})


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
    return found or f"the two releases have no view of one shape that a cosine compares ({said[0]}; {said[1]})"
