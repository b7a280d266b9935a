"""Releases on which forecasts are tried: leaks drawn from a law, LFW behind defenses, drawn faces."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from aiakit.calibration.leaks import Leak, four_modes, linear, null, radial, xor
from aiakit.contracts import MISSING, Context, Embeddings, Faces, FaceSet, LabelledRelease, LoadSettings, Release
from aiakit.plugins import registry
from aiakit.storage.cache import cache_folder
from benchmarks.peers.data import CLASSES, read_lfw_dlib

SIDES = ("pool", "val", "test", "fresh")
DRAWN = {"pool": 3000, "val": 800, "test": 1500, "fresh": 1500}  # people of leaks that are drawn, one sample each
FACES = {"pool": 1600, "val": 300, "test": 500, "fresh": 500}  # … of drawn faces, beside as many for the defender
FACES_OWNED = 400
LFW = {"val": 350, "test": 1000, "fresh": 1000}  # … of LFW, beside the defender's; the pool is everybody else
LFW_OWNED = 800
MOST_IMAGES = 4  # of a person of LFW: few have hundreds, which cost time and teach little
COMPONENTS = 48


@dataclass(frozen=True)
class Sides:
    """A release, by people who are all different.

    pool : whom the attacker may know. val : on whom attacks choose. test, fresh : two samples of test people, the first
    of which a forecast sees.
    """

    pool: LabelledRelease
    val: LabelledRelease
    test: LabelledRelease
    fresh: LabelledRelease


Maker = Callable[[int], Sides]  # of a seed: another deal of people, another draw


def makers() -> tuple[dict[str, Maker], dict[str, Maker]]:
    """Releases that the forecast was tuned on, and others that it is judged by; LFW's where ``AIAKIT_DATA`` is set."""
    tuned: dict[str, Maker] = {
        "shift, D=1, p=64": partial(drawn, linear(64, 1.0)),
        "shift, D=2, p=16": partial(drawn, linear(16, 2.0)),
        "radial": partial(drawn, radial()),
        "null": partial(drawn, null(32)),
        "drawn faces, leace": partial(faces, ("leace",)),
    }
    judged: dict[str, Maker] = {
        "shift, D=2, p=64": partial(drawn, linear(64, 2.0)),
        "shift, D=1, p=256": partial(drawn, linear(256, 1.0)),
        "shift, D=1, p=24": partial(drawn, linear(24, 1.0)),
        "xor, rotated": partial(drawn, xor(rotate=True)),
        "four modes": partial(drawn, four_modes()),
        "null, p=64": partial(drawn, null(64)),
        "drawn faces": partial(faces, ()),
        "drawn faces, inlp": partial(faces, ("inlp",)),
    }
    if os.environ.get("AIAKIT_DATA"):
        wide = ("identity-transport", {"latent": 48})
        tuned |= {"LFW, inlp": partial(lfw, ("inlp",)), "LFW, identity-transport 48": partial(lfw, (wide,))}
        judged |= {
            "LFW": partial(lfw, ()),
            "LFW, leace": partial(lfw, ("leace",)),
            "LFW, gaussian-noise": partial(lfw, ("gaussian-noise",)),
            "LFW, kernel-arl": partial(lfw, ("kernel-arl",)),
            "LFW, identity-transport": partial(lfw, ("identity-transport",)),
            "LFW, identity-transport+inlp": partial(lfw, ("identity-transport", ("inlp", {"iterations": 5}))),
            "LFW photographs, blur": partial(photographs, "blur"),
            "LFW photographs, pixelate": partial(photographs, "pixelate"),
            "LFW photographs, k-same": partial(photographs, "k-same"),
        }
    return tuned, judged


Stage = str | tuple[str, Mapping[str, Any]]  # a defense, with options


def drawn(leak: Leak, seed: int) -> Sides:
    """People of a leak whose law is known, one sample each."""
    parts = {}
    for side in SIDES:
        release, labels = leak.draw(DRAWN[side], Context(seed=seed).rng("leak", leak.name, side))
        parts[side] = LabelledRelease(release, labels, np.arange(DRAWN[side]), CLASSES)
    return Sides(**parts)


