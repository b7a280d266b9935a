"""Cells that are written instead of computed: the truth and the releases that exist already.

An audit, and an entry of a board whose attacks are trained again, differ from a run in who made the release, and in
nothing after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from aiakit.experiment.cellspec import CellSpec
from aiakit.experiment.releasing import layout_of
from aiakit.storage.store import Store

Tensors = Mapping[str, NDArray[Any]]


def add_truth(store: Store, cell: CellSpec, tensors: Tensors, facts: Mapping[str, Any]) -> None:
    """Write the cell of a protocol or of labels, unless it is there.

    tensors : ``rows.SPLIT`` of all five splits, ``labels``, and of a protocol ``identity``, pairs and ``group.NUMBER``.
    facts : as ``DataSummary``.
    """
    _write(store, cell, cell.kind, tensors, facts)


def add_release(store: Store, cell: CellSpec, views: Tensors) -> None:
    """Write the cell of a release, unless it is there.

    views : float32 (N, D) ``embedding``, uint8 (N, 3, H, W) ``image``, of all images; ``VIEW.DRAW`` of further draws.
    """
    _write(store, cell, "release", views, layout_of(views))


def add_numbers(store: Store, cell: CellSpec, values: NDArray[Any]) -> None:
    """Write the cell of a numeric attribute, (N,) and NaN where it is not known, unless it is there."""
    _write(store, cell, "numbers", {"values": values}, {})


def _write(store: Store, cell: CellSpec, file: str, tensors: Tensors, result: Mapping[str, Any]) -> None:
    if not store.has(cell.digest):
        with store.draft(cell.digest, cell.inputs) as draft:
            draft.save(file, tensors)
            draft.result = dict(result)
