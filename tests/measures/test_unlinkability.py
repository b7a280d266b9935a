"""Unlinkability: what is known beforehand, closed forms, and simulated coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.searching import TooFew
from aiakit.measures.similarity import cosine
from aiakit.measures.unlinkability import LinkageStatistics, Linked, linkability, linkage_statistics


def measured(enrolled: Any, probes: Any, images: int = 1, draws: int = 200) -> LinkageStatistics:
    people = np.arange(len(enrolled))
    shown = np.repeat(people, images)
    linked = Linked(enrolled, people, probes, shown)
    return linkage_statistics(linked, IdentityBootstrap(shown, draws), np.random.default_rng(0))


def noisy(rng: np.random.Generator, people: int, noise: float) -> tuple[Any, Any]:
    """An image of each person in one release and in another: a point with noise."""
    centres = rng.normal(size=(people, 8))
    enrolled, probes = (centres + noise * rng.normal(size=centres.shape) for _ in range(2))
    return enrolled, probes


def test_local_linkability_follows_its_formula() -> None:
    mated, non_mated = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.1, 0.3, 0.6, 0.0])
    ratio = 5.0
    assert linkability(mated, non_mated).tolist() == pytest.approx([2 * ratio / (1 + ratio) - 1, 0, 0, 0])


def test_releases_that_are_the_identity_are_linked() -> None:
    found = measured(np.eye(200), np.repeat(np.eye(200), 2, axis=0), images=2)
    assert found.point["d_sys"] == 1
    low, high = found.ci95("d_sys")
    assert 0.97 < low < high == 1
    assert found.local[-1] == 1


@pytest.mark.parametrize("people", [20, 60, 200])
def test_independent_random_releases_are_not(people: int) -> None:
    held, points = 0, []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = measured(rng.normal(size=(people, 6)), rng.normal(size=(people, 6)), draws=1)
        low, high = found.ci95("d_sys")
        held += low <= 0 <= high
        points.append(found.point["d_sys"])
    assert held >= 36
    assert np.mean(points) < 0.02  # a histogram of 60 people alone would find some .1
    assert found.null[0] < 0.02 < found.null[1]


@pytest.mark.parametrize("noise", [0.7, 1.5])
def test_intervals_hold_what_a_histogram_of_very_many_says(noise: float) -> None:
    enrolled, probes = noisy(np.random.default_rng(1), 100_000, noise)
    mated, strangers = cosine(enrolled, probes), cosine(enrolled, np.roll(probes, 1, axis=0))
    edges = np.quantile(np.concatenate([mated, strangers]), np.linspace(0, 1, 101))
    shares = [np.histogram(scores, edges)[0] / len(scores) for scores in (mated, strangers)]
    truth = float(shares[0] @ linkability(*shares))
    found = [measured(*noisy(np.random.default_rng(seed), 200, noise), draws=1) for seed in range(2, 32)]
    assert sum(low <= truth <= high for low, high in (each.ci95("d_sys") for each in found)) >= 26
    assert np.mean([each.point["d_sys"] for each in found]) == pytest.approx(truth, abs=0.03)


def test_a_monotone_change_of_similarity_changes_nothing() -> None:
    """Bins go by the shares of strangers, so that scores which lie close together say as much."""
    enrolled, probes = noisy(np.random.default_rng(3), 200, 0.7)
    far = np.full((200, 1), 100.0)
    near = measured(np.hstack([enrolled, 0 * far]), np.hstack([probes, 0 * far]))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (enrolled, probes)]
    moved = measured(np.hstack([unit[0], far]), np.hstack([unit[1], far]))
    assert moved.point["d_sys"] == pytest.approx(near.point["d_sys"], abs=1e-6)


def test_too_few_people_say_nothing() -> None:
    with pytest.raises(TooFew, match="3 people are needed"):
        measured(np.eye(2), np.eye(2))
    linked = Linked(np.eye(3), np.arange(3), np.eye(3)[:0], np.arange(0))
    with pytest.raises(TooFew, match="nobody of test has two images"):
        linkage_statistics(linked, IdentityBootstrap(np.arange(3), 10), np.random.default_rng(0))


def test_the_document_says_what_the_figure_rests_on() -> None:
    found = measured(*noisy(np.random.default_rng(3), 40, 0.7)).as_json()
    assert found["counts"]["mated_people"] == 40
    assert found["caution"] == "too few people: 40, where 100 are needed"
    assert len(found["local"]["similarity"]) == len(found["local"]["d"]) + 1
