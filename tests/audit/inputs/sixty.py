"""The 60 people whose files have every form, and how a file of them is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.datasets.columns import join_labels
from aiakit.datasets.samples import Samples, make_samples
from aiakit.datasets.source import read_source

PEOPLE, EACH, DIMENSIONS = 60, 3, 8


ROWS = PEOPLE * EACH


@dataclass(frozen=True)
class Base:
    """embedding : float64 (180, 8), whose first axes tell the gender somewhat. The columns are texts, one a row."""

    embedding: np.ndarray
    person: list[str]
    gender: list[str]
    image: list[str]

    def columns(self) -> dict[str, list[str]]:
        return {"image": self.image, "person": self.person, "gender": self.gender}


def csv(columns: dict[str, Any], separator: str = ",") -> str:
    lines = [separator.join(columns), *(separator.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


def numbered(embedding: np.ndarray, names: str = "e{}") -> dict[str, Any]:
    return {names.format(at): column.tolist() for at, column in enumerate(embedding.T)}


@dataclass(frozen=True)
class Measured:
    """What an audit found: the balanced accuracy of the attack, people and images that were measured, the notes."""

    leak: float
    auc: float
    people: int
    images: int
    notes: list[str]
    power: bool | None

    def says(self, text: str) -> bool:
        return any(text in note for note in self.notes)

    def figures(self) -> tuple[float, float, int, int]:
        return self.leak, self.auc, self.people, self.images


Audit = Callable[..., Any]


def read(file: Path, labels: Path | None = None, join_on: str | None = None, key: str | None = None) -> Samples:
    """What an audit of a file would measure."""
    source = read_source(file, key)
    found = join_labels(source, labels, join_on)
    gender, person = found.column("gender", "--attribute"), found.column("person", "--identity")
    notes = (*source.notes, *found.notes)
    return make_samples("x", source.values, {"gender": gender}, person, {}, None, None, None, notes)


def require_base(samples: Samples, base: Base) -> None:
    """That the samples are the base, row by row."""
    np.testing.assert_allclose(samples.values, base.embedding, rtol=1e-6)
    assert [samples.people[code] for code in samples.identity] == base.person
    gender = samples.attributes["gender"]
    assert [gender.classes[code] for code in gender.values] == base.gender


OTHER_ORDER = np.random.default_rng(1).permutation(ROWS)


def shuffled(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [cells[row] for row in OTHER_ORDER] for name, cells in columns.items()}


def save(path: Path, embedding: np.ndarray, columns: dict[str, list[str]]) -> Path:
    np.savez(path, e=embedding, **{name: np.array(cells) for name, cells in columns.items()})
    return path
