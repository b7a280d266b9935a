"""Audits of made-up embeddings, by the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.conftest import Answer

Aiakit = Callable[..., Answer]


def write_audit(path: Path, strength: float, people: int = 60, prefix: str = "p") -> Path:
    """A file of embeddings of the same people, whose first dimension tells gender by so much."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(people), 3)
    gender = rows % 2
    embedding = rng.normal(size=(people, 8))[rows] + 0.1 * rng.normal(size=(len(rows), 8))
    embedding[:, 0] += strength * gender
    names = np.array([f"{prefix}{row:02d}" for row in rows])
    np.savez(path, e=embedding.astype(np.float32), person=names, gender=np.array(["female", "male"])[gender])
    return path


def audit(aiakit: Aiakit, path: Path, *more: str | Path) -> Path:
    """The folder of an audit of a file."""
    folder = path.parent / f"audit-{path.stem}"
    options = ("--attribute", "gender", "--attacks", "logreg,lda", "--jobs", "1", "--folds", "3", "--pairs", "600")
    answer = aiakit("audit", path, *options, *more, "--out", folder.parent, "--name", folder.name)
    assert answer.code == 0, answer.err
    return folder
