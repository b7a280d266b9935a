"""Single faces of a run: what each release shows of them, what attacks say of it, and what the verifier thinks.

Everything comes from stored releases, scores and verifier cells; nothing is trained. Scores exist of test people, so
only their faces can be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import FaceSet, FloatArray, IntArray, PixelArray
from aiakit.errors import InputError, unknown
from aiakit.experiment.config import label_of
from aiakit.experiment.plan import Plan, make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime, load_faces
from aiakit.measures.influence import pair_weights
from aiakit.measures.verification import fit_threshold
from aiakit.results.repeats import repeats_of
from aiakit.results.row import Row
from aiakit.storage.store import Store


@dataclass(frozen=True)
class Verified:
    """What the verifier of a release says of one face: mean distances over the face's stored test pairs.

    own : to other pictures of the person. others : to other people; None without such pairs.
    threshold : the distance below which two pictures count as one person, chosen on attacker-val.
    """

    own: float | None
    others: float | None
    threshold: float


@dataclass(frozen=True)
class Tile:
    """One face in one release.

    picture : uint8 (H, W, 3); None where the release is an embedding only.
    says : attack → (K,) probabilities of the attribute's classes. claimed : those of the in-loop attacker, or None.
    """

    release: str
    picture: PixelArray | None
    says: dict[str, FloatArray]
    claimed: FloatArray | None
    verified: Verified | None


@dataclass(frozen=True)
class Face:
    """A test face: its number in the data set, its file and person, its class, and what each release makes of it."""

    number: int
    file: str
    person: str
    truth: str
    original: PixelArray
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Gallery:
    """Faces side by side. strongest : release → the attack chosen on attacker-val. run_seed : whose releases."""

    dataset: str
    attribute: str
    classes: tuple[str, ...]
    run_seed: int
    strongest: dict[str, str | None]
    faces: tuple[Face, ...]


def gallery_of(
    run: Run,
    measured: Mapping[str, Row],
    runtime: Runtime,
    named: Sequence[str] = (),
    count: int = 4,
    seed: int = 0,
    run_seed: int | None = None,
) -> Gallery:
    """Test faces of a run: those named (file, person, or number in the data set), or ``count`` drawn with ``seed``.

    measured : release → its row, as the run's evaluation has it.
    Raises InputError for an unknown face, one that is no test face, or a seed that the run does not have.
    """
    config, plan, store = run.config, make_plan(run.config), run.store
    run_seed = run.seed(run_seed)
    protocol = Protocol.read(store, plan.protocol.digest)
    faces = load_faces(protocol.cell.inputs["dataset"], runtime)
    rows = protocol.rows("test")
    chosen = _named(faces, rows, named) if named else _drawn(protocol, rows, count, seed)
    columns = [
        _Column(store, plan, protocol, measured[label_of(chain)], run_seed)
        for chain in config.defenses
        if store.has(plan.releases[label_of(chain), run_seed].digest)
    ]
    labels = protocol.labels(rows)
    return Gallery(
        faces.name,
        config.attribute,
        protocol.classes,
        run_seed,
        {name: row.strongest for name, row in measured.items()},
        tuple(
            Face(
                int(rows[place]),
                faces.files[rows[place]],
                faces.people[faces.identity[rows[place]]],
                protocol.classes[labels[place]],
                np.asarray(faces.images[rows[place]]),
                tuple(column.tile(place, int(rows[place])) for column in columns),
            )
            for place in chosen
        ),
    )


def _named(faces: FaceSet, rows: IntArray, names: Sequence[str]) -> list[int]:
    """Positions in ``rows`` of the named faces."""
    places = {int(row): place for place, row in enumerate(rows)}
    found = []
    for name in names:
        row = _row(faces, name, places)
        if row not in places:
            example = faces.files[rows[0]]
            raise InputError(
                f"{name} is no test face, and only those are scored: choose one of {len(rows)}, such as {example}"
            )
        found.append(places[row])
    return list(dict.fromkeys(found))


def _row(faces: FaceSet, name: str, places: dict[int, int]) -> int:
    """The image that is meant: a file, a person (the first test face), or a number."""
    if name in faces.files:
        return faces.files.index(name)
    if name in faces.people:
        images = np.flatnonzero(faces.identity == faces.people.index(name))
        return int(next((image for image in images if int(image) in places), images[0]))
    if name.isdecimal() and int(name) < len(faces):
        return int(name)
    if name.isdecimal():
        raise InputError(f"there is no face {name}: {faces.name} has the numbers 0 to {len(faces) - 1}")
    raise unknown("face", name, faces.people, f" in {faces.name}")


def _drawn(protocol: Protocol, rows: IntArray, count: int, seed: int) -> list[int]:
    """One face each of different people, those first that the verifier has another picture of; in a seeded order."""
    rng = np.random.default_rng(seed)
    pairs = protocol.pairs("test.random", rows)
    paired = np.zeros(len(rows), bool)
    if pairs is not None:
        paired[np.concatenate([pairs.left[pairs.same], pairs.right[pairs.same]])] = True
    order = rng.permutation(len(rows))
    order = order[np.argsort(~paired[order], kind="stable")]
    _, first = np.unique(protocol.identity(rows)[order], return_index=True)
    return [int(place) for place in order[np.sort(first)[:count]]]


class _Column:
    """One release: its pictures and scores, read once for all faces."""

    def __init__(self, store: Store, plan: Plan, protocol: Protocol, row: Row, seed: int) -> None:
        self.release = release = row.release
        self.rows = protocol.judged("test")
        tensors = store.read(plan.releases[release, seed].digest).tensors("release")
        self.pictures = tensors.get("image")
        self.scores: dict[str, NDArray[Any]] = {}
        self.claim: NDArray[Any] | None = None
        own = [key for key in plan.attacks if (key.release, key.seed, key.attack_seed) == (release, seed, 0)]
        counting = [key for key in own if key.counts_at(row.level) or key.claim]
        for repeat in repeats_of(store, plan.attacks, counting, protocol):
            if repeat.skipped:
                continue
            if repeat.key.claim:
                self.claim = repeat.scores["test"]
            else:
                self.scores[repeat.key.attack] = repeat.scores["test"]
        self.verifier = _Verifier.read(store, plan, protocol, release, seed)

    def tile(self, place: int, row: int) -> Tile:
        """The face at a position in test, which is this image of the data set."""
        picture = None if self.pictures is None else np.asarray(self.pictures[row]).transpose(1, 2, 0)
        judged = int(np.searchsorted(self.rows, row))
        says = {name: np.asarray(scores[judged]) for name, scores in self.scores.items()}
        claimed = None if self.claim is None else np.asarray(self.claim[judged])
        verified = None if self.verifier is None else self.verifier.of(place)
        return Tile(self.release, picture, says, claimed, verified)


@dataclass(frozen=True)
class _Verifier:
    """The stored distances of test pairs on one release: (P,) distances, sides and whether they show one person."""

    distance: FloatArray
    left: IntArray
    right: IntArray
    same: NDArray[np.bool_]
    threshold: float

    @classmethod
    def read(cls, store: Store, plan: Plan, protocol: Protocol, release: str, seed: int) -> _Verifier | None:
        spec = plan.utilities.get((release, seed))
        cell = None if spec is None else store.find(spec.digest)
        pairs = protocol.pairs("test.random", protocol.rows("test"))
        val = protocol.pairs("attacker-val.random", protocol.rows("attacker-val"))
        if cell is None or pairs is None or val is None:
            return None
        scores = cell.tensors("scores")
        people = protocol.identity(protocol.rows("attacker-val"))
        threshold = -fit_threshold(scores["attacker-val.random"], val.same, pair_weights(val.same, people[val.left]))
        return cls(-np.asarray(scores["test.random"]), pairs.left, pairs.right, pairs.same, threshold)

    def of(self, place: int) -> Verified:
        shown = (self.left == place) | (self.right == place)
        own, others = (self.distance[shown & (self.same == same)] for same in (True, False))
        means = [float(part.mean()) if len(part) else None for part in (own, others)]
        return Verified(means[0], means[1], self.threshold)
