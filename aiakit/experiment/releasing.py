"""The cell of a release: a defense trained on the defender's people, and what it makes of every image."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import (
    Context,
    Defense,
    EmbeddingDefense,
    Embeddings,
    Encoder,
    Faces,
    IntArray,
    Release,
    State,
    batches,
)
from aiakit.datasets.rows import RowView
from aiakit.errors import InputError, PluginError
from aiakit.experiment import apart
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.runtime import Runtime, check_proba, context_of, draws_of, load_faces, name_of_draw
from aiakit.plugins import registry
from aiakit.storage.documents import printable
from aiakit.storage.store import Cell, Draft, Store

RELEASE_BATCH = 256
AGAIN = 64  # samples that a plugin of others releases twice
MOST_OFF = 0.02  # of the scale of a release, in the mean over a sample: other devices and precisions round otherwise


def compute_release(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Train a defense on the defender's people and release every image of the data set."""
    protocol = Protocol.read(store, inputs["protocol"])
    spec = inputs["defense"]
    if spec["kind"] == "file":
        raise InputError(f"the release {spec['name']} came from a file: give that file to aiakit audit again")
    entry = registry.entry(spec["kind"], spec["name"])
    defense = apart.make(spec["kind"], spec["name"], spec["params"], store.folder)
    pieces: list[tuple[Cell, float]] = []
    ctx = context_of(store, inputs, runtime, pieces, spec["fingerprint"] if entry.of_others else "")
    rows = [protocol.rows(f"defender-{part}") for part in ("train", "val")]
    sources, files = sources_of(store, inputs, protocol, runtime)
    source = sources[0]
    if isinstance(defense, Defense | Encoder):
        samples: list[Any] = [_faces_of(source, protocol, chosen) for chosen in rows]
    else:
        numbers = _numbers_of(store, inputs)
        samples = [_embeddings_of(source, protocol, chosen, numbers) for chosen in rows]
    started = time.perf_counter()
    with registry.guard(entry):
        defense.fit(*samples, ctx)
        draft.save("state", defense.state_dict())
    fitted = time.perf_counter()
    published = _publish(defense, entry, sources, files, protocol, draft, ctx, inputs)
    if entry.of_others:
        again = apart.make(spec["kind"], spec["name"], spec["params"], store.folder)
        require_alone(again, defense.state_dict(), entry, source, files, published, ctx)
    # A piece that several defenses share costs each of them the same, whichever of them was the first to need it.
    shared = sum(piece.seconds - spent for piece, spent in pieces)
    draft.result |= {"fit_seconds": fitted - started + shared, "release_seconds": time.perf_counter() - fitted}
    elsewhere = defense.peak_mib if isinstance(defense, apart.Apart) else 0.0
    draft.result["peak_mib"] = max([elsewhere, *(piece.result.get("peak_mib", 0.0) for piece, _ in pieces)])
    draft.result |= {} if protocol.joint else _bounds(store, inputs, defense)
    if isinstance(defense, Encoder) and defense.notes:
        draft.result["notes"] = [printable(str(note)) for note in defense.notes]


def _bounds(store: Store, inputs: Mapping[str, Any], defense: Any) -> dict[str, float]:
    """What no attack can exceed, on all the draws that attacks are given.

    A stage that changes a private release cannot make it less private, so the bound of any stage of a chain holds: what
    the stage before released is one draw for each draw here, or one for all. Not so a stage that draws nothing itself
    and is given several draws: what it proves is of what it makes of one.
    """
    before = None if inputs["base"] is None else store.read(inputs["base"]).result.get("accuracy_bound")
    draws = inputs["draws"]
    proves = not isinstance(defense, Encoder) and (defense.stochastic or draws == 1)
    own = defense.accuracy_bound(draws) if proves else None
    known = [bound for bound in (before, own) if bound is not None]
    return {"accuracy_bound": min(known)} if known else {}


