"""The cell of an attack: what an adversary learns from one release and says of another, or of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.model_selection import StratifiedGroupKFold

from aiakit.contracts import Attack, Context, IntArray, LabelledRelease, Release
from aiakit.datasets.rows import RowView
from aiakit.datasets.splits import DEFENDERS, SplitName
from aiakit.experiment import apart
from aiakit.experiment.halving import left_out
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.runtime import Runtime, ask, context_of, draws_of, load_faces, name_of_draw, release_of
from aiakit.measures.metrics import log_proba
from aiakit.plugins import registry
from aiakit.plugins.loading import room_for
from aiakit.storage.store import Cell, Draft, Store

FOLDS = 5  # of attacker-val, where an attack on scores is judged
TOO_FEW = "it combines scores out of fold, and attacker-val has too few people of some class to be folded"


def compute_attack(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Train an attack on attacker-train of one release and score attacker-val and test of another (or the same)."""
    protocol = protocol_of(store, inputs)
    entry, attack = _attack(store, inputs)
    if inputs["combines"]:
        val = protocol.rows("attacker-val")
        if not folds_of(protocol.labels(val), protocol.identity(val)):
            draft.result = {"skipped": TOO_FEW}
            return
        draft.save("scores", _combined(store, inputs, protocol, attack, entry, context_of(store, inputs, runtime)))
        return
    reason = left_out(store, inputs, protocol)
    if reason:
        draft.result = {"skipped": reason}
        return
    trained_on, applied_to = store.read(inputs["trained_on"]), store.read(inputs["applied_to"])
    shapes = [cell.result["views"].get(attack.view) for cell in (trained_on, applied_to)]
    if None in shapes:
        draft.result = {"skipped": "the parameters of the defense's last step do not tell what it was given"}
        return
    if shapes[0] != shapes[1]:
        draft.result = {"skipped": f"it learned from shape {shapes[0]}, this release has {shapes[1]}"}
        return
    _fit(attack, entry, store, inputs, protocol, runtime)
    named: dict[str, SplitName] = {"val": "attacker-val", "test": "test"}
    draft.save("scores", {name: scores_on(attack, entry, applied_to, protocol, split) for name, split in named.items()})
    with registry.guard(entry):
        said = attack.approximation(len(learned_from(protocol, inputs)))
    if said:
        draft.result = {"approximation": said}


def on_large_samples(rows: int, approximations: Mapping[str, str]) -> list[str]:
    """A note that names the attacks which learn from so many samples otherwise than from few; none where none does."""
    said = ", ".join(f"{attack} ({what})" for attack, what in approximations.items())
    return [f"of {rows:,} samples to learn from some attacks make less than all they could: {said}"] if said else []


def protocol_of(store: Store, inputs: Mapping[str, Any]) -> Protocol:
    """What the attack of a cell is trained and judged by; of a further attribute its own labels and images."""
    return Protocol.read(store, inputs["protocol"], inputs.get("labels"), inputs.get("fold"))


def _attack(store: Store, inputs: Mapping[str, Any]) -> tuple[registry.Entry, Attack]:
    spec = inputs["attack"]
    return registry.entry("attack", spec["name"]), apart.make("attack", spec["name"], spec["params"], store.folder)


def fitted(store: Store, inputs: Mapping[str, Any], runtime: Runtime) -> Attack:
    """The attack of a cell, trained: an attack keeps no state, but the same inputs give the same attack again.

    inputs : of an attack cell that reads a release (not one that combines scores). Raises PluginError where it fails,
    InputError where a release that it learns from is not in the store.
    """
    entry, attack = _attack(store, inputs)
    _fit(attack, entry, store, inputs, protocol_of(store, inputs), runtime)
    return attack


def _fit(
    attack: Attack,
    entry: registry.Entry,
    store: Store,
    inputs: Mapping[str, Any],
    protocol: Protocol,
    runtime: Runtime,
) -> None:
    trained_on = store.read(inputs["trained_on"])
    stranger = "" if entry.built_in else inputs["attack"]["fingerprint"]
    ctx = context_of(store, inputs, runtime, stranger=stranger)
    rows, val = learned_from(protocol, inputs), protocol.rows("attacker-val")
    queries = store.read(inputs["queries"]) if "queries" in inputs else None
    if inputs["people"] is not None:
        rows = some_people(protocol, rows, inputs["people"], ctx.rng("people"))
    with room_for(str(entry)):
        known = _evidence(store, inputs, protocol, attack, trained_on, rows, runtime, queries)
        chosen_on = _evidence(store, inputs, protocol, attack, trained_on, val, runtime)
    with registry.guard(entry):
        attack.fit(known, chosen_on, ctx)


def learned_from(protocol: Protocol, inputs: Mapping[str, Any]) -> IntArray:
    """The images that the attacker of a cell may learn from: an insider has the defender's people as well."""
    return protocol.rows("attacker-train", *(DEFENDERS if inputs.get("insider") else ()))


def _combined(
    store: Store, inputs: Mapping[str, Any], protocol: Protocol, attack: Attack, entry: registry.Entry, ctx: Context
) -> dict[str, NDArray[np.float64]]:
    cells = [store.read(digest) for digest in inputs["combines"]]
    rows = protocol.rows("attacker-val")
    return combined_scores(
        [cell.tensors("scores") for cell in cells if "skipped" not in cell.result],
        (protocol.labels(rows), protocol.identity(rows)),
        protocol.classes,
        attack,
        entry,
        ctx,
    )


