"""A certificate holds what every attacker could read, as often as it says, and is refused where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aiakit.measures.certificate import MOST_VALUES, certificate, values_of

Array = NDArray[Any]


def drawn(chances: Array, people: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Cells, labels and people with one to five images, which lie where the ``chances`` (C, k) of a class say."""
    labels = np.arange(people) % len(chances)
    identity = np.repeat(np.arange(people), rng.integers(1, 6, people))
    below = np.cumsum(chances, axis=1)[labels[identity], :-1]
    cells = (rng.random((len(identity), 1)) > below).sum(axis=1)
    return cells, labels[identity], identity


@pytest.mark.parametrize(
    "chances", [[[0.25] * 4, [0.4, 0.3, 0.2, 0.1]], [[1 / 3] * 3, [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]]
)
@pytest.mark.parametrize("people", [60, 600])
def test_it_holds_the_truth_more_often_than_it_says(chances: list[list[float]], people: int) -> None:
    law = np.array(chances)
    truth = law.max(axis=0).sum() / len(law)
    held = []
    for seed in range(200):
        found = certificate(*drawn(law, people, np.random.default_rng(seed)), len(law))
        assert found is not None
        held.append(found.bound >= truth)
    assert np.mean(held) >= 0.95


def test_two_classes_by_hand() -> None:
    """METHOD: ½ + TV/2, and ½·√((1/n₀ + 1/n₁)·ln(1/δ)/2) beyond it."""
    cells, labels, identity = np.array([0, 0, 1, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 1, 2, 3, 4])
    found = certificate(cells, labels, identity, 2)
    assert found is not None
    variation = abs(np.array([3 / 4, 1 / 4]) - np.array([1 / 3, 2 / 3])).sum() / 2
    assert found.plug_in == pytest.approx(0.5 + variation / 2)
    slack = np.sqrt((1 / 2 + 1 / 3) * np.log(20) / 2) / 2
    assert found.bound == pytest.approx(min(1, found.plug_in + slack))
    assert (found.values, found.people, found.level) == (2, (2, 3), 0.95)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 6))
def test_no_rule_reads_more_of_these_people_than_the_plug_in(seed: int, classes: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    cells, labels, identity = drawn(rng.dirichlet(np.ones(values), classes), 12 * classes, rng)
    found = certificate(cells, labels, identity, classes)
    assert found is not None
    rule = rng.integers(0, classes, values)  # cell → guess
    weights = 1 / np.bincount(identity)[identity]
    shown = [labels == code for code in range(classes)]
    recalls = [np.average(rule[cells[own]] == code, weights=weights[own]) for code, own in enumerate(shown)]
    assert np.mean(recalls) <= found.plug_in + 1e-9 <= found.bound + 1e-9


def test_images_of_nobody_known_do_not_count_and_a_class_without_people_has_none() -> None:
    cells, labels, identity = np.array([0, 1, 1, 0]), np.array([0, 1, -1, 1]), np.array([0, 1, 2, 3])
    found = certificate(cells, labels, identity, 2)
    assert found is not None
    assert found.people == (1, 2)
    assert certificate(cells, labels, identity, 3) is None


def test_values_are_counted_and_a_continuous_release_has_none() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((5, 8)).astype(np.float32)
    cells = rng.integers(0, 5, 100)
    found = values_of(centres[cells])
    assert found is not None
    assert len(np.unique(np.stack([found, cells]), axis=1).T) == 5
    pictures = np.zeros((100, 3, 4, 4), np.uint8)
    pictures[::2] = 255
    told = values_of(pictures)
    assert told is not None
    assert set(told) == {0, 1}
    assert values_of(rng.standard_normal((100, 8))) is None
    assert values_of(np.arange(10 * MOST_VALUES)) is None