def release_by(stage: Any, source: NDArray[Any], files: tuple[str, ...], rng: np.random.Generator) -> Release:
    """What a fitted encoder or defense publishes of a batch of images, or of embeddings.

    files : the images' names; encoders of embeddings that exist already go by them.
    """
    if isinstance(stage, Encoder):
        return Release(embedding=np.asarray(stage.encode(source, files), dtype=np.float32))
    release: Release = stage.release(source, rng)
    return release


def release_through(
    stages: Sequence[tuple[registry.Entry, Any]], source: NDArray[Any], files: tuple[str, ...], rng: np.random.Generator
) -> Release:
    """The release of uint8 (N, H, W, 3) images, or of float32 (N, D) embeddings, by fitted stages in turn.

    Without any it is the embeddings themselves.
    """
    release = None if stages else Release(embedding=source)
    for entry, stage in stages:
        given = source if release is None else release.embedding
        assert given is not None
        with registry.guard(entry):
            release = release_by(stage, given, files, rng)
    assert release is not None
    return release


def sources_of(
    store: Store, inputs: Mapping[str, Any], protocol: Protocol, runtime: Runtime
) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
    """What the first stage transforms, and its names, or every draw of the embedding that the stage before released."""
    if inputs["base"] is None:
        faces = load_faces(protocol.cell.inputs["dataset"], runtime)
        return [faces.images if faces.embedding is None else faces.embedding], faces.files
    base = store.read(inputs["base"])
    stored = base.tensors("release")
    return [stored[name_of_draw("embedding", draw)] for draw in draws_of(base, "embedding")], ()


def _faces_of(images: NDArray[Any], protocol: Protocol, rows: IntArray) -> Faces:
    view: Any = RowView(images, rows)
    return Faces(view, protocol.joint_labels(rows), protocol.identity(rows), protocol.joint_classes)


def _embeddings_of(
    embedding: NDArray[Any], protocol: Protocol, rows: IntArray, numbers: NDArray[np.float64] | None
) -> Embeddings:
    labels, identity = protocol.joint_labels(rows), protocol.identity(rows)
    known = None if numbers is None else numbers[rows]
    return Embeddings(embedding[rows], labels, identity, protocol.joint_classes, known)


