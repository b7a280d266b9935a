"""Which attacks are left out of a fold, since those before have shown that they are not the strongest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from aiakit.experiment.protocol import Protocol
from aiakit.measures.halving import outdone
from aiakit.storage.store import Cell, Store


def left_out(store: Store, inputs: Mapping[str, Any], protocol: Protocol) -> str:
    """Why the attack of a cell need not be tried in its fold; "" where it is tried.

    ``inputs["rivals"]`` holds, of each earlier fold that counts, the cells of all who compete. A rival that failed, or
    was left out, competes no more.
    """
    own, folds = inputs["attack"]["name"], inputs.get("rivals", [])
    found = [{name: store.find(digest) for name, digest in fold.items()} for fold in folds]
    mine = [fold[own] for fold in found]
    said = next((cell.result["skipped"] for cell in mine if cell is not None and "skipped" in cell.result), "")
    if said:
        return str(said)
    scored = [{name: cell for name, cell in fold.items() if _has_scores(cell)} for fold in found]
    staying = [name for name in (folds[0] if folds else ()) if all(name in fold for fold in scored)]
    if own not in staying:
        return ""
    rows = [replace(protocol, fold=number).rows("attacker-val") for number in range(len(folds))]
    known, fold = np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    proba = {name: np.concatenate([_val(cells[name]) for cells in scored]) for name in staying}
    truth = protocol.labels(known), protocol.identity(known), fold
    stronger = outdone(own, proba, *truth, len(protocol.classes), inputs["unit"])
    return f"left out after {len(folds)} of {len(protocol.folds)} folds, weaker than {stronger}" if stronger else ""


def _has_scores(cell: Cell | None) -> bool:
    return cell is not None and "skipped" not in cell.result


def _val(cell: Cell | None) -> Any:
    assert cell is not None
    return cell.tensors("scores")["val"]
