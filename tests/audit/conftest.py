"""A small release whose leak is known, as arrays and as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

PEOPLE, EACH, DIMENSIONS = 60, 3, 10


@dataclass(frozen=True)
class Cast:
    """embedding : float32 (180, 10), with gender along the first axis. Texts are one a row."""

    embedding: np.ndarray
    person: np.ndarray
    gender: np.ndarray
    smiling: np.ndarray
    file: np.ndarray

    @property
    def rows(self) -> int:
        return len(self.embedding)

    def labels(self) -> dict:
        return {"attributes": {"gender": self.gender}, "identity": self.person}


def _make(gap: float = 6.0, seed: int = 0) -> Cast:
    rng = np.random.default_rng(seed)
    gender = np.arange(PEOPLE) % 2
    centre = rng.normal(size=(PEOPLE, DIMENSIONS))
    centre[:, 0] += gap * gender
    rows = np.repeat(np.arange(PEOPLE), EACH)
    return Cast(
        embedding=(centre[rows] + 0.1 * rng.normal(size=(len(rows), DIMENSIONS))).astype(np.float32),
        person=np.array([f"p{row:02d}" for row in rows]),
        gender=np.array(["female", "male"])[gender[rows]],
        smiling=np.array(["no", "yes"])[rng.integers(0, 2, len(rows))],
        file=np.array([f"p{row:02d}/{number}.png" for number, row in enumerate(rows)]),
    )


@pytest.fixture
def make_cast() -> Callable[..., Cast]:
    """Makes a release whose two genders are ``gap`` standard deviations of a person apart."""
    return _make


@pytest.fixture
def cast() -> Cast:
    return _make()


@pytest.fixture
def npz(cast: Cast, tmp_path: Path) -> Path:
    """The embeddings with all columns."""
    path = tmp_path / "release.npz"
    np.savez(path, e=cast.embedding, name=cast.file, person=cast.person, gender=cast.gender, smiling=cast.smiling)
    return path


@pytest.fixture
def write_table(cast: Cast, tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV of the labels of some rows, in the order given."""

    def write(rows: Iterable[int] = range(PEOPLE * EACH)) -> Path:
        lines = [f"{cast.file[row]},{cast.person[row]},{cast.gender[row]},{cast.smiling[row]}" for row in rows]
        path = tmp_path / "labels.csv"
        path.write_text("\n".join(["file,who,gender,smiling", *lines]) + "\n")
        return path

    return write
