"""Query access: what a fitted defense releases for samples that an attacker makes up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.querying import COPIES, _moved, _pictures, known_apart
from aiakit.experiment.run import Run
from tests.conftest import SHORT, SHORT_AIA, Answer

Aiakit = Callable[..., Answer]
RUN = ("run", "--people", "80", "--images-per-person", "2", "--image-size", "16", "--precision", "fp32", "--jobs", "1",
       "--no-reference", "--no-utility", "--knowledge", "query,query+insider")  # fmt: skip
ASKED = [
    ("blur", "pixels", "image", ()),
    ("leace", "logreg", "embedding", SHORT),
    ("aia", "lda", "embedding", SHORT_AIA),
]


@pytest.mark.parametrize(("defense", "attack", "view", "options"), ASKED, ids=[asked[0] for asked in ASKED])
def test_every_attack_learns_from_what_was_made_up(
    aiakit: Aiakit, tmp_path: Path, defense: str, attack: str, view: str, options: tuple[str, ...]
) -> None:
    answer = aiakit(*RUN, "--defense", defense, "--attacks", attack, *options, "--out", tmp_path, "--json")
    assert answer.code == 0, answer.err
    (row,) = answer.document["rows"]
    assert {row["level"], *row["knowledge"]} == {"informed", "query", "insider+query"}
    run = Run.open(next(path for path in tmp_path.iterdir() if path.is_dir()))
    plan = make_plan(run.config)
    protocol = Protocol.read(run.store, plan.protocol.digest)
    made = run.store.read(plan.queries[defense, 0].digest).tensors("queries")
    released = run.store.read(plan.releases[defense, 0].digest).tensors("release")[view]
    assert made[view].shape == (len(made["of"]), *released.shape[1:])
    known = np.concatenate(known_apart(protocol))
    assert np.array_equal(np.sort(made["of"]), np.sort(np.repeat(known, COPIES)))
    assert not np.isin(protocol.rows("attacker-val", "test"), made["of"]).any(), (
        "nothing is made of whom he does not know"
    )
    assert not np.array_equal(made[view][::COPIES], released[made["of"][::COPIES]])


def test_rows_move_by_a_part_of_a_difference_within_somebody() -> None:
    rng = np.random.default_rng(0)
    source = rng.normal(size=(6, 3)).astype(np.float32)
    donors = np.array([[0, 1]])
    moved = _moved(source[[2, 3, 4]], source, donors, rng) - source[[2, 3, 4]]
    along = source[0] - source[1]
    share = moved @ along / (along @ along)
    assert np.allclose(moved, share[:, None] * along, atol=1e-6)
    assert (np.abs(share) <= 1).all()
    assert np.array_equal(_moved(source, source, np.empty((0, 2), np.int64), rng), source)


def test_pictures_stay_pictures_of_the_same_scene() -> None:
    rng = np.random.default_rng(0)
    picture = np.zeros((24, 24, 3), np.uint8)
    picture[8:16, 6:18] = 200
    made = _pictures(np.stack([picture] * 20), rng)
    assert made.dtype == np.uint8
    assert made.shape == (20, 24, 24, 3)
    assert len(np.unique(made.reshape(20, -1), axis=0)) == 20
    for each in made:
        assert int(each[12, 12, 0]) > int(each[0, 0, 0]) + 60
