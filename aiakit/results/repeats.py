"""The scores of an attack's repeats: of a cell each, or put together from the cells of all folds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.experiment.cellspec import AttackKey, CellSpec
from aiakit.experiment.protocol import Protocol
from aiakit.storage.store import Cell, Store


@dataclass(frozen=True)
class Repeat:
    """One repeat of an attack on a release.

    key : without its fold. scores : "val" (V, K) and "test" (N, K) for the images that ``Protocol.judged`` says; empty
    where it was skipped. skipped : why. approximation : what it did of a large sample, "" where it learned from all.
    """

    key: AttackKey
    scores: Mapping[str, NDArray[Any]]
    skipped: str = ""
    approximation: str = ""


def repeats_of(
    store: Store, cells: Mapping[AttackKey, CellSpec], keys: Iterable[AttackKey], protocol: Protocol
) -> Iterator[Repeat]:
    """The repeats that are finished, in the order of their keys: of all of their folds."""
    folds: dict[AttackKey, list[AttackKey]] = {}
    for key in keys:
        folds.setdefault(replace(key, fold=None), []).append(key)
    for key, parts in folds.items():
        found = [store.find(cells[part].digest) for part in parts]
        done = [cell for cell in found if cell is not None]
        if len(done) < len(parts):
            continue
        skipped = next((cell.result["skipped"] for cell in done if "skipped" in cell.result), "")
        said = next((cell.result["approximation"] for cell in done if "approximation" in cell.result), "")
        yield Repeat(key, {} if skipped else _together(done, parts, protocol), skipped, said)


def _together(done: list[Cell], parts: list[AttackKey], protocol: Protocol) -> dict[str, NDArray[Any]]:
    if not protocol.folds:
        return done[0].tensors("scores")
    everybody = protocol.judged("test")
    scores = {split: np.empty((len(everybody), len(protocol.classes))) for split in ("val", "test")}
    for cell, part in zip(done, parts, strict=True):
        assert part.fold is not None
        around, told = replace(protocol, fold=part.fold), cell.tensors("scores")
        for split, rows in (("val", around.rows("attacker-val")), ("test", around.rows("test"))):
            scores[split][np.searchsorted(everybody, rows)] = told[split]
    return scores
