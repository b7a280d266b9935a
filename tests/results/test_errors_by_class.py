"""Verification errors by class: against their closed forms, and counted by people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from aiakit.datasets.pairs import IMPOSTOR_KINDS, sample_pairs
from aiakit.results.errors_by_class import errors_by_class
from aiakit.results.judge import Truth

PEOPLE, IMAGES = 600, 5


@pytest.fixture(scope="module")
def world() -> tuple[Truth, dict[str, list[dict[str, Any]]]]:
    """Genuine pairs lie 3 above impostors of other classes; impostors of class 1 resemble each other by 1."""
    rng = np.random.default_rng(4)
    identity = np.repeat(np.arange(PEOPLE), IMAGES)
    labels = identity % 2
    pairs: dict[str, dict[str, Any]] = {}
    similarities: dict[str, list[dict[str, Any]]] = {}
    for kind in IMPOSTOR_KINDS:
        same_attribute = kind == "same_attribute"
        pairs[kind] = {
            split: sample_pairs(identity, rng, 5000, 20_000, attribute=labels, same_attribute=same_attribute)
            for split in ("val", "test")
        }
        similarities[kind] = [{}, {}]
        for table in similarities[kind]:
            for split, drawn in pairs[kind].items():
                one = (labels[drawn.left] == 1) & (labels[drawn.right] == 1)
                table[split] = rng.normal(np.where(drawn.same, 3.0, 1.0 * one))
    both: Any = {"val": labels, "test": labels}
    return Truth(both, {"val": identity, "test": identity}, 2, pairs), similarities


def test_rates_follow_their_closed_forms(world: Any) -> None:
    truth, similarities = world
    found = errors_by_class(truth, similarities)
    assert set(found) == {"accuracy", "fmr_1pct", "fmr_0_1pct"}
    # a quarter of random impostors are two people of class 1
    levels = np.linspace(0, 6, 60_001)
    level = float(levels[np.argmin(np.abs(0.75 * norm.sf(levels) + 0.25 * norm.sf(levels - 1) - 0.01))])
    for code, shift in ((0, 0.0), (1, 1.0)):
        errors = found["fmr_1pct"][code]
        assert errors.false_non_match is not None
        assert errors.false_match is not None
        assert errors.false_non_match.rate.point == pytest.approx(norm.cdf(level - 3), abs=0.03)
        assert errors.false_match.rate.point == pytest.approx(norm.sf(level - shift), abs=0.006)
        assert errors.false_match.rate.low < norm.sf(level - shift) + 0.003
        assert errors.false_match.errors == pytest.approx(errors.false_match.rate.point * errors.false_match.pairs)
        assert errors.false_non_match.people == PEOPLE // 2
        assert errors.false_match.few is (errors.false_match.errors < 30)
    pairs = [found["fmr_1pct"][code].false_match for code in (0, 1)]
    assert sum(each.pairs for each in pairs if each is not None) == 20_000


def test_a_person_with_many_pairs_counts_once(world: Any) -> None:
    """Everybody of class 0 is recognised but one, who gives most of the genuine pairs."""
    truth, similarities = world
    drawn = truth.pairs["random"]["test"]
    identity = truth.identity["test"]
    first = identity[drawn.left] == 0
    test = np.where(drawn.same, np.where(first, -9.0, 9.0), -1.0)
    rows = np.flatnonzero(drawn.same & first)
    repeated = np.concatenate([np.arange(len(drawn)), np.repeat(rows, 500)])
    pairs = {**truth.pairs, "random": {**truth.pairs["random"], "test": drawn[repeated]}}
    tables = [{**table, "test": test[repeated]} for table in similarities["random"]]
    found = errors_by_class(
        Truth(truth.labels, truth.identity, 2, pairs), {**similarities, "random": tables}
    )["accuracy"][0].false_non_match  # fmt: skip
    assert found is not None
    assert found.rate.point == pytest.approx(1 / (PEOPLE // 2))
    assert found.errors == 501 * len(rows) > 30
    assert found.rate.low <= found.rate.point <= found.rate.high


def test_without_pairs_there_are_none(world: Any) -> None:
    truth, similarities = world
    assert errors_by_class(truth, {}) == {}
    everybody = {split: np.zeros(PEOPLE * IMAGES, np.int64) for split in ("val", "test")}
    found = errors_by_class(Truth(everybody, truth.identity, 2, truth.pairs), similarities)
    assert found["accuracy"][1].as_json() == {"false_non_match": None, "false_match": None}
