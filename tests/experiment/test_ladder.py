"""The axes of the harness: knowledge, label budgets, pooled images, permuted labels, draws of a stochastic release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiakit.measures.pooling import groups_of, pooled_statistics
from aiakit.storage import tensorfile
from tests.conftest import SHORT, SHORT_AIA, TINY, Answer

Aiakit = Callable[..., Answer]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from aiakit.cli.main import main

    out = tmp_path_factory.mktemp("ladder")
    arguments = ["run", "--defense", "aia,random", "--attacks", "logreg", *TINY, *SHORT, *SHORT_AIA, "--no-utility"]
    arguments += ["--knowledge", "ignorant,lazy", "--budgets", "4,8", "--pooled", "2,3", "--draws", "2"]
    arguments += ["--permutations", "3"]
    assert main([*arguments, "--set", "random.latent=12", "--out", str(out), "--name", "run"]) == 0
    return out / "run"


def test_every_axis_is_in_the_document(everything: Path, aiakit: Aiakit) -> None:
    rows = {row["release"]: row for row in aiakit("show", everything, "--json").document["rows"]}
    aia = rows["aia"]
    assert {aia["level"], *aia["knowledge"]} == {"ignorant", "lazy", "informed"}
    assert [point["people"] for point in aia["budgets"]["logreg"]] == [4, 8]
    assert [point["images"] for point in aia["pooled"]] == [2, 3]
    assert aia["null"]["permutations"] == 3
    assert 0 < aia["null"]["p"] <= 1
    assert aia["simultaneous_upper"] >= aia["strongest"]["balanced_accuracy"]
    assert "logreg, ignorant" in rows["random"]["skipped"], "a latent of another size cannot be attacked ignorantly"


def test_informed_equals_ignorant_on_the_reference(everything: Path, aiakit: Aiakit) -> None:
    rows = {row["release"]: row for row in aiakit("show", everything, "--json").document["rows"]}
    original = rows["original"]
    levels = {**original["knowledge"], original["level"]: original["attacks"]}
    assert levels["ignorant"]["logreg"]["auc"] == levels["informed"]["logreg"]["auc"]


def test_stochastic_release_is_drawn_several_times(everything: Path) -> None:
    found = 0
    for cell in (everything / "cells").iterdir():
        record = json.loads((cell / "result.json").read_text())
        if record["inputs"]["kind"] == "release":
            tensors = tensorfile.load(cell / "release.safetensors")
            stochastic = record["inputs"]["defense"]["name"] == "random"
            assert ("embedding.1" in tensors) == stochastic
            if stochastic:
                found += 1
                assert not np.array_equal(tensors["embedding"], tensors["embedding.1"])
    assert found >= 1


def test_tables_show_the_axes(everything: Path, aiakit: Aiakit) -> None:
    out = aiakit("show", everything, "--verbose").out
    for words in ("Knowledge ladder", "Label budget", "Pooled attacker", "permuted between people", "skipped"):
        assert words in out


@pytest.mark.parametrize(
    ("option", "word"),
    [
        (("--knowledge", "lasy"), "lazy"),
        (("--budgets", "ten"), "ten"),
        (("--budgets", "5,100000"), "learn from"),
        (("--pooled", "0"), "--pooled"),
        (("--knowledge", "ignorant", "--no-reference"), "reference"),
        (("--draws", "0"), "--draws"),
    ],
)
def test_bad_axis(option: tuple[str, ...], word: str, aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit("run", "--defense", "aia", *TINY, *option, "--out", tmp_path / "runs")
    assert answer.code == 2
    assert word in answer.message
    assert not (tmp_path / "runs").exists()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), max_size=40), st.integers(1, 4))
def test_groups_hold_one_person_and_label(samples: list[tuple[int, int]], images: int) -> None:
    identity = np.array([person for person, _ in samples], dtype=np.int64)
    labels = np.array([label for _, label in samples], dtype=np.int64)
    groups = groups_of(labels, identity, images)
    assert len(np.unique(groups)) == groups.size, "no image is in two groups"
    for group in groups:
        assert len(set(identity[group])) == 1
        assert len(set(labels[group])) == 1
    expected = sum(samples.count(kind) // images for kind in set(samples))
    assert len(groups) == expected


def test_pooling_follows_the_closed_form() -> None:
    """Independent images of one person: pooling m of them multiplies the distance by √m (METHOD: ICC ρ = 0)."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    people, images, distance = 1500, 4, 1.0

    def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        identity = np.repeat(np.arange(people), images)
        labels = identity % 2
        x = rng.normal(distance * (labels - 0.5))
        p = 1 / (1 + np.exp(-distance * x))
        return np.stack([1 - p, p], axis=1), labels, identity

    (val, val_labels, val_identity), (test, labels, identity) = sample(), sample()
    pooled = pooled_statistics([val], (val_labels, val_identity), [test], (labels, identity), 4, 200, 2)
    assert pooled is not None
    assert pooled.point["balanced_accuracy"] == pytest.approx(norm.cdf(distance / 2 * np.sqrt(4)), abs=0.025)