def _numbers_of(store: Store, inputs: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """(N, M) of the numbers that the defense is to hide; None where there are none."""
    cells = [store.read(digest) for digest in inputs.get("numbers", ())]
    return np.column_stack([cell.tensors("numbers")["values"] for cell in cells]) if cells else None


def _publish(
    defense: Any,
    entry: registry.Entry,
    sources: Sequence[NDArray[Any]],
    files: tuple[str, ...],
    protocol: Protocol,
    draft: Draft,
    ctx: Context,
    inputs: Mapping[str, Any],
) -> dict[str, NDArray[Any]]:
    """Release in batches into tensors of the whole data set, which are returned.

    The in-loop attacker's claim is one of them where there is one, and so is what the last step was given where its
    parameters tell it. Each draw is made of one draw of the stage before, or all of its only one.
    """
    maps: dict[str, NDArray[Any]] = {}
    count = len(sources[0])
    size = count if isinstance(defense, Encoder) and defense.whole else RELEASE_BATCH
    stage = [inputs["stochastic"]] if "stochastic" in inputs else []  # the first that draws is not numbered
    for rows in ctx.track(list(batches(count, size)), "release"):
        present: dict[str, NDArray[Any]] = {}
        for draw in range(inputs["draws"]):
            source = sources[draw if len(sources) > 1 else 0]
            rng = ctx.rng("release", rows.start, draw, *stage)
            with registry.guard(entry):
                release = release_by(defense, np.asarray(source[rows]), files[rows], rng)
                claim = defense.claim(release) if draw == 0 and not isinstance(defense, Encoder) else None
            parts = _tensors(release, claim, entry, rows.stop - rows.start, protocol, draw)
            if isinstance(defense, EmbeddingDefense):
                parts |= _inverted(defense, entry, parts[name_of_draw("embedding", draw)], draw)
            present |= parts
        if not maps:
            maps = draft.create(
                "release", {name: (part.dtype, (count, *part.shape[1:])) for name, part in present.items()}
            )
        if present.keys() != maps.keys() or any(part.shape[1:] != maps[n].shape[1:] for n, part in present.items()):
            raise PluginError(f"{entry}: release() returned views or shapes that change from batch to batch")
        for name, part in present.items():
            maps[name][rows] = part
    draft.result = layout_of(maps)
    return maps


def require_alone(
    again: Any,
    state: State,
    entry: registry.Entry,
    source: NDArray[Any],
    files: tuple[str, ...],
    published: Mapping[str, NDArray[Any]],
    ctx: Context,
) -> None:
    """Have some samples released once more by ``again``, restored from a state, in other company and anew.

    published : view → what was released of all. Raises PluginError where they are released otherwise: a release that
    depends on more than its sample lets a defense treat the people whom attacks learn from unlike those of test.
    """
    if again.stochastic if not isinstance(again, Encoder) else again.whole:
        return
    rows = np.random.default_rng(secrets.randbits(128)).permutation(len(source))[:AGAIN]
    with registry.guard(entry):
        again.load_state_dict(state)
        chosen = tuple(files[row] for row in rows) if files else ()
        release = release_by(again, np.asarray(source[rows]), chosen, ctx.rng("release", 0, 0))
    for name, part in {"embedding": release.embedding, "image": release.pixels}.items():
        if part is None:
            continue
        first = np.asarray(published[name][rows], np.float64)
        scale = np.abs(first).max() or 1.0
        off = np.abs(part - first).reshape(len(rows), -1).mean(axis=1) / scale
        if (off > MOST_OFF).any():
            raise PluginError(
                f"{entry} releases {np.count_nonzero(off > MOST_OFF)} of {len(rows)} samples otherwise after it was "
                "restored, with others beside them: a release must depend on its sample alone"
            )


def layout_of(tensors: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """What a release cell says of its tensors: the shape of each view's samples, and how many draws there are."""
    draws = [int(number) if number else 0 for number in (name.partition(".")[2] for name in tensors)]
    return {"views": {name: list(part.shape[1:]) for name, part in tensors.items()}, "draws": 1 + max(draws)}


def _tensors(
    release: Any, claim: NDArray[Any] | None, entry: registry.Entry, count: int, protocol: Protocol, draw: int
) -> dict[str, NDArray[Any]]:
    """The views of a batch's release and the claim by the names that they are stored under."""
    if not isinstance(release, Release) or len(release) != count:
        raise PluginError(f"{entry}: release() must return a Release of {count} samples")
    parts = {"embedding": release.embedding, "image": release.pixels}
    if claim is not None:
        checked = check_proba(claim, len(release), len(protocol.joint_classes), entry)
        parts["claim"] = protocol.of_attribute(checked).astype(np.float32)
    return {name_of_draw(name, draw): part for name, part in parts.items() if part is not None}


def _inverted(
    defense: EmbeddingDefense, entry: registry.Entry, embedding: NDArray[Any], draw: int
) -> dict[str, NDArray[Any]]:
    """What a fitted defense of embeddings says that it was given, under the name that it is stored under."""
    with registry.guard(entry):
        inverted = defense.invert(embedding)
    if inverted is None:
        return {}
    try:
        view = Release(inverted=np.asarray(inverted))
    except ValueError as error:
        raise PluginError(f"{entry}: invert() returned no embedding: {error}") from None
    if len(view) != len(embedding):
        raise PluginError(f"{entry}: invert() must return {len(embedding)} samples, not {len(view)}")
    assert view.inverted is not None
    return {name_of_draw("inverted", draw): view.inverted}
