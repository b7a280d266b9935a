"""Numbers far from zero, and rows of zeros: the same figure, or a note."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiakit.datasets.duplicates import clusters_of_duplicates
from tests.audit.inputs.sixty import DIMENSIONS, ROWS, Audit, Base, Measured, read, save


def timestamps(embedding: np.ndarray) -> np.ndarray:
    return np.hstack([embedding, 1.7e9 + 3600.0 * np.arange(len(embedding))[:, None]])


MOVED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "5,000": lambda embedding: embedding + 5000,
    "100 million": lambda embedding: embedding + 1e8,
    "negative": lambda embedding: embedding - 12345,
    "one column": lambda embedding: embedding + 1e8 * (np.arange(DIMENSIONS) == 3),
    "very small": lambda embedding: embedding * 1e-60,
    "and a constant": lambda embedding: np.hstack([embedding, np.full((len(embedding), 1), 1.7e9)]),
    "constant in float32": lambda embedding: 1e6 + embedding * 1e-4,
    "float32": lambda embedding: (embedding + 5000).astype(np.float32),
}


@pytest.mark.parametrize("kind", MOVED)
def test_numbers_far_from_zero_tell_the_same(base: Base, tmp_path: Path, kind: str) -> None:
    moved = MOVED[kind](base.embedding)
    samples = read(save(tmp_path / "a.npz", moved, {"person": base.person, "gender": base.gender}))
    likeness = np.corrcoef(samples.values[:, :DIMENSIONS].T, base.embedding.T)[:DIMENSIONS, DIMENSIONS:]
    assert np.diag(likeness).min() > 0.99999
    assert len(np.unique(clusters_of_duplicates(samples.values))) == ROWS
    assert any(re.search("of [89] dimensions (lie far|have too)", note) for note in samples.notes)
    if kind == "and a constant":
        assert not samples.values[:, -1].any()


def test_an_audit_far_from_zero_finds_the_same(base: Base, audit: Audit, tmp_path: Path, right: Measured) -> None:
    found = audit(save(tmp_path / "a.npz", base.embedding + 5000, {"person": base.person, "gender": base.gender}))
    assert abs(found.leak - right.leak) < 0.02
    assert abs(found.auc - right.auc) < 0.02


def test_a_column_of_timestamps_links_nobody(base: Base) -> None:
    for values in (
        timestamps(base.embedding),
        timestamps(base.embedding).astype(np.float32),
        timestamps(base.embedding) - 1.7e9,
    ):
        assert len(np.unique(clusters_of_duplicates(values))) == ROWS
    doubled = timestamps(base.embedding)
    doubled[100] = doubled[3] + 1e-7
    assert len(np.unique(clusters_of_duplicates(doubled))) == ROWS - 1


def test_rows_of_zeros_are_nobody_s_unless_they_tell_something(base: Base, tmp_path: Path) -> None:
    gender = np.array(base.gender)
    of_both = np.sort([row for value in np.unique(gender) for row in np.flatnonzero(gender == value)[[0, 9]]])
    of_one = np.flatnonzero(gender == gender[0])[:4]
    for empty in (of_both, of_one):
        embedding = base.embedding.copy()
        embedding[empty] = 0
        for moved in (embedding, np.where(embedding == 0, 0, embedding + 5000)):
            samples = read(save(tmp_path / "a.npz", moved, {"person": base.person, "gender": base.gender}))
            left_out = np.flatnonzero(samples.identity < 0).tolist()
            (note,) = [note for note in samples.notes if "4 of 180 rows hold zeros only (no face was found?)" in note]
            if empty is of_both:
                assert note.endswith(f"and are left out: row {empty[0]} for one")
                assert (left_out, samples.absence) == (empty.tolist(), {})
            else:
                assert "stay, since they alone tell something (gender: 4.4% of " in note
                assert (left_out, samples.absence) == ([], {"gender": pytest.approx((1 + 4 / 90) / 2)})
        assert len(np.unique(clusters_of_duplicates(embedding))) == ROWS
