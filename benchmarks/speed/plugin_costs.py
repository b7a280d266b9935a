"""What every plugin costs, for ``aiakit list`` and for the time that a run has left: ``aiakit/plugins/costs.json``.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.plugin_costs [--only NAME,NAME] [--save]

Attacks and defenses on embeddings: 10,000 × 128. Attacks learn from three quarters, validate on one and score as many
again; defenses learn from a half and release all. Those on pictures: 400 of 64×64 pixels. Each is measured at a
tenth of that size too, which says what does not grow with the data. Figures are processor seconds, which other
programs on the machine hardly change. ``--only`` with ``--save`` replaces what is named and keeps the rest.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aiakit.contracts import Context, Defense, Embeddings, Faces, LabelledRelease, Release, State, batches
from aiakit.datasets.pairs import sample_pairs
from aiakit.errors import AiakitError
from aiakit.experiment.probing import combined_scores
from aiakit.experiment.releasing import RELEASE_BATCH, release_by
from aiakit.experiment.selection import shows_claim
from aiakit.networks.verifier import SiameseVerifier
from aiakit.plugins import registry
from aiakit.plugins.costs import MEASURED, SIDE
from aiakit.plugins.mock import GENDERS, images, people
from aiakit.storage.store import write_atomically

DIMS = 128
EMBEDDINGS, PICTURES = 10_000, 400  # rows
PART = 10  # of the rows in the small size
EACH = 8  # pictures of a person
FEWEST = 24  # people: k-same takes as many of a class as its k, which is 10
OTHERS = 12  # attacks whose scores are combined


@dataclass
class Memo:
    """Makes the pieces that plugins share, and knows what that took: name → processor seconds."""

    spent: dict[str, float] = field(default_factory=dict)

    def __call__(self, name: str, inputs: Mapping[str, Any], compute: Callable[[], State]) -> State:
        began = time.process_time()
        made = compute()
        self.spent[name] = self.spent.get(name, 0.0) + time.process_time() - began
        return made


@dataclass(frozen=True)
class Subject:
    """Something to be measured. rows : how many it is given. work : with so many, in a context."""

    kind: str
    name: str
    rows: int
    work: Callable[[int, Context], None]


def faces(rows: int, seed: int = 0, side: int = SIDE) -> Faces:
    """Made-up people with eight pictures each."""
    rng = np.random.default_rng(seed)
    who = people(max(FEWEST, rows // EACH), EACH, rng)
    return Faces(images(who, rng, size=side), who.labels, who.identity, who.classes)


def embeddings(rows: int, seed: int = 0) -> Embeddings:
    """Gaussian embeddings of made-up people with eight rows each, whose class shifts every coordinate a little."""
    rng = np.random.default_rng(seed)
    who = people(max(FEWEST, rows // EACH), EACH, rng)
    x = rng.standard_normal((who.identity.max() + 1, DIMS))[who.identity] + rng.standard_normal((len(who.labels), DIMS))
    x += (2 / np.sqrt(DIMS)) * (who.labels - 0.5)[:, None]
    return Embeddings(x.astype(np.float32), who.labels, who.identity, who.classes)


def known(view: str, rows: int, seed: int, pictures: bool) -> LabelledRelease:
    """What an attack learns from or is judged on. pictures : whether there are any."""
    found = embeddings(rows, seed)
    seen = faces(rows, seed) if pictures else None
    release = Release(found.embedding)
    if view == "image" and seen is not None:
        release = Release(image=np.ascontiguousarray(seen.images.transpose(0, 3, 1, 2)))
    images = None if seen is None else seen.images
    return LabelledRelease(release, found.labels, found.identity, GENDERS, images, release)


def attack(name: str) -> Subject:
    """An attack, which scores as many samples as it is given."""
    cls = registry.load("attack", name)
    view, pictures = cls.view, cls.view == "image" or (cls.knowledge == "adaptive" and cls.view != "inverted")

    def work(rows: int, ctx: Context) -> None:
        made = registry.make("attack", name)
        if cls.combines:
            combine(made, registry.entry("attack", name), rows, ctx)
            return
        sizes = (rows - rows // 4, rows // 4, rows)
        train, val, test = (known(view, size, seed, pictures) for seed, size in enumerate(sizes))
        made.fit(train, val, ctx)
        for part in (val, test):
            made.predict_proba(part.release)

    return Subject("attack", name, PICTURES if pictures else EMBEDDINGS, work)


def combine(made: Any, entry: registry.Entry, rows: int, ctx: Context) -> None:
    """An attack on the scores of others, which learns from attacker-val alone."""
    rng = np.random.default_rng(0)
    tables = [{"val": rng.dirichlet((1, 1), rows // 4), "test": rng.dirichlet((1, 1), rows)} for _ in range(OTHERS)]
    combined_scores(tables, (np.arange(rows // 4) % 2, np.arange(rows // 4)), GENDERS, made, entry, ctx)


def release(kind: registry.Kind, name: str, view: str) -> Subject:
    """A defense or an encoder: learns from a half, releases all."""

    def work(rows: int, ctx: Context) -> None:
        made: Any = registry.make(kind, name)
        train, val, everybody = (
            faces(size, seed) if view == "image" else embeddings(size, seed)
            for seed, size in enumerate((rows * 9 // 20, rows // 20, rows))
        )
        made.fit(train, val, ctx)
        source = everybody.images if isinstance(everybody, Faces) else everybody.embedding
        for part in batches(rows, RELEASE_BATCH):
            release_by(made, source[part], (), ctx.rng("release", part.start))

    return Subject(kind, name, PICTURES if view == "image" else EMBEDDINGS, work)


def verifier(view: str) -> Subject:
    """The verifier on releases of a view."""

    def work(rows: int, ctx: Context) -> None:
        train, val = (
            known(view, size, seed, view == "image") for seed, size in enumerate((rows - rows // 4, rows // 4))
        )
        pairs = sample_pairs(val.identity, ctx.rng("pairs"), genuine=5_000, impostor=20_000)
        trained = SiameseVerifier().fit(train.release, train.identity, val.release, pairs, ctx)
        trained.scores(trained.transform(val.release), pairs)

    return Subject("verifier", view, PICTURES if view == "image" else EMBEDDINGS, work)


def subjects() -> Iterator[Subject]:
    """All that can be measured here."""
    for name in registry.names("attack"):
        if not shows_claim(name) and registry.unavailable("attack", name) is None:
            yield attack(name)
    for name in registry.names("defense"):
        reads = "image" if issubclass(registry.load("defense", name), Defense) else "embedding"
        yield release("defense", name, reads)
    for name in registry.names("encoder"):
        if registry.unavailable("encoder", name) is None and not registry.load("encoder", name).whole:
            yield release("encoder", name, "image")
    yield from map(verifier, ("embedding", "image"))


def measured(subject: Subject) -> dict[str, Any]:
    """An entry of the file."""
    fixed, _ = spent(subject, subject.rows // PART)
    seconds, pieces = spent(subject, subject.rows)
    entry = {"rows": subject.rows, "seconds": round(seconds, 3), "fixed": round(min(fixed, seconds), 3)}
    return entry | ({"pieces": {name: round(value, 3) for name, value in pieces.items()}} if pieces else {})


def spent(subject: Subject, rows: int) -> tuple[float, dict[str, float]]:
    """Processor seconds of the work on so many rows without shared pieces, and those of the pieces."""
    memo = Memo()
    began = time.process_time()
    subject.work(rows, Context(memo=memo))
    return time.process_time() - began - sum(memo.spent.values()), memo.spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names (a,b)")
    parser.add_argument("--save", action="store_true", help=f"write {MEASURED.name}")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    found: dict[str, Any] = json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {}
    found["conditions"] = f"processor seconds of one thread, {platform.machine()}, float32"
    for subject in subjects():
        if only and subject.name not in only:
            continue
        try:
            entry = measured(subject)
        except (AiakitError, ValueError) as error:  # plugins that need what is not made up here
            print(f"{subject.kind} {subject.name}: not measured: {error}", flush=True)
            continue
        found.setdefault(subject.kind, {})[subject.name] = entry
        print(f"{subject.kind} {subject.name}: {entry}", flush=True)
        if options.save:
            write_atomically(MEASURED, json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
