"""The populations that intervals are judged by have the truth that is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from aiakit.measures import metrics
from benchmarks.statistics.coverage import Tally, attack_trials, verification_trials
from benchmarks.statistics.coverage_of_risks import row, trained_row
from benchmarks.statistics.population import Cell, Matcher, Probes


@pytest.mark.parametrize("counts", ["even", "lfw"])
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_attacks_reach_what_the_population_says(counts: str, share: float) -> None:
    probes = Probes(Cell(60_000, counts, 0.69, share), (0.69, 0.6))
    test = probes.draw(np.random.default_rng(0))
    for attack in (0, 1):
        predicted = metrics.decide(
            test.proba[attack], metrics.fit_decision(probes.val.proba[attack], probes.val.labels)
        )
        truth = probes.truth(attack)
        assert balanced_accuracy_score(test.labels, predicted) == pytest.approx(truth["balanced_accuracy"], abs=0.03)
        assert roc_auc_score(test.labels, test.proba[attack][:, 1]) == pytest.approx(truth["auc"], abs=0.03)


def test_verification_reaches_what_the_population_says() -> None:
    matcher = Matcher.of(Cell(3000, "even", 0.9))
    assert matcher.truth["auc"] == pytest.approx(0.9, abs=0.001)
    _, pairs = matcher.draw(np.random.default_rng(0))
    assert roc_auc_score(pairs.same, pairs.scores) == pytest.approx(0.9, abs=0.01)
    accepted = pairs.scores > matcher.threshold
    accuracy = (accepted[pairs.same].mean() + (~accepted[~pairs.same]).mean()) / 2
    assert accuracy == pytest.approx(matcher.accuracy(), abs=0.01)


def test_a_tally_counts_intervals_that_hold_the_truth() -> None:
    trials = iter([{"m": (0.5, (0.4, 0.6))}, {"m": (0.5, (0.6, 0.7))}, {"m": (0.5, (float("nan"), float("nan")))}])
    tally = Tally(trials, 3)
    assert tally.coverage["m"] == pytest.approx(1 / 3)
    assert tally.width["m"] == pytest.approx(0.15)


@pytest.mark.parametrize("trials", [attack_trials, verification_trials])
def test_trials_measure_with_the_product(trials: Any) -> None:
    cell = Cell(60, "even", 0.9)
    tally = Tally(trials(cell, np.random.default_rng(0)), 10)
    assert min(tally.coverage.values()) >= 0.6
    assert all(0 < width < 0.6 for width in tally.width.values())


def test_intervals_of_risks_are_measured_with_the_product() -> None:
    people, noise, *of_identity, truth, mean, linked = row(60, 0.7, 10)
    assert (people, noise) == (60, 0.7)
    assert all(int(said.split(": ")[1].split(" ")[0]) >= 60 for said in of_identity)
    assert float(mean) == pytest.approx(float(truth), abs=0.15)
    assert int(linked.split(" ")[0]) >= 50


def test_intervals_of_what_was_learned_are_measured_with_the_product() -> None:
    people, noise, truth, *said = trained_row(100, 0.3, 5)
    assert (people, noise) == (100, 0.3)
    assert float(truth) > 0.8  # two rotations, which a cosine alone does not link
    assert len(said) == 4
    assert all(int(each.split(": ")[-1].split(" ")[0]) >= 40 for each in said)