def lfw(stages: Sequence[Stage], seed: int) -> Sides:
    """dlib's embeddings of LFW behind defenses, which are fitted on the defender's people."""
    embedding, labels, identity, known = read_lfw_dlib(Path(os.environ["AIAKIT_DATA"]))
    counts = {"owned": LFW_OWNED, **LFW}
    return _dealt(embedding, labels, identity, known & (_place(identity) < MOST_IMAGES), counts, stages, seed)


def photographs(defense: str, seed: int) -> Sides:
    """Principal components of LFW's photographs (32 × 32) behind a defense of pictures; the components, and the
    defense, are fitted on the defender's people.
    """
    faces = _lfw_photographs()
    labels, identity = faces.attributes["gender"].values, faces.identity
    usable = (labels != MISSING) & (_place(identity) < MOST_IMAGES)
    owned = usable & np.isin(identity, _deal(identity[usable], {"owned": LFW_OWNED, **LFW}, seed)["owned"])
    pictures: Any = registry.make("defense", defense, {})
    ctx = Context(seed=seed)
    part = Faces(np.array(faces.images[owned]), labels[owned], identity[owned], CLASSES)
    released = pictures.fit(part, part, ctx).release(np.array(faces.images), ctx.rng("release")).pixels
    flat = np.asarray(released).reshape(len(labels), -1).astype(np.float32)
    return _dealt(flat, labels, identity, usable, {"owned": LFW_OWNED, **LFW}, (), seed, COMPONENTS)


@cache
def _lfw_photographs() -> FaceSet:
    dataset = registry.make("dataset", "lfw", {"root": str(Path(os.environ["AIAKIT_DATA"]) / "lfw")})
    return dataset.load(LoadSettings(32, cache_folder()))


def _place(identity: Any) -> Any:
    """(N,) which of its person's images each is, from 0."""
    order = np.argsort(identity, kind="stable")
    images = np.bincount(identity)
    place = np.empty(len(identity), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(np.cumsum(images) - images, images)
    return place


def faces(stages: Sequence[Stage], seed: int) -> Sides:
    """Principal components of drawn faces behind defenses; both are fitted on the defender's people."""
    pixels, labels, identity = _drawn_faces(FACES_OWNED + sum(FACES.values()))
    counts = {"owned": FACES_OWNED, **{side: FACES[side] for side in ("val", "test", "fresh")}}
    return _dealt(pixels, labels, identity, np.ones(len(labels), bool), counts, stages, seed, COMPONENTS)


@cache
def _drawn_faces(people: int) -> tuple[Any, Any, Any]:
    dataset = registry.make("dataset", "synthetic", {"people": people, "images_per_person": 2, "delta": 2.0})
    with tempfile.TemporaryDirectory() as folder:
        found = dataset.load(LoadSettings(32, Path(folder)))
        pixels = np.array(found.images).reshape(len(found.images), -1).astype(np.float32)
    return pixels, found.attributes["gender"].values, found.identity


def _dealt(
    values: Any, labels: Any, identity: Any, usable: Any, counts: Mapping[str, int], stages: Sequence[Stage],
    seed: int, components: int = 0,
) -> Sides:  # fmt: skip
    """People dealt by ``counts``, who is left over to the pool; then the encoder and the stages in a row."""
    parts = _deal(identity[usable], counts, seed)
    rows = {side: np.flatnonzero(usable & np.isin(identity, part)) for side, part in parts.items()}
    ctx = Context(seed=seed)
    if components:
        values = PCA(components, random_state=seed).fit(values[rows["owned"]]).transform(values).astype(np.float32)
    for number, stage in enumerate(stages):
        name, options = (stage, {}) if isinstance(stage, str) else stage
        defense: Any = registry.make("defense", name, options)
        owned = Embeddings(values[rows["owned"]], labels[rows["owned"]], identity[rows["owned"]], CLASSES)
        values = defense.fit(owned, owned, ctx).release(values, ctx.rng("release", number)).embedding
    return Sides(
        **{
            side: LabelledRelease(Release(values[rows[side]]), labels[rows[side]], identity[rows[side]], CLASSES)
            for side in SIDES
        }
    )


def _deal(identity: Any, counts: Mapping[str, int], seed: int) -> dict[str, Any]:
    """People dealt by ``counts``, who is left over to the pool."""
    people = np.random.default_rng(seed).permutation(np.unique(identity))
    return dict(zip((*counts, "pool"), np.split(people, np.cumsum(list(counts.values()))), strict=True))
