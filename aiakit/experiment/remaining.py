"""How long the rest of a run will take: from what each plugin costs, and from what this machine has shown so far."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiakit.datasets.splits import ATTACKED
from aiakit.experiment.cellspec import CellSpec
from aiakit.plugins import registry
from aiakit.plugins.costs import SIDE, Cost, cost_of
from aiakit.plugins.options import options_of
from aiakit.storage.store import Store

UNKNOWN = Cost(rows=10_000, seconds=2.0, fixed=0.2)  # of a plugin that nobody has measured
# What is learned for risks and of numbers, of embeddings of some hundred dimensions.
LEARNED = {
    "linker": Cost(rows=10_000, seconds=4.0, fixed=0.2),
    "inversion": Cost(rows=10_000, seconds=10.0, fixed=0.5),
    "regression": Cost(rows=10_000, seconds=15.0, fixed=0.2),
}
SMALL = 0.1  # seconds: of cells such as that of labels
UNLIKE = ("protocol", "labels", "numbers")  # kinds of cells that read data and compute nothing
AT_LEAST = 0.05  # of what was expected: what one that is late still takes: it is always about to end


@dataclass(frozen=True)
class Sizes:
    """The data of a run. images : of everybody. attacker : of attacker-train and attacker-val. people : of the first.

    defender : images of the defender's people. scored : of attacker-val and test. side : of a picture in pixels.
    """

    images: int
    attacker: int
    people: int
    side: int = SIDE
    defender: int = 0
    scored: int = 0

    @classmethod
    def of(cls, splits: Mapping[Any, Mapping[str, int]], side: int, folds: int = 1) -> Sizes:
        """From the summary of a split: name → {"people", "images"}; of a fold, where there are several."""
        attacked = [splits[name] for name in ATTACKED]
        everybody = sum(split["images"] for split in splits.values())
        images, people = (sum(split[what] for split in attacked) for what in ("images", "people"))
        defender = everybody - images
        if folds > 1:
            return cls(everybody, images - images // folds, people - 2 * people // folds, side, defender,
                       2 * images // folds)  # fmt: skip
        attacker = images - splits["test"]["images"]
        scored = images - splits["attacker-train"]["images"]
        return cls(everybody, attacker, splits["attacker-train"]["people"], side, defender, scored)


def seconds_of(cell: CellSpec, sizes: Sizes) -> float:
    """What a cell costs on the machine where plugins were measured, shared pieces left out."""
    if cell.kind == "release":
        stage = cell.inputs["defense"]
        return SMALL if stage["kind"] == "file" else _of_plugin(stage["kind"], stage, sizes, sizes.images)
    if cell.kind == "attack":
        rows: float = sizes.attacker + (sizes.defender if cell.inputs.get("insider") else 0)
        if cell.inputs["people"] is not None:
            rows *= min(1.0, cell.inputs["people"] / max(1, sizes.people))
        return _of_plugin("attack", cell.inputs["attack"], sizes, rows)
    if cell.kind == "utility":
        verifier = cost_of("verifier", "embedding") or UNKNOWN
        return verifier.of(sizes.images) if cell.inputs["score"] == "siamese" else SMALL
    if cell.kind == "matches":
        return _of_plugin("encoder", cell.inputs["matcher"], sizes, sizes.scored)
    if cell.kind in LEARNED:
        return LEARNED[cell.kind].of(sizes.attacker)
    if cell.plugin is not None and "n" in cell.inputs:  # of a calibration
        return _of_plugin("attack", cell.inputs["attack"], sizes, cell.inputs["n"])
    return SMALL


def pieces_of(cell: CellSpec, sizes: Sizes) -> Iterator[tuple[tuple[Any, ...], float]]:
    """(what it is, seconds) of each piece that a release shares with others: whoever is the first makes it."""
    if cell.kind != "release" or cell.inputs["defense"]["kind"] == "file":
        return
    stage = cell.inputs["defense"]
    cost = cost_of(stage["kind"], stage["name"])
    for name, seconds in () if cost is None else cost.pieces:
        work = seconds * sizes.images / (cost.rows if cost else 1) * _pixels(sizes) * _epochs(stage)
        yield (name, cell.inputs["seed"], stage["params"].get("epochs"), stage["params"].get("latent")), work


def _of_plugin(kind: registry.Kind, spec: Mapping[str, Any], sizes: Sizes, rows: float) -> float:
    cost = cost_of(kind, spec["name"])
    pictures = cost is not None and cost.rows < UNKNOWN.rows  # the others were measured on embeddings
    return (cost or UNKNOWN).of(rows) * _epochs(spec) * (_pixels(sizes) if pictures else 1.0)


def _pixels(sizes: Sizes) -> float:
    return (sizes.side / SIDE) ** 2


def _epochs(spec: Mapping[str, Any]) -> float:
    """How much more often than by default a plugin looks at its data."""
    asked = spec["params"].get("epochs")
    if not isinstance(asked, int):
        return 1.0
    usual = options_of(registry.load(spec["kind"], spec["name"]), spec["name"])["epochs"].default
    return asked / usual if isinstance(usual, int) and usual else 1.0


class Remaining:
    """The cells of a run, how many of them are finished, and how long the others will take.

    cells : all of them. todo : those that an earlier start has not finished. lanes : how many are computed at once, of
    those that ``apart`` says are given to workers; the others are computed one after another, before them.
    sizes : of the data; None reads them from the store as soon as the splits are there.
    """

    def __init__(
        self,
        store: Store,
        cells: Sequence[CellSpec],
        todo: Sequence[CellSpec],
        apart: Callable[[CellSpec], bool] = lambda cell: False,
        lanes: float = 1.0,
        sizes: Sizes | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cells, self.lanes = tuple(cells), lanes
        self._store, self._apart, self._sizes, self._now = store, apart, sizes, now
        self._left = {cell.digest: cell for cell in todo}
        self._running: dict[str, float] = {}  # digest → when it began
        self._heard = [cell for cell in cells if cell.digest not in self._left]  # finished, and not learned from yet
        # what finished cells took, and what was expected: by plugin, by whether workers compute it, and all together
        self._shown: dict[Any, tuple[float, float]] = {}
        self._made: set[tuple[Any, ...]] = set()  # pieces
        self._lock = threading.Lock()  # whoever shows the time left asks from a thread of its own
        self._began: float | None = None  # when workers began
        self._worked = 0.0  # seconds that they have computed since

    @property
    def total(self) -> int:
        """How many cells there are."""
        return len(self.cells)

    @property
    def finished(self) -> int:
        """How many need not be waited for: computed, or failed."""
        return len(self.cells) - len(self._left)

    def unfinished(self) -> list[CellSpec]:
        """The cells that have not ended, in their order."""
        with self._lock:
            return list(self._left.values())

    def start(self, cell: CellSpec) -> None:
        """A cell begins."""
        with self._lock:
            self._running[cell.digest] = self._now()
            if self._apart(cell) and self._began is None:
                self._began = self._now()

    def end(self, cell: CellSpec, failed: bool) -> None:
        """A cell has ended; how long one took that failed says nothing of others."""
        with self._lock:
            self._running.pop(cell.digest, None)
            self._left.pop(cell.digest, None)
            if not failed:
                self._heard.append(cell)
                if self._apart(cell):
                    self._worked += self._store.seconds(cell.digest) or 0.0

    def left(self) -> float | None:
        """Seconds until the last cell is finished; None while the size of the data is not known."""
        with self._lock:
            return self._seconds_left()

    def _seconds_left(self) -> float | None:
        sizes = self._sizes = self._sizes or self._sizes_of_data()
        if sizes is None:
            return None
        self._learn(sizes)
        here = apart = longest = 0.0
        for cell, work in self._work(sizes):
            if self._apart(cell):
                apart, longest = apart + work, max(longest, work)
            else:
                here += work
        return here + max(apart / max(1.0, min(self._at_once(), len(self._left))), longest)

    def work(self) -> dict[str, float]:
        """Digest of each cell that has not ended → seconds that it still takes; empty while that is not known."""
        with self._lock:
            return {} if self._sizes is None else {cell.digest: work for cell, work in self._work(self._sizes)}

    def _work(self, sizes: Sizes) -> Iterator[tuple[CellSpec, float]]:
        made = set(self._made)
        for cell in self._left.values():
            work = _expected(cell, sizes, made) * self._factor(cell)
            began = self._running.get(cell.digest)
            if began is not None and self.lanes < math.inf:  # it is at work, and in no queue
                work = max(work - (self._now() - began), AT_LEAST * work)
            yield cell, work

    def _at_once(self) -> float:
        """How many cells workers compute at once: what is known of them, or what they have shown."""
        if self.lanes < math.inf or self._began is None:
            return min(self.lanes, len(self._left))
        return self._worked / max(1e-3, self._now() - self._began)

    def _sizes_of_data(self) -> Sizes | None:
        for cell in self.cells:
            if cell.kind == "protocol":
                found = self._store.find(cell.digest)
                side, folds = cell.inputs["dataset"]["image_size"], cell.inputs["split"].get("folds", 1)
                return None if found is None else Sizes.of(found.result["splits"], side, folds)
        return Sizes(0, 0, 0)  # a calibration's cells say themselves how large they are

    def _learn(self, sizes: Sizes) -> None:
        for cell in self._heard:
            took = self._store.seconds(cell.digest)
            if took is not None:
                expected = _expected(cell, sizes, self._made)
                for key in self._keys(cell):
                    before = self._shown.get(key, (0.0, 0.0))
                    self._shown[key] = before[0] + took, before[1] + expected
        self._heard.clear()

    def _keys(self, cell: CellSpec) -> tuple[Any, ...]:
        """What a cell has in common with others, the closest first.

        That of the data takes as long as files take to be read, which says nothing of how long others compute.
        """
        own = (cell.kind, cell.plugin)
        return (own,) if cell.kind in UNLIKE else (own, self._apart(cell), "all")

    def _factor(self, cell: CellSpec) -> float:
        """How much longer than expected such a cell takes on this machine, as far as it has shown."""
        for key in self._keys(cell):
            took, expected = self._shown.get(key, (0.0, 0.0))
            if took > 0 and expected > 0:
                return took / expected
        return 1.0


def _expected(cell: CellSpec, sizes: Sizes, made: set[tuple[Any, ...]]) -> float:
    """What a cell costs with the pieces that nobody has made before; they are made with it."""
    seconds = seconds_of(cell, sizes)
    for piece, work in pieces_of(cell, sizes):
        if piece not in made:
            made.add(piece)
            seconds += work
    return seconds
