"""The embeddings of a data set by an encoder, as a run makes them, and without one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aiakit.contracts import MISSING, Context, Encoder, Faces, FaceSet, FloatArray, IntArray, batches
from aiakit.datasets.joint import dealt, protected_attributes
from aiakit.datasets.rows import RowView
from aiakit.datasets.splits import DEFENDERS, Fractions
from aiakit.errors import InputError, PluginError
from aiakit.experiment import apart
from aiakit.experiment.config import PluginSpec
from aiakit.experiment.releasing import RELEASE_BATCH, release_by, require_alone
from aiakit.plugins import registry
from aiakit.storage.documents import printable

FILE, PERSON, SPLIT = "file", "person", "split"


@dataclass(frozen=True)
class Embedded:
    """float32 (N, D) embeddings of all images of a data set, and what the encoder noted, one line each."""

    embedding: FloatArray
    notes: tuple[str, ...]


def embed(faces: FaceSet, spec: PluginSpec, ctx: Context, attribute: str | None = None) -> Embedded:
    """Encode every image. An encoder that learns does so from the defender's people of a run with this seed.

    attribute : the private attribute, by which people are dealt to splits; None for the data set's own. Raises
    InputError where that cannot be done, and as the encoder does; PluginError for an encoder that fails.
    """
    entry = spec.registered()
    encoder = apart.make("encoder", spec.name, spec.params)
    people = _defenders(faces, entry, attribute, ctx.seed)
    with registry.guard(entry):
        encoder.fit(*people, ctx)
    size = len(faces) if encoder.whole else RELEASE_BATCH
    parts: list[FloatArray] = []
    for rows in ctx.track(list(batches(len(faces), size)), "encode"):
        with registry.guard(entry):
            made = release_by(encoder, np.asarray(faces.images[rows]), faces.files[rows], ctx.rng("release")).embedding
        if made is None or len(made) != rows.stop - rows.start or (parts and made.shape[1:] != parts[0].shape[1:]):
            raise PluginError(f"{entry}: encode() must return (N, D) embeddings, D the same for every batch")
        parts.append(made)
    embedding = np.concatenate(parts)
    if entry.of_others:
        again = apart.make("encoder", spec.name, spec.params)
        require_alone(again, encoder.state_dict(), entry, faces.images, faces.files, {"embedding": embedding}, ctx)
    return Embedded(embedding, tuple(printable(str(note)) for note in encoder.notes))


def columns_of(faces: FaceSet) -> tuple[dict[str, list[str]], list[str]]:
    """What is known of each image, as columns of texts, "" where nothing is, and a note for each that was renamed.

    They are called ``file``, ``person``, ``split`` where the data set has its own, and as the attributes are.
    """
    columns = {FILE: list(faces.files), PERSON: [faces.people[person] for person in faces.identity]}
    if faces.partition is not None:
        columns[SPLIT] = [str(part) for part in faces.partition]
    notes = []
    for name, found in faces.attributes.items():
        column = name
        while column in columns or column == "embedding":
            column += "_"
        notes += [f"the attribute {name} is the column {column}"] if column != name else []
        columns[column] = ["" if code == MISSING else found.classes[code] for code in found.values]
    return columns, notes


def _defenders(faces: FaceSet, entry: registry.Entry, attribute: str | None, seed: int) -> list[Faces]:
    """The people whom an encoder may learn from, for training and for validation; nobody where it learns nothing."""
    if entry.load().fit is Encoder.fit:  # type: ignore[attr-defined]
        none = np.zeros(0, np.int64)
        return [Faces(np.asarray(faces.images[:0]), none, none, ("", ""))] * 2
    try:
        protected = protected_attributes(faces, attribute).attributes
        rows = dealt(faces, protected, seed, Fractions(), 1).rows
    except InputError as error:
        raise InputError(f"the encoder {entry.name} learns from the defender's people, and {error}") from None
    known = faces.attributes[protected[0]]

    def some(part: IntArray) -> Faces:
        view: object = RowView(faces.images, part)
        return Faces(view, known.values[part], faces.identity[part], known.classes)  # type: ignore[arg-type]

    return [some(rows[name]) for name in DEFENDERS]
