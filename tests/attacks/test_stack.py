"""The average of the other attacks."""

from __future__ import annotations

import numpy as np
import pytest

from aiakit.attacks.stack import Stack
from aiakit.contracts import Context, LabelledRelease, Release
from aiakit.measures.metrics import auc


def scores_of(*logits: np.ndarray) -> Release:
    """Log-probabilities of two classes by each attack, side by side."""
    columns = [column for each in logits for column in (-np.logaddexp(0, each), -np.logaddexp(0, -each))]
    return Release(np.stack(columns, axis=1))


def test_views_that_differ_are_averaged_and_what_knows_nothing_is_left_out() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(4_000) % 2
    signal = 2.0 * labels - 1
    first, second, sure = (signal + rng.normal(scale=2, size=4_000) for _ in range(3))
    # one attack is ten times as sure as it should be, one guesses
    release = scores_of(first, 10 * sure, second, 5 * rng.normal(size=4_000))
    known = LabelledRelease(release, labels, np.arange(4_000), ("a", "b"))
    stack = Stack().fit(known[:1_000], known[:1_000], Context())
    together = auc(stack.predict_proba(release[1_000:]), labels[1_000:])
    alone = [auc(np.exp(release.embedding[1_000:, k : k + 2]), labels[1_000:]) for k in (0, 2, 4)]
    assert together > max(alone) + 0.05
    weights = stack._shares * stack._factors * [1, 10, 1, 5]
    assert weights[3] < 0.1 * weights[:3].sum()
    assert weights[:3].min() > 0.2 * weights[:3].sum()


def test_three_classes_and_empty_releases() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(600) % 3
    logits = 2 * np.eye(3)[labels] + rng.normal(size=(600, 3))
    known = LabelledRelease(Release(np.hstack([logits, -logits])), labels, np.arange(600), ("a", "b", "c"))
    stack = Stack().fit(known, known, Context())
    assert auc(stack.predict_proba(known.release), labels) > 0.85
    assert stack.predict_proba(known.release[:0]).shape == (0, 3)


def test_one_class_teaches_nothing() -> None:
    known = LabelledRelease(scores_of(np.zeros(4)), np.zeros(4, np.int64), np.arange(4), ("a", "b"))
    with pytest.raises(ValueError, match="more than one class"):
        Stack().fit(known, known, Context())
