"""The benchmark of halving: what it makes of attacks whose strength is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.statistics.halving import STACK, People, Tried, chosen, halved, row, stacked

FOLDS, PEOPLE = 5, 600


@pytest.fixture
def people() -> People:
    rng = np.random.default_rng(0)
    fold = rng.permutation(np.arange(PEOPLE) % FOLDS)
    return People(rng.permutation(np.arange(PEOPLE) % 2), np.arange(PEOPLE), fold, (fold - 1) % FOLDS, 2)


def tried(people: People, shift: float, seed: int, seconds: float = 1.0) -> Tried:
    rng = np.random.default_rng(seed)
    said = []
    for _ in range(2):
        margin = rng.normal(size=PEOPLE) + shift * (people.labels - 0.5)
        odds = np.exp(np.stack([-margin, margin], axis=1))
        said.append(odds / odds.sum(axis=1, keepdims=True))
    return Tried(said[0], said[1], np.full(FOLDS, seconds))


def test_weak_attacks_go_and_their_time_is_saved(people: People) -> None:
    attacks = {"strong": tried(people, 3.0, 1), "next": tried(people, 2.5, 2), "weak": tried(people, 0.3, 3, 7.0)}
    assert halved(attacks, people) == {"strong": FOLDS, "next": FOLDS, "weak": 1}
    line, lost, share = row("a release", attacks, people)
    assert share == pytest.approx((5 + 5 + 7) / 45)
    assert abs(lost) < 0.02
    assert "| 3 | 2 |" in line


def test_the_stack_of_two_views_is_chosen_where_it_reads_more(people: People) -> None:
    attacks = {"one": tried(people, 1.5, 1), "other": tried(people, 1.5, 2)}
    name, reads = chosen(attacks, people)
    assert name == STACK
    alone = max(people.on_test(each).point["balanced_accuracy"] for each in attacks.values())
    assert reads > alone
    assert stacked(attacks, people).val.shape == (PEOPLE, 2)
