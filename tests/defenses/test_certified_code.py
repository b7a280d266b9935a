"""The code takes few values, and a run bounds what any attacker can read of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from aiakit.contracts import Context, Embeddings
from aiakit.plugins import registry
from aiakit.plugins.mock import people
from tests.conftest import Answer


def embeddings(count: int, seed: int) -> Embeddings:
    """People with four images in 16 dimensions, one of which tells their class."""
    rng = np.random.default_rng(seed)
    who = people(count, 4, rng)
    x = rng.standard_normal((count, 16))[who.identity] + 0.3 * rng.standard_normal((len(who.labels), 16))
    x[:, 0] += 4 * who.labels
    return Embeddings(x.astype(np.float32), who.labels, who.identity, ("a", "b"))


def test_it_takes_so_many_values_and_tells_people_apart_better_than_classes() -> None:
    train, test = embeddings(300, 0), embeddings(300, 1)
    code = registry.make("defense", "certified-code", {"values": 16, "latent": 6}).fit(train, train, Context())
    released = code.release(test.embedding, np.random.default_rng(0)).embedding
    values, cells = np.unique(released, axis=0, return_inverse=True)
    assert 2 <= len(values) <= 16
    assert {tuple(row) for row in values} <= {tuple(row) for row in code.centres_}
    by_person = cells[np.argsort(test.identity, kind="stable")].reshape(-1, 4)
    first, second = by_person[:, 0], by_person[:, 1]
    assert np.mean(first == second) > 3 * np.mean(first == np.roll(second, 1)), "one person, one cell"


def test_a_run_certifies_codes_and_no_attack_exceeds_the_bound(aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    made = embeddings(400, 2)
    np.savez(tmp_path / "e.npz", e=made.embedding)
    rows = [f"{who},{'ab'[label]}" for who, label in zip(made.identity, made.labels, strict=True)]
    (tmp_path / "l.csv").write_text("\n".join(["person,kind", *rows]))
    answer = aiakit(
        "run", "--dataset", "table", "--data-root", tmp_path / "e.npz", "--labels", tmp_path / "l.csv", "--identity",
        "person", "--attribute", "kind", "--defense", "original,certified-code,fare",
        "--set", "certified-code.values=8", "--set", "fare.cells=8",
        "--attacks", "logreg,qda,knn,stack", "--folds", "3", "--knowledge", "insider", "--pairs", "1000",
        "--jobs", "1", "--no-forecast", "--out", tmp_path, "--name", "run", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    undefended, *codes = answer.document["rows"]
    assert undefended["certificate"] is None, "its rows are all different"
    assert [code["release"] for code in codes] == ["certified-code", "fare"]
    for code in codes:
        certificate = code["certificate"]
        assert certificate["values"] <= 8
        assert sum(certificate["people"]) == 200, "everybody but the defender's"
        assert certificate["plug_in"] < certificate["bound"] < undefended["strongest"]["balanced_accuracy"]
        assert all(attack["balanced_accuracy"] <= certificate["bound"] for attack in code["attacks"].values())
    shown = aiakit("show", tmp_path / "run", "--verbose").out
    assert "no attack whatsoever exceeds" in " ".join(shown.split())
