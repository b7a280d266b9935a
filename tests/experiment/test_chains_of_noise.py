"""Chains with stochastic stages: every draw goes through all stages, and no two stages draw the same noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aiakit.contracts import Context
from aiakit.experiment.plan import AttackKey, make_plan
from aiakit.experiment.run import Run
from aiakit.faces.protect import released, trained_stages
from aiakit.results.document import document_of_run
from tests.conftest import SHORT, TINY

DRAWS = 3
PLUGIN = '''"""A plugin."""
import numpy as np
from aiakit.contracts import EmbeddingDefense, Release


class {name}(EmbeddingDefense):
    """A step that learns nothing."""

    summary = "learns nothing"
    stochastic = {stochastic}

    def fit(self, train, val, ctx):
        return self

    def release(self, embedding, rng):
        return Release(embedding=({release}).astype(np.float32))

    def state_dict(self):
        return {{}}

    def load_state_dict(self, state):
        return self

'''
UNDONE = """
    def invert(self, embedding):
        return embedding / 4

    def accuracy_bound(self, draws=1):
        return 0.501
"""
CHAINS = ("jitter", "jitter+fourfold", "jitter+fourfold+shake", "leace+jitter", "leace+fourfold", "laplace-noise",
          "laplace-noise+fourfold")  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    from aiakit.cli.main import main

    out = tmp_path_factory.mktemp("chains")
    noise = "embedding + rng.standard_normal(embedding.shape)"
    steps = {"Jitter": (True, noise, ""), "Shake": (True, noise, ""), "Fourfold": (False, "4 * embedding", UNDONE)}
    plugins: list[str] = []
    for name, (stochastic, release, more) in steps.items():
        path = out / f"{name.lower()}.py"
        path.write_text(PLUGIN.format(name=name, stochastic=stochastic, release=release) + more)
        plugins += ["--plugin", str(path)]
    arguments = ["run", "--defense", ",".join(CHAINS), "--attacks", "lda,inverse", "--draws", str(DRAWS), *plugins]
    arguments += [*TINY, *SHORT, "--set", "laplace-noise.epsilon=1", "--no-utility", "--out", str(out), "--name", "run"]
    assert main(arguments) == 0
    return Run.open(out / "run")


def views_of(run: Run, release: str, view: str = "embedding") -> list[NDArray[Any]]:
    """All draws of a release, in order."""
    stored = run.store.read(make_plan(run.config).releases[release, 0].digest).tensors("release")
    names = [view, *(f"{view}.{draw}" for draw in range(1, DRAWS))]
    return [np.asarray(stored[name], np.float64) for name in names if name in stored]


def alike(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]))


def test_a_stage_after_noise_is_given_every_draw_of_it(run: Run) -> None:
    noisy, after = views_of(run, "jitter"), views_of(run, "jitter+fourfold")
    assert len(noisy) == len(after) == DRAWS
    assert all(np.array_equal(4 * before, made) for before, made in zip(noisy, after, strict=True))
    assert alike(after[0], after[1]) < 1
    undone = views_of(run, "jitter+fourfold", "inverted")
    assert all(np.array_equal(before, given) for before, given in zip(noisy, undone, strict=True))


def test_what_draws_nothing_is_released_once(run: Run) -> None:
    assert len(views_of(run, "leace+fourfold")) == 1
    assert len(views_of(run, "leace+jitter")) == DRAWS


def test_an_attack_reads_as_much_after_a_stage_that_changes_nothing(run: Run) -> None:
    attacks = make_plan(run.config).attacks
    before, after = (
        run.store.read(attacks[AttackKey(release, 0, "lda", 0)].digest).tensors("scores")["test"]
        for release in ("jitter", "jitter+fourfold")
    )
    assert np.allclose(before, after, atol=1e-4)


def test_two_stages_draw_independently(run: Run) -> None:
    first = views_of(run, "jitter+fourfold")
    second = [made - given for made, given in zip(views_of(run, "jitter+fourfold+shake"), first, strict=True)]
    base = views_of(run, "original")[0]
    for draw, given in enumerate(first):
        assert second[draw].std() == pytest.approx(1, abs=0.05)
        assert all(alike(given / 4 - base, noise) < 0.1 for noise in second)
    assert alike(second[0], second[1]) < 0.1


@pytest.mark.parametrize("release", ["jitter", "leace+jitter"])
def test_the_only_stage_that_draws_keeps_the_name_that_its_noise_always_had(run: Run, release: str) -> None:
    plan = make_plan(run.config)
    given = run.store.read(str(plan.releases[release, 0].inputs["base"])).tensors("release")["embedding"]
    for draw, made in enumerate(views_of(run, release)):
        noise = Context(0).rng("release", 0, draw).standard_normal((min(256, len(given)), given.shape[1]))
        assert np.array_equal(made[: len(noise)], (given[: len(noise)] + noise).astype(np.float32))


def test_the_bound_of_a_chain_is_for_all_of_its_draws(run: Run) -> None:
    bounds = {row["release"]: row["accuracy_bound"] for row in document_of_run(run)["rows"]}
    assert bounds["laplace-noise"] == pytest.approx(1 / (1 + np.exp(-DRAWS)))
    assert bounds["laplace-noise+fourfold"] == bounds["laplace-noise"], (
        "what a step proves of one value is not of three"
    )
    assert bounds["leace+fourfold"] == 0.501


def test_protecting_draws_anew_at_every_stage(run: Run) -> None:
    base = views_of(run, "original")[0].astype(np.float32)[:32]
    names = tuple(map(str, range(len(base))))
    _, *stages = trained_stages(run, run.chain("jitter+fourfold+shake"))
    (jittered,), (once,), (again,) = (
        released(stages[:number], base, names, seed) for number, seed in ((1, 1), (3, 1), (3, 2))
    )
    assert jittered.embedding is not None
    assert once.embedding is not None
    assert alike(jittered.embedding - base, once.embedding - 4 * jittered.embedding) < 0.1
    assert not np.array_equal(once.embedding, again.embedding)
