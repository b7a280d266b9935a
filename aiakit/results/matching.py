"""What a fixed matcher tells apart on released pictures, and what templates of several images are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.measures.acquisition import acquisition, with_failures
from aiakit.measures.verification import Pairs, VerificationStatistics
from aiakit.results.judge import SPLITS, Chosen, Judge, Tables
from aiakit.results.row import Matched, OfTemplates
from aiakit.storage.store import Cell

NOT_COMPARED = -2.0  # below every cosine
Tensors = Mapping[str, NDArray[Any]]


def scores_by_kind(judge: Judge, tables: Sequence[Tensors]) -> dict[str, Tables]:
    """Kind of impostors → the similarities of its pairs, a table a repeat. tables : as cells store them."""
    return {kind: [_of_splits(table, kind) for table in tables] for kind in judge.truth.pairs}


def matched(judge: Judge, protocol: Protocol, encoder: str, detects: bool, cells: Sequence[Cell]) -> Matched:
    """What the matcher says of the pictures of one release. cells : of the repeats. detects : whether it looks for a
    face.
    """
    tables = [cell.tensors("scores") for cell in cells]
    official = [_lowest(np.asarray(table["official"])) for table in tables if "official" in table]
    repeats, identity = _acquired(protocol, cells)
    fails = detects or not np.all(repeats)
    return Matched(
        encoder=encoder,
        acquisition=acquisition(repeats, identity) if fails else None,
        utility={kind: _verification(judge, kind, each, fails) for kind, each in scores_by_kind(judge, tables).items()},
        official=judge.official(official),
        templates=templates(judge, cells, fails),
    )


def _acquired(protocol: Protocol, cells: Sequence[Cell]) -> tuple[list[NDArray[np.bool_]], NDArray[Any]]:
    """Whether a face was found in each picture of test people, a repeat each; and who is shown."""
    repeats, rows = [], np.zeros(0, np.int64)
    for cell in cells:
        pictures = cell.tensors("pictures")
        tested = np.isin(pictures["rows"], protocol.rows("test"))
        rows = np.asarray(pictures["rows"])[tested]
        repeats.append(np.asarray(pictures["acquired"])[tested])
    return repeats, protocol.identity(rows)


def templates(judge: Judge, cells: Sequence[Cell], fails: bool = False) -> dict[int, OfTemplates]:
    """Number of images → what templates of so many are worth, beside one image of the same person on the same pairs.

    fails : whether a picture may have no face.
    """
    stored = [(cell.tensors("templates"), cell.tensors("scores")) for cell in cells if cell.inputs.get("templates")]
    if not stored:
        return {}
    found = {}
    for images in cells[0].inputs["templates"]:
        several, single = {}, {}
        for kind in judge.truth.pairs:
            names = {split: f"{part}.{kind}" for split, part in zip(SPLITS, JUDGED, strict=True)}
            chosen = {split: np.asarray(stored[0][0][f"{images}.{name}.pairs"]) for split, name in names.items()}
            if all(_of_both_kinds(judge.pairs(kind, split, chosen)) for split in SPLITS):
                of_several = [{split: np.asarray(table[f"{images}.{name}.scores"]) for split, name in names.items()}
                              for table, _ in stored]  # fmt: skip
                of_one = [{split: np.asarray(scores[name])[chosen[split]] for split, name in names.items()}
                          for _, scores in stored]  # fmt: skip
                several[kind] = _verification(judge, kind, of_several, fails, chosen)
                single[kind] = _verification(judge, kind, of_one, fails, chosen)
        found[images] = OfTemplates(several, single)
    return found


def _verification(
    judge: Judge, kind: str, tables: Tables, fails: bool, chosen: Chosen | None = None
) -> VerificationStatistics:
    """As ``Judge.verification``; where a picture may have no face NaN stands for a pair that was not compared."""
    everything = judge.verification(kind, [{s: _lowest(table[s]) for s in SPLITS} for table in tables], chosen)
    if not fails:
        return everything
    return with_failures(everything, list(_compared(judge, kind, tables, chosen)), judge.bootstrap)


def _compared(
    judge: Judge, kind: str, tables: Tables, chosen: Chosen | None
) -> Iterator[VerificationStatistics | None]:
    """The statistics of the pairs that were compared, a repeat each; None where these are not of both kinds."""
    for table in tables:
        known = {split: ~np.isnan(table[split]) for split in SPLITS}
        scores = {split: table[split][known[split]] for split in SPLITS}
        every = {split: np.arange(len(table[split])) if chosen is None else chosen[split] for split in SPLITS}
        kept = {split: every[split][known[split]] for split in SPLITS}
        both = all(_of_both_kinds(judge.pairs(kind, split, kept)) for split in SPLITS)
        yield judge.verification(kind, [scores], kept) if both else None


def _of_both_kinds(pairs: Pairs) -> bool:
    return bool(pairs.same.any() and not pairs.same.all())


def _of_splits(table: Tensors, kind: str) -> dict[str, NDArray[Any]]:
    return {split: np.asarray(table[f"{part}.{kind}"]) for split, part in zip(SPLITS, JUDGED, strict=True)}


def _lowest(scores: NDArray[Any]) -> NDArray[np.float64]:
    return np.where(np.isnan(scores), NOT_COMPARED, scores)
