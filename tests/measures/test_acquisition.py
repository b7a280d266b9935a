"""Failures to acquire: which rates count them, against a count by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aiakit.datasets.pairs import sample_pairs
from aiakit.measures.acquisition import acquisition, with_failures
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.verification import ScoredPairs, VerificationStatistics, threshold_for, verification_statistics

PEOPLE, IMAGES, LOWEST = 200, 4, -50.0


def scored(rng: np.random.Generator, failing: float) -> tuple[ScoredPairs, Any]:
    """Pairs of people with scores 3 apart, and whether each was compared: pictures fail independently."""
    identity = np.repeat(np.arange(PEOPLE), IMAGES)
    pairs = sample_pairs(identity, rng, 2000, 8000)
    acquired = rng.random(len(identity)) >= failing
    scores = rng.normal(3.0 * pairs.same)
    people = identity[pairs.left], identity[pairs.right]
    return ScoredPairs(scores, pairs.same, *people), acquired[pairs.left] & acquired[pairs.right]


def both(failing: float) -> tuple[VerificationStatistics, VerificationStatistics, Any]:
    rng = np.random.default_rng(3)
    bootstrap = IdentityBootstrap(np.arange(PEOPLE), 50)
    (val, val_known), (test, known) = scored(rng, failing), scored(rng, failing)
    lowest = [of._replace(scores=np.where(k, of.scores, LOWEST)) for of, k in ((val, val_known), (test, known))]
    kept = [ScoredPairs(*(part[k] for part in of)) for of, k in ((val, val_known), (test, known))]
    everything = verification_statistics([lowest[0]], [lowest[1]], bootstrap)
    compared = verification_statistics([kept[0]], [kept[1]], bootstrap)
    return with_failures(everything, [compared], bootstrap), everything, (lowest, kept)


def test_rates_of_the_matcher_are_of_compared_pairs_and_those_of_the_system_of_all() -> None:
    found, everything, (lowest, kept) = both(0.3)
    for pairs, error, other, at in ((kept, "fnmr", "fmr", "fmr_1pct"), (lowest, "frr", "far", "far_1pct")):
        level = threshold_for(pairs[0].scores, pairs[0].same, 0.01)
        test = pairs[1]
        per_person = [np.mean(test.scores[test.same & (test.left == who)] <= level)
                      for who in np.unique(test.left[test.same])]  # fmt: skip
        assert found.point[f"{error}_at_{at}"] == pytest.approx(np.mean(per_person))
        assert found.point[f"{other}_at_{at}"] == pytest.approx(np.mean(test.scores[~test.same] > level))
    # half of the pairs have a picture without a face: the system rejects them, the matcher never sees them
    assert found.point["frr_at_far_1pct"] > found.point["fnmr_at_fmr_1pct"] + 0.3
    assert found.point["accuracy"] == everything.point["accuracy"]
    assert found.counts["compared_genuine_pairs"] == kept[1].same.sum()
    assert found.counts["false_rejects_at_far_1pct"] > found.counts["false_non_matches_at_fmr_1pct"]
    low, high = found.ci95("fnmr_at_fmr_1pct")
    assert low <= found.point["fnmr_at_fmr_1pct"] <= high


def test_both_families_agree_where_every_face_is_found() -> None:
    found, *_ = both(0.0)
    assert found.point["frr_at_far_1pct"] == found.point["fnmr_at_fmr_1pct"]
    assert found.point["far_at_far_0_1pct"] == pytest.approx(found.point["fmr_at_fmr_0_1pct"], nan_ok=True)


def test_without_a_comparison_the_matcher_has_no_rates() -> None:
    _, everything, _ = both(0.3)
    found = with_failures(everything, [None], IdentityBootstrap(np.arange(PEOPLE), 50))
    assert found.as_json()["fnmr_at_fmr_1pct"] is None
    assert found.as_json()["frr_at_far_1pct"] is not None
    assert found.counts["compared_genuine_pairs"] == 0


def test_the_rate_is_over_people() -> None:
    """One person of ten has nine pictures without a face: a tenth of the people, and half of the pictures."""
    identity = np.concatenate([np.zeros(9, int), np.arange(1, 10)])
    found = acquisition([identity > 0], identity)
    assert found.rate.point == pytest.approx(0.1)
    assert (found.pictures, found.people, found.failures) == (18, 10, 9)
    assert 0 < found.rate.low < 0.1 < found.rate.high < 0.7


def test_none_failing_among_many_leaves_an_interval() -> None:
    found = acquisition([np.ones(100, bool)], np.arange(100))
    assert found.rate.low == 0
    assert 0.02 < found.rate.high < 0.06
