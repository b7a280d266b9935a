"""What peers are compared on: an attacker's training and validation people, and test people, all different."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiakit import registry
from aiakit.calibration.trials import all_leaks, draw
from aiakit.contracts import Context, Embeddings, Evidence, Release

SHARES = (0.50, 0.25, 0.08, 0.17)  # of people: defender, attacker-train, attacker-val, test


@dataclass(frozen=True)
class Case:
    """A release of embeddings. bayes : the best possible accuracy, where it is known."""

    name: str
    train: Evidence
    val: Evidence
    test: Evidence
    bayes: float | None = None


def cases(n: int, seed: int) -> Iterator[Case]:
    """LFW's recogniser embeddings, raw and erased, where AIAKIT_DATA says where they are; then every leak."""
    if os.environ.get("AIAKIT_DATA"):
        yield from lfw(Path(os.environ["AIAKIT_DATA"]), seed)
    else:
        print("AIAKIT_DATA is not set: LFW is left out", file=sys.stderr)
    for leak in all_leaks().values():
        if leak.view == "embedding" and leak.bayes > 0.5:
            yield Case(leak.name, **draw(leak, n, seed), bayes=leak.bayes)


def lfw(folder: Path, seed: int) -> Iterator[Case]:
    """dlib's embeddings of LFW (lfw_dlib128.npz: "e" (N, 128), "f" files) as they are, and after LEACE.

    LEACE is fitted on the defender's people. Gender is from LFW's name lists; images in both or neither are left out.
    """
    with np.load(folder / "lfw_dlib128.npz", allow_pickle=False) as stored:
        embedding, files = stored["e"], [name.rpartition("/")[2] for name in stored["f"].tolist()]
    female, male = (set((folder / "lfw" / f"{each}_names.txt").read_text().split()) for each in ("female", "male"))
    labels = np.array([int(name in male) for name in files])
    known = np.array([(name in female) != (name in male) for name in files])
    _, identity = np.unique([name.rpartition("_")[0] for name in files], return_inverse=True)
    people = np.random.default_rng(seed).permutation(identity.max() + 1)
    ends = np.rint(np.cumsum(SHARES)[:-1] * len(people)).astype(int)
    defender, *attackers = (np.flatnonzero(known & np.isin(identity, part)) for part in np.split(people, ends))
    classes = ("female", "male")
    owned = Embeddings(embedding[defender], labels[defender], identity[defender], classes)
    eraser = registry.make("defense", "leace").fit(owned, owned, Context(seed=seed))
    erased = eraser.release(embedding, np.random.default_rng(seed)).embedding
    for name, values in (("LFW, dlib", embedding), ("LFW, dlib, LEACE", erased)):
        parts = [Evidence(Release(values[rows]), labels[rows], identity[rows], classes) for rows in attackers]
        yield Case(name, *parts)