def combined_scores(
    tables: Sequence[Mapping[str, NDArray[Any]]],
    val: tuple[IntArray, IntArray],
    classes: tuple[str, ...],
    attack: Attack,
    entry: registry.Entry,
    ctx: Context,
) -> dict[str, NDArray[np.float64]]:
    """Scores of an attack on the scores of others: learned on attacker-val, where its own are made out of fold.

    There must be folds to do so (``folds_of``).

    tables : "val" and "test" probabilities of each of the others. val : labels and identity on attacker-val.
    """
    labels, identity = val
    on = {
        name: Release(embedding=np.concatenate([log_proba(table[name]) for table in tables], axis=1))
        for name in ("val", "test")
    }
    known = LabelledRelease(on["val"], labels, identity, classes)
    held_out = np.zeros((len(labels), len(classes)))
    with registry.guard(entry):
        for fold, (learned, left) in enumerate(folds_of(labels, identity)):
            attack.fit(known[learned], known[learned], ctx.child("fold", fold))
            held_out[left] = ask(attack, entry, on["val"][left], len(classes))[0]
        attack.fit(known, known, ctx)
    return {"val": held_out, "test": ask(attack, entry, on["test"], len(classes))[0]}


def folds_of(labels: IntArray, identity: IntArray) -> list[tuple[IntArray, IntArray]]:
    """(rows to learn from, rows left out) of each fold, no person in both; none where a class is missing from some."""
    rarest = min(len(np.unique(identity[labels == code])) for code in np.unique(labels))
    if rarest < 2:
        return []
    splitter = StratifiedGroupKFold(min(FOLDS, rarest), shuffle=True, random_state=0)
    folds = [(learned, left) for learned, left in splitter.split(labels, labels, identity)]
    whole = len(np.unique(labels))
    return folds if all(len(np.unique(labels[learned])) == whole for learned, _ in folds) else []


def _evidence(
    store: Store,
    inputs: Mapping[str, Any],
    protocol: Protocol,
    attack: Attack,
    cell: Cell,
    rows: IntArray,
    runtime: Runtime,
    queries: Cell | None = None,
) -> LabelledRelease:
    """What the attack learns from. Of a release with several draws it sees all of an embedding, one of a picture.

    Of a release that exists already there are no photographs. queries : releases of samples that were made up, of which
    it gets those that were made of these rows.
    """
    draws = draws_of(cell, attack.view)
    if attack.view == "image" or attack.knowledge == "adaptive":
        draws = draws[:1]  # who is adaptive would have to be given them paired with photographs
    stored = cell.tensors("release")
    parts = [np.take(stored[name_of_draw(attack.view, draw)], rows, axis=0) for draw in draws]
    of = np.tile(rows, len(draws))
    if queries is not None:
        made = queries.tensors("queries")
        asked = np.flatnonzero(np.isin(made["of"], rows))
        parts.append(np.take(made[attack.view], asked, axis=0))
        of = np.concatenate([of, made["of"][asked]])
    release = Release(**{attack.view: parts[0] if len(parts) == 1 else np.concatenate(parts)})
    evidence = LabelledRelease(
        release, protocol.permuted_labels(of, inputs["permutation"]), protocol.identity(of), protocol.classes
    )
    if attack.knowledge != "adaptive":
        return evidence
    images = _photographs(protocol, rows, runtime)
    return replace(evidence, images=images, undefended=_undefended(store, inputs, rows))


def _photographs(protocol: Protocol, rows: IntArray, runtime: Runtime) -> Any:
    """The photographs of some rows; None where there are none, since the release or its embeddings were given."""
    dataset = protocol.cell.inputs["dataset"]
    faces = None if dataset["kind"] == "file" else load_faces(dataset, runtime)
    return None if faces is None or faces.embedding is not None else RowView(faces.images, rows)


def _undefended(store: Store, inputs: Mapping[str, Any], rows: IntArray) -> Release | None:
    if inputs["undefended"] is None:
        return None
    tensors = store.read(inputs["undefended"]).tensors("release")
    return Release(**{view: np.asarray(tensors[view][rows]) for view in ("embedding", "image") if view in tensors})


def some_people(protocol: Protocol, rows: IntArray, people: int, rng: np.random.Generator) -> IntArray:
    """The rows of so many people, as evenly over the classes as there are people of each; all rows if there are fewer.

    A smaller number takes a subset of what a larger one takes under the same generator.
    """
    identity, labels = protocol.identity(rows), protocol.labels(rows)
    persons, first = np.unique(identity, return_index=True)
    order = rng.permutation(len(persons))
    label = labels[first][order]
    rank = np.empty(len(order), dtype=np.int64)  # each person's place within their class
    for code in np.unique(label):
        rank[label == code] = np.arange(np.count_nonzero(label == code))
    chosen = persons[order][np.argsort(rank, kind="stable")[:people]]
    return rows[np.isin(identity, chosen)]


def scores_on(
    attack: Attack, entry: registry.Entry, cell: Cell, protocol: Protocol, split: SplitName
) -> NDArray[np.float64]:
    """(N, K) probabilities by a fitted attack on a split of a release, over all of its draws.

    It is given the rows in an order that nobody can foretell who does not know their labels.
    """
    rows = protocol.rows(split)
    order = protocol.secret(rows).permutation(len(rows))
    releases = [release_of(cell, attack.view, rows[order], draw) for draw in draws_of(cell, attack.view)]
    scores = np.empty((len(rows), len(protocol.classes)))
    scores[order] = answers_to(attack, entry, releases, len(protocol.classes))
    return scores


def answers_to(attack: Attack, entry: registry.Entry, draws: Sequence[Release], classes: int) -> NDArray[np.float64]:
    """(N, K) probabilities for the draws of one release: the mean of their logarithms, normalised."""
    told = [ask(attack, entry, release, classes) for release in draws]
    if len(told) == 1:
        return told[0][0]
    mean: NDArray[np.float64] = softmax(np.mean([logs for _, logs in told], axis=0), axis=1)
    return mean
