"""A release that a run has stored, exported and audited with the run's split, gives the run's row to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime, load_faces
from tests.conftest import Answer

COSTS = {"seconds", "fit_seconds", "release_seconds", "peak_mib", "params", "claimed", "gap", "gap_ci95", "slices"}


def export(run: Run, name: str, view: str, path: Path) -> None:
    """A release as a file of its owner's: what is released of every image, who is shown, and the run's split."""
    plan = make_plan(run.config)
    protocol = Protocol.read(run.store, plan.protocol.digest)
    faces = load_faces(run.config.dataset.model_dump(mode="json"), Runtime(run.folder / "cache"))
    cell = run.store.read(plan.releases[name, run.config.seeds[0]].digest)
    split = np.full(len(faces), "outside", dtype="U16")
    for part in ("defender-train", "defender-val", "attacker-train", "attacker-val", "test"):
        split[protocol.rows(part)] = part
    gender = faces.attributes["gender"]
    np.savez(
        path,
        release=np.asarray(cell.tensors("release")[view]),
        person=np.array(faces.people)[faces.identity],
        gender=np.array(gender.classes)[gender.values],
        split=split,
    )


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    attacks = {
        name: {key: value for key, value in found.items() if key != "power"}
        for name, found in row["attacks"].items()
        if name != "in-loop"
    }
    return {**{key: value for key, value in row.items() if key not in COSTS}, "attacks": attacks}


@pytest.mark.parametrize(
    ("defense", "view", "attacks", "more"),
    [
        (
            "leace",
            "embedding",
            "logreg,lda,stack",
            ("--attack-seeds", "2", "--permutations", "2", "--budgets", "6,10", "--pooled", "2"),
        ),
        ("blur", "image", "pixels", ()),
    ],
)
def test_an_exported_release_audited_gives_the_row_of_the_run(
    aiakit: Callable[..., Answer], tmp_path: Path, defense: str, view: str, attacks: str, more: tuple[str, ...]
) -> None:
    common = ("--attacks", attacks, "--pairs", "200", "--precision", "fp32", *more)
    ran = aiakit(
        "run", "--defense", defense, "--people", "60", "--images-per-person", "3", "--image-size", "16",
        "--no-reference", "--out", tmp_path, "--name", "run", "--json", *common,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    export(Run.open(tmp_path / "run"), defense, view, tmp_path / "release.npz")
    audited = aiakit(
        "audit", tmp_path / "release.npz", "--attribute", "gender", "--identity", "person", "--split", "split",
        "--score", "siamese", "--allow-overlap", "--out", tmp_path, "--name", "audit", "--json", *common,
    )  # fmt: skip
    assert audited.code == 0, audited.err
    (row,) = (row for row in ran.document["rows"] if row["release"] == defense)
    (again,) = audited.document["rows"]
    assert comparable(again) == {**comparable(row), "release": "release", "verdict": again["verdict"]}
    assert again["utility"]["random"]["accuracy"] is not None
    for cell in ("attacks", "utility"):
        assert again[cell], cell
