"""What peers are compared on: an attacker's training and validation people, and test people, all different."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.calibration.trials import all_leaks, draw
from aiakit.contracts import MISSING, Context, Embeddings, Faces, LabelledRelease, LoadSettings, Release
from aiakit.datasets.parallel import threads_in_all
from aiakit.plugins import registry
from aiakit.storage.cache import cache_folder

SHARES = (0.50, 0.25, 0.08, 0.17)  # of people: defender, attacker-train, attacker-val, test
CLASSES = ("female", "male")


@dataclass(frozen=True)
class Case:
    """A release of embeddings. bayes : the best possible accuracy, where it is known."""

    name: str
    train: LabelledRelease
    val: LabelledRelease
    test: LabelledRelease
    bayes: float | None = None


def cases(groups: Sequence[str], n: int, seed: int, epochs: int) -> Iterator[Case]:
    """The cases of the groups, in their order. n : samples of each leak. epochs : of the autoencoder.

    LFW's need the environment variable AIAKIT_DATA, the folder that holds them; without it they are left out.
    """
    makers: dict[str, Callable[[], Iterator[Case]]] = {
        "dlib": lambda: lfw_dlib(Path(os.environ["AIAKIT_DATA"]), seed),
        "autoencoder": lambda: lfw_autoencoder(Path(os.environ["AIAKIT_DATA"]), seed, epochs),
        "leaks": lambda: leaks(n, seed),
    }
    for group in groups:
        if group != "leaks" and not os.environ.get("AIAKIT_DATA"):
            print(f"AIAKIT_DATA is not set: {group} is left out", file=sys.stderr)
        else:
            yield from makers[group]()


GROUPS = ("dlib", "autoencoder", "leaks")


def leaks(n: int, seed: int) -> Iterator[Case]:
    """Every leak of embeddings that an attack can find."""
    for leak in all_leaks().values():
        if leak.view == "embedding" and leak.bayes > 0.5:
            yield Case(leak.name, **draw(leak, n, seed), bayes=leak.bayes)


def lfw_dlib(folder: Path, seed: int) -> Iterator[Case]:
    """dlib's embeddings of LFW as they are, and after LEACE."""
    embedding, labels, identity, known = read_lfw_dlib(folder)
    yield from raw_and_erased("LFW, dlib", embedding, labels, identity, sides(identity, known, seed), seed)


def read_lfw_dlib(folder: Path) -> tuple[Any, Any, Any, Any]:
    """dlib's embeddings of LFW (lfw_dlib128.npz: "e" (N, 128), "f" files), genders, identities, and who has a gender.

    Gender is from LFW's name lists; that of images in both or neither is not known.
    """
    with np.load(folder / "lfw_dlib128.npz", allow_pickle=False) as stored:
        embedding, files = stored["e"], [name.rpartition("/")[2] for name in stored["f"].tolist()]
    female, male = (set((folder / "lfw" / f"{each}_names.txt").read_text().split()) for each in CLASSES)
    labels = np.array([int(name in male) for name in files])
    known = np.array([(name in female) != (name in male) for name in files])
    _, identity = np.unique([name.rpartition("_")[0] for name in files], return_inverse=True)
    return embedding, labels, identity, known


def lfw_autoencoder(folder: Path, seed: int, epochs: int) -> Iterator[Case]:
    """128-d latents of an autoencoder trained on the defender's pictures of LFW, as they are, and after LEACE."""
    faces = registry.make("dataset", "lfw", {"root": str(folder / "lfw")}).load(LoadSettings(64, cache_folder()))
    labels, identity = faces.attributes["gender"].values, faces.identity
    rows = sides(identity, labels != MISSING, seed)
    owned = Faces(faces.images[rows[0]], labels[rows[0]], identity[rows[0]], CLASSES)

    encoder = registry.make("encoder", "autoencoder", {"epochs": epochs})
    encoder.fit(owned, owned, Context(seed=seed, threads=threads_in_all()))
    embedding = encoder.encode(faces.images, faces.files)
    yield from raw_and_erased("LFW, autoencoder", embedding, labels, identity, rows, seed)


def sides(identity: Any, known: Any, seed: int) -> list[Any]:
    """Rows of the defender, attacker-train, attacker-val and test: people at random, only ``known`` rows."""
    people = np.random.default_rng(seed).permutation(identity.max() + 1)
    ends = np.rint(np.cumsum(SHARES)[:-1] * len(people)).astype(int)
    return [np.flatnonzero(known & np.isin(identity, part)) for part in np.split(people, ends)]


def raw_and_erased(
    name: str, embedding: Any, labels: Any, identity: Any, rows: Sequence[Any], seed: int
) -> Iterator[Case]:
    """The embeddings as they are, then after LEACE, which is fitted on the defender's people."""
    defender, *attackers = rows
    owned = Embeddings(embedding[defender], labels[defender], identity[defender], CLASSES)
    leace: Any = registry.make("defense", "leace")
    eraser = leace.fit(owned, owned, Context(seed=seed))
    erased = eraser.release(embedding, np.random.default_rng(seed)).embedding
    for suffix, values in (("", embedding), (", LEACE", erased)):
        train, val, test = (
            LabelledRelease(Release(values[each]), labels[each], identity[each], CLASSES) for each in attackers
        )
        yield Case(name + suffix, train, val, test)
