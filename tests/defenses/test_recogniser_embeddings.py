"""Published facts on a real recogniser's embeddings of LFW; skipped where AIAKIT_DATA does not say where they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from aiakit.contracts import Embeddings
from aiakit.datasets.pairs import sample_pairs

DATA = os.environ.get("AIAKIT_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="AIAKIT_DATA is not set")


@pytest.fixture(scope="module")
def splits() -> list[Embeddings]:
    """Defender, attacker and test people: 50, 25 and 25 % of them."""
    folder = Path(str(DATA))
    with np.load(folder / "lfw_dlib128.npz", allow_pickle=False) as stored:
        embedding, files = stored["e"], [name.rpartition("/")[2] for name in stored["f"].tolist()]
    female, male = (
        {line.strip() for line in (folder / "lfw" / f"{gender}_names.txt").read_text().splitlines()}
        for gender in ("female", "male")
    )
    known = np.array([(name in female) != (name in male) for name in files])
    labels = np.array([int(name in male) for name in files])
    _, identity = np.unique([name.rpartition("_")[0] for name in files], return_inverse=True)
    order = np.random.default_rng(0).permutation(identity.max() + 1)
    parts = np.split(order, [len(order) // 2, 3 * len(order) // 4])
    rows = [np.flatnonzero(known & np.isin(identity, part)) for part in parts]
    return [Embeddings(embedding[r], labels[r], identity[r], ("female", "male")) for r in rows]


def attack(
    model: Any,
    released: Callable[..., Any],
    train: Embeddings,
    test: Embeddings,
    accuracy: Callable[..., float],
    most: int | None = None,
) -> float:
    x, x_test = released(train), released(test)
    scaler = StandardScaler().fit(x)
    return accuracy(model, scaler.transform(x)[:most], train.labels[:most], scaler.transform(x_test), test.labels)


def test_leace_blinds_linear_attackers_of_a_recogniser_and_not_a_kernel(
    splits: list[Embeddings], fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    defender, attacker, test = splits
    leace = fitted("leace", defender)

    def publish(of: Embeddings) -> Any:
        return released(leace, of)

    linear = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
    assert attack(linear, lambda of: of.embedding, attacker, test, accuracy) > 0.95
    assert attack(linear, publish, defender, defender, accuracy) < 0.52
    assert attack(linear, publish, attacker, test, accuracy) < 0.66
    assert attack(SVC(class_weight="balanced"), publish, attacker, test, accuracy, most=2000) > 0.8


def test_shuffled_blocks_still_tell_the_gender(
    splits: list[Embeddings], fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    defender, attacker, test = splits
    miu = fitted("pe-miu", defender)
    found = attack(SVC(class_weight="balanced"), lambda of: released(miu, of), attacker, test, accuracy, most=2000)
    assert found > 0.7


def test_transport_in_the_identity_subspace_hides_gender_from_a_kernel_and_people_are_still_told_apart(
    splits: list[Embeddings], fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    defender, attacker, test = splits
    quadratic = QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.1)
    found = []
    for evenness in (0.0, 1.0):
        defense = fitted("identity-transport", defender, latent=32, evenness=evenness)
        publish = partial(released, defense)
        found.append(attack(quadratic, publish, attacker, test, accuracy))
    assert found[0] > 0.65
    assert found[1] < 0.62
    assert attack(SVC(class_weight="balanced"), publish, attacker, test, accuracy, most=3000) < 0.68
    z = released(defense, test)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    pairs = sample_pairs(test.identity, np.random.default_rng(0), 3000, 3000, test.labels, same_attribute=True)
    assert roc_auc_score(pairs.same, (z[pairs.left] * z[pairs.right]).sum(1)) > 0.97
