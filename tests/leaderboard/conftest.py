"""A small board made of arrays, and the entries of the small run."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from aiakit.contracts import Knowledge
from aiakit.experiment.config import PluginSpec, SplitSpec
from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.schema import AttackInfo, Computing, Entry, FileRef, ProtocolInfo
from aiakit.leaderboard.scores import statistics_row, truth_digest
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.writing import write_submission
from aiakit.results.document import measured

Make = Callable[..., Submission]


@pytest.fixture(scope="session")
def submitted(narrow_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run's entry, its release included. Not to be written to."""
    folder = tmp_path_factory.mktemp("entries")
    submit(Run.open(narrow_run), folder, with_release=True)
    return folder


@pytest.fixture
def entries(make: Make, tmp_path: Path) -> Path:
    """A folder of two made-up entries."""
    folder = tmp_path / "entries"
    folder.mkdir()
    for name, attacks in (("aia", {"in-loop": 0.5, "logreg": 0.9, "mlp": 0.8}), ("random", {"logreg": 0.5})):
        submission = make(name, attacks)
        write_submission(folder, submission.entry, submission.tensors)
    return folder


@pytest.fixture
def entry(entries: Path) -> Path:
    return entries / "aia.json"


def change(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit the JSON of an entry, and seal it again, as whoever forges one would."""
    content = json.loads(path.read_text())
    edit(content)
    with suppress(ValidationError):
        content = Entry.model_validate(content).sealed().model_dump(mode="json")
    path.write_text(json.dumps(content))


@pytest.fixture(scope="session")
def make() -> Make:
    """Submissions of made-up scores: 40 people with 3 images, attacks of given accuracy, a verifier of given skill."""
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(40), 3)
    labels = identity % 2
    truth: dict[str, Any] = {}
    for split in ("val", "test"):
        truth |= {f"{split}.labels": labels, f"{split}.identity": identity}
        left = rng.integers(0, 120, 400)
        genuine = np.arange(400) < 100
        person = identity[left]
        right = np.where(genuine, person * 3 + (left + 1) % 3, (left + 3 * rng.integers(1, 40, 400)) % 120)
        for side, values in (("left", left), ("right", right), ("same", identity[left] == identity[right])):
            truth[f"pairs.{split}.random.{side}"] = values

    def make_one(
        name: str, attacks: dict[str, float], skill: float = 2.0, stages: Any = None, **protocol: Any
    ) -> Submission:
        own = np.random.default_rng(1)
        tensors = dict(truth)
        infos = []
        for number, (attack, accuracy) in enumerate(attacks.items()):
            for split in ("val", "test"):
                right = np.random.default_rng(int(1000 * accuracy) + (split == "val")).random(40) < accuracy
                sure = np.where(right[identity], 0.8, 0.2)
                proba = np.stack([sure, 1 - sure], axis=1)
                tensors[f"attack.{number}.0.{split}"] = np.where(labels[:, None] == 1, proba[:, ::-1], proba)
            level: Knowledge = "in-loop" if attack == "in-loop" else "informed"
            infos.append(AttackInfo(name=attack, repeats=((0, 0),), knowledge=level))
        for split in ("val", "test"):
            same = tensors[f"pairs.{split}.random.same"]
            tensors[f"verifier.0.{split}.random"] = own.normal(size=len(same)) + skill * same
        info = ProtocolInfo(
            **{
                "dataset": "made-up", "data": "d", "attribute": "gender", "classes": ("female", "male"), "people": 40,
                "images": 120, "split": SplitSpec(), "pairs": None, "bootstrap_draws": 400, "bayes_ceiling": None,
                "truth": truth_digest(tensors), **protocol,
            }
        )  # fmt: skip
        computing = Computing(
            aiakit="0",
            framework="",
            libraries={},
            device="cpu",
            precision="fp32",
            seeds=(0,),
            attack_seeds=1,
            seconds=1,
        )
        entry = Entry(
            name=name,
            release=name,
            stages=stages or (PluginSpec(name=name),),
            protocol=info,
            computing=computing,
            attacks=tuple(infos),
            scores=FileRef(file="in-memory", sha256="0" * 64),
            figures={},
        )
        figures = measured(statistics_row(entry, tensors))
        return Submission(entry.model_copy(update={"figures": figures}), tensors, Path(f"{name}.json"))

    return make_one
