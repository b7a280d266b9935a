"""The 60 people as files, what an audit says of a file of theirs, and what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audit.inputs.sixty import DIMENSIONS, EACH, PEOPLE, ROWS, Audit, Base, Measured, csv


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
            document["notes"], row["attacks"]["logreg"].get("power"),
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


@pytest.fixture
def right(audit: Audit, npz: Path, people: Path) -> Measured:
    """What is right of the base."""
    found: Measured = audit(npz, "--labels", people)
    assert 0.8 < found.leak < 1
    assert (found.people, found.images) == (PEOPLE, ROWS)
    return found
