"""The same 60 people in every form that files have: the same figure, a note, or a refusal; never another figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


@pytest.fixture
def base() -> Base:
    rng = np.random.default_rng(5)
    gender = np.arange(PEOPLE) % 2
    centre = rng.normal(size=(PEOPLE, DIMENSIONS))
    centre[:, :2] += 2 * gender[:, None]
    rows = np.repeat(np.arange(PEOPLE), EACH)
    return Base(
        np.round(centre[rows] + 0.3 * rng.normal(size=(ROWS, DIMENSIONS)), 6),
        [f"p{row:02d}" for row in rows],
        ["female" if gender[row] == 0 else "male" for row in rows],
        [f"img{row}.jpg" for row in range(ROWS)],
    )


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

    def says(self, text: str) -> bool:
        return any(text in note for note in self.notes)

    def figures(self) -> tuple[float, float, int, int]:
        return self.leak, self.auc, self.people, self.images


Audit = Callable[..., Any]


@pytest.fixture
def audit(aiakit: Any, tmp_path: Path) -> Audit:
    """Audits a file; ``refused`` answers with the message, and otherwise with what was measured."""

    def call(file: Path, *options: Any, refused: bool = False) -> Any:
        identity = () if "--identity" in options else ("--identity", "person")
        answer = aiakit(
            "audit", file, "--attribute", "gender", *identity, "--attacks", "logreg", "--out", tmp_path / "runs",
            "--json", *options,
        )  # fmt: skip
        if refused:
            assert answer.code == 2, answer.out
            return answer.message
        assert answer.code == 0, answer.err
        document = answer.document
        row = document["rows"][0]
        utility = row["utility"]["random"]["auc"] if row["utility"] else float("nan")
        return Measured(
            row["attacks"]["logreg"]["balanced_accuracy"], utility, document["people"], document["images"],
            document["notes"],
        )  # fmt: skip

    return call


@pytest.fixture
def npz(base: Base, tmp_path: Path) -> Path:
    np.savez(tmp_path / "emb.npz", e=base.embedding)
    return tmp_path / "emb.npz"


@pytest.fixture
def people(base: Base, tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(csv(base.columns()))
    return tmp_path / "people.csv"


def read(file: Path, labels: Path | None = None, join_on: str | None = None, key: str | None = None) -> Samples:
    """What an audit of a file would measure."""
    source = read_source(file, key)
    found = join_labels(source.columns, len(source.values), source.name, labels, join_on)
    gender, person = found.column("gender", "--attribute"), found.column("person", "--identity")
    notes = (*source.notes, *found.notes)
    return make_samples("x", source.values, {"gender": gender}, person, {}, None, None, None, notes)


def require_base(samples: Samples, base: Base) -> None:
    """That the samples are the base, row by row."""
    np.testing.assert_allclose(samples.values, base.embedding, rtol=1e-6)
    assert [samples.people[code] for code in samples.identity] == base.person
    gender = samples.attributes["gender"]
    assert [gender.classes[code] for code in gender.values] == base.gender


@pytest.fixture
def right(audit: Audit, npz: Path, people: Path) -> Measured:
    """What is right of the base."""
    found: Measured = audit(npz, "--labels", people)
    assert 0.8 < found.leak < 1
    assert (found.people, found.images) == (PEOPLE, ROWS)
    return found


def test_words_that_say_nothing_are_left_out_and_counted(base: Base, audit: Audit, npz: Path, tmp_path: Path):
    unknown = ["nan", "NA", "None", "unknown", "-1", "<NA>", "9.1e+15"]
    person = [*base.person, *unknown]
    gender = [*base.gender, *["female", "male"] * 4][: len(person)]
    rows = np.concatenate([base.embedding, np.zeros((len(unknown), DIMENSIONS)) + np.arange(1, 8)[:, None]])
    np.savez(npz, e=rows)
    (tmp_path / "people.csv").write_text(csv({"person": person, "gender": gender}))
    found = audit(npz, "--labels", tmp_path / "people.csv")
    assert (found.people, found.images) == (PEOPLE, ROWS)
    assert found.says("7 of 187 rows have no identity and are left out")
    assert found.says("the identity is not known where it says -1, 9.1e+15, <NA>, NA, None, …")


def test_labels_of_several_forms_are_two_classes(base: Base, audit: Audit, npz: Path, tmp_path: Path, right: Measured):
    forms = {"female": ["F", "f", "f", "\uff46", " f"], "male": ["m", "m", "M", "m", "\u200bm"]}
    gender = [forms[each][row % 5] for row, each in enumerate(base.gender)]
    gender[0], gender[7] = "<NA>", "missing"
    (tmp_path / "people.csv").write_text(csv({"person": base.person, "gender": gender}))
    found = audit(npz, "--labels", tmp_path / "people.csv")
    assert found.images == ROWS - 2
    assert abs(found.leak - right.leak) < 0.05
    assert found.says("gender: taken for one value each: 'F' and 'f'; 'M' and 'm'")
    assert found.says("2 of 180 rows have no known gender and are left out")
    assert found.says("gender is not known where it says <NA>, missing")


def test_people_of_several_forms_are_sixty(base: Base, npz: Path, tmp_path: Path):
    person = [f"{name[1:]}.0" if row % 2 else f"\ufeff{name[1:]}" for row, name in enumerate(base.person)]
    (tmp_path / "people.csv").write_text(csv({"person": person, "gender": base.gender}))
    samples = read(npz, tmp_path / "people.csv")
    assert len(samples.people) == PEOPLE
    assert any("people are written in several forms of one text" in note for note in samples.notes)
