"""Which attacks are left out of a fold, since those before have shown that they are not the strongest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from aiakit.contracts import IntArray
from aiakit.experiment.protocol import Protocol
from aiakit.measures.halving import in_order, learned_in, outdone
from aiakit.storage.store import Cell, Store

LEFT_OUT = "left out"


def left_out(store: Store, inputs: Mapping[str, Any], protocol: Protocol) -> str:
    """Why the attack of a cell need not be tried in its fold; "" where it is tried.

    ``inputs["rivals"]`` holds, of each earlier fold that counts, the cells of all who compete. A rival that failed, or
    was left out, competes no more.
    """
    own, folds = inputs["attack"]["name"], inputs.get("rivals", [])
    found = [{name: [store.find(digest) for digest in cells] for name, cells in fold.items()} for fold in folds]
    mine = [cell for fold in found for cell in fold[own] if cell is not None]
    said = next((cell.result["skipped"] for cell in mine if "skipped" in cell.result), "")
    if said:
        return str(said)
    scored = [{name: scores for name, cells in fold.items() if (scores := _on_val(cells))} for fold in found]
    staying = [name for name in (folds[0] if folds else ()) if all(name in fold for fold in scored)]
    if own not in staying:
        return ""
    rows, learned = tried_on(protocol, len(folds))
    proba = {name: [in_order(parts, learned) for parts in zip(*(of[name] for of in scored), strict=True)]
             for name in staying}  # fmt: skip
    truth = protocol.labels(rows), protocol.identity(rows), learned
    stronger = outdone([own], proba, *truth, len(protocol.classes), inputs["unit"]).get(own)
    return f"{LEFT_OUT} after {len(folds)} of {len(protocol.folds)} folds, weaker than {stronger}" if stronger else ""


def tried_on(protocol: Protocol, folds: int) -> tuple[IntArray, IntArray]:
    """The images that are attacker-val in one of the first folds, and in which, for people who are cross-fitted."""
    everybody = protocol.judged("test")
    fold = protocol.fold_of(everybody)
    assert fold is not None
    learned = learned_in(fold)
    return everybody[learned < folds], learned[learned < folds]


def _on_val(cells: Sequence[Cell | None]) -> list[NDArray[Any]]:
    """The scores on attacker-val of each repeat; none where a repeat has none."""
    done = [cell for cell in cells if cell is not None and "skipped" not in cell.result]
    return [cell.tensors("scores")["val"] for cell in done] if len(done) == len(cells) else []
