"""Which releases of a run take so few values that what they leak is bounded without any attack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray
from aiakit.experiment.config import Chain, label_of
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.runtime import published
from aiakit.measures.certificate import values_of
from aiakit.measures.several_images import Certified, certified_of, worst_of
from aiakit.storage.store import Cell, Store

FRESH = ("attacker-train", "attacker-val", "test")  # splits whose people took no part in fitting a defense


def certificate_of(store: Store, plan: Plan, chain: Chain, protocol: Protocol) -> Certified | None:
    """The certificates of a release, the worst of its seeds; None unless all have one, and of a file that was given.

    On whom that was fitted is not known, and people whom a codebook was fitted to would certify too little.
    """
    if chain[0].kind == "file":
        return None
    name = label_of(chain)
    cells = [store.find(cell.digest) for (release, _), cell in plan.releases.items() if release == name]
    found = [None if cell is None else _of_seed(cell, protocol) for cell in cells]
    return None if any(each is None for each in found) else worst_of(found)


def _of_seed(cell: Cell, protocol: Protocol) -> Certified | None:
    rows = protocol.rows(*FRESH)
    cells = released_values(cell, rows)
    if cells is None:
        return None
    return certified_of(cells, protocol.labels(rows), protocol.identity(rows), len(protocol.classes))


def released_values(cell: Cell, rows: IntArray) -> IntArray | None:
    """(N,) which of its distinct values a release takes of each of N images; None where these are too many."""
    if cell.result.get("draws") != 1:
        return None  # several draws of one image say more than the value of one
    return values_of_views(published(cell.tensors("release")).values(), rows)


def values_of_views(views: Iterable[NDArray[Any]], rows: IntArray) -> IntArray | None:
    """The same of the views of a release."""
    together = np.zeros(len(rows), np.int64)
    for part in views:
        values = values_of(np.take(part, rows, axis=0))
        if values is None:
            return None
        together = together * (values.max(initial=0) + 1) + values  # whoever holds one view holds the others
    return np.unique(together, return_inverse=True)[1].astype(np.int64)
