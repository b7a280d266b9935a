"""An attack's metrics with their uncertainty over people: what a result row says, and whether it says anything.

Also the one place to import the other inferences from: paired differences, simultaneous bounds, variance components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import entropy, norm

from aiakit.measures import metrics
from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, IntArray, Statistics, interval, number, numbers
from aiakit.measures.comparison import (
    Difference,
    MaxTBound,
    illusion_gap,
    max_t_bound,
    paired_difference,
    variance_components,
)
from aiakit.measures.pareto import hypervolume, hypervolume_draws, pareto_front
from aiakit.measures.ranking import Ranking

__all__ = [
    "AttackStatistics",
    "Difference",
    "IdentityBootstrap",
    "MaxTBound",
    "Statistics",
    "attack_statistics",
    "chance_p_value",
    "exceeds_chance",
    "hypervolume",
    "hypervolume_draws",
    "illusion_gap",
    "interval",
    "max_t_bound",
    "paired_difference",
    "pareto_front",
    "permute_by_identity",
    "smallest_detectable",
    "variance_components",
]

LOW_FPR = 0.01


@dataclass(frozen=True)
class AttackStatistics(Statistics):
    """What one attack reaches on test, each metric the mean over repeats.

    Metrics: balanced_accuracy, auc, advantage, accuracy, majority, bits, and for two classes tpr_at_1pct_fpr.
    classes : K. val_balanced_accuracy, val_auc : the mean over repeats on attacker-val, for choosing between attacks.
    """

    classes: int
    val_balanced_accuracy: float
    val_auc: float

    def chance(self, metric: str) -> float:
        """What an attack that has learned nothing reaches in the long run."""
        return {"balanced_accuracy": 1 / self.classes, "auc": 0.5, "advantage": 0.0}[metric]

    def as_json(self) -> dict[str, Any]:
        """The metrics as JSON values; a metric that is not defined on these samples is null."""
        document: dict[str, Any] = {metric: number(value) for metric, value in self.point.items()}
        document["ci95"] = numbers(self.ci95("balanced_accuracy"))
        document |= {f"{metric}_ci95": numbers(self.ci95(metric)) for metric in self.point}
        document["std_over_seeds"] = number(self.std_over_repeats("balanced_accuracy"))
        document["val_balanced_accuracy"] = number(self.val_balanced_accuracy)
        document["per_seed"] = [number(value) for value in self.per_repeat["balanced_accuracy"]]
        return document


def attack_statistics(
    val_proba: Sequence[NDArray[Any]],
    val_labels: NDArray[Any],
    test_proba: Sequence[NDArray[Any]],
    test_labels: NDArray[Any],
    bootstrap: IdentityBootstrap,
    classes: int,
    decide_on_val: bool = True,
) -> AttackStatistics:
    """Every metric of an attack that was fitted R times (seeds), with its bootstrap draws.

    The decision and the calibration are fitted on attacker-val, once a repeat.

    Parameters
    ----------
    val_proba : R arrays (V, K). val_labels : int (V,).
    test_proba : R arrays (N, K). test_labels : int (N,).
    bootstrap : made from the identity (N,) of the test samples.
    classes : K.
    decide_on_val : False leaves the decisions to the attack as it stands (the most probable class): for a claim.

    Raises
    ------
    ValueError : shapes that disagree, non-finite probabilities, labels out of range, a single class on val.
    """
    repeats = len(val_proba)
    if repeats == 0 or len(test_proba) != repeats:
        raise ValueError(f"{repeats} repeats on val, but {len(test_proba)} on test")
    if any(proba.ndim != 2 or proba.shape[1] != classes for proba in (*val_proba, *test_proba)):
        raise ValueError(f"every repeat's probabilities must have shape (N, {classes})")
    if any(len(proba) != len(bootstrap.rows) for proba in test_proba):
        raise ValueError(f"the bootstrap has {len(bootstrap.rows)} samples, a repeat on test has another number")
    val_labels = metrics.checked_labels(val_labels, len(val_proba[0]), classes)
    labels = metrics.checked_labels(test_labels, len(bootstrap.rows), classes)

    decisions = [metrics.fit_decision(proba, val_labels) if decide_on_val else np.zeros(classes) for proba in val_proba]
    predicted = [metrics.decide(proba, offsets) for proba, offsets in zip(test_proba, decisions, strict=True)]
    costs = [
        metrics.cross_entropy(metrics.fit_calibration(val, val_labels), test, labels)
        for val, test in zip(val_proba, test_proba, strict=True)
    ]
    per_repeat, draws = _linear_metrics(labels, predicted, costs, bootstrap, classes)
    per_repeat["auc"] = [metrics.auc(proba, labels) for proba in test_proba]
    scores = [metrics.class_scores(proba) for proba in test_proba]
    if classes == 2:
        curves = [_binary_curves(score[:, 1], labels == 1, bootstrap) for score in scores]
        draws["auc"] = np.mean([curve[:, 0] for curve in curves], axis=0)
        draws["tpr_at_1pct_fpr"] = np.mean([curve[:, 1] for curve in curves], axis=0)
        per_repeat["tpr_at_1pct_fpr"] = [_tpr_at_low_fpr(score[:, 1], labels == 1) for score in scores]
    else:
        draws["auc"] = np.mean([_macro_auc(score, labels, bootstrap) for score in scores], axis=0)
    val_predicted = [metrics.decide(proba, offsets) for proba, offsets in zip(val_proba, decisions, strict=True)]
    return AttackStatistics(
        point={metric: float(np.mean(values)) for metric, values in per_repeat.items()},
        draws=draws,
        per_repeat=per_repeat,
        bootstrap_key=bootstrap.key,
        classes=classes,
        val_balanced_accuracy=float(
            np.mean([metrics.balanced_accuracy(val_labels, guess, classes) for guess in val_predicted])
        ),
        val_auc=float(np.mean([metrics.auc(proba, val_labels) for proba in val_proba])),
    )


def _linear_metrics(
    labels: IntArray, predicted: list[IntArray], costs: list[FloatArray], bootstrap: IdentityBootstrap, classes: int
) -> tuple[dict[str, list[float]], dict[str, FloatArray]]:
    """The metrics that are functions of weighted sums over samples: per repeat on the sample itself, and the draws."""
    one_hot = np.eye(classes)[labels]
    correct = [one_hot * (guess == labels)[:, None] for guess in predicted]
    values = np.column_stack([one_hot, *correct, *costs])
    # the sample itself, with every weight 1, is the first row; the draws follow
    sums = np.concatenate([values.sum(axis=0, keepdims=True), bootstrap.sums(values, bootstrap.rows)])
    counts, rest = sums[:, :classes], sums[:, classes:]
    total = counts.sum(axis=1)
    hits = rest[:, : classes * len(predicted)].reshape(len(sums), len(predicted), classes)
    recall = np.divide(hits, counts[:, None], out=np.zeros_like(hits), where=counts[:, None] > 0)
    balanced = recall.sum(axis=2) / np.count_nonzero(counts, axis=1)[:, None]
    spent = rest[:, classes * len(predicted) :] / total[:, None]
    tables = {
        "balanced_accuracy": balanced,
        "advantage": metrics.advantage(balanced, classes),
        "accuracy": hits.sum(axis=2) / total[:, None],
        "majority": np.repeat((counts.max(axis=1) / total)[:, None], len(predicted), axis=1),
        "bits": np.maximum(0, entropy(counts, base=2, axis=1)[:, None] - spent),
    }
    per_repeat = {metric: [float(value) for value in table[0]] for metric, table in tables.items()}
    return per_repeat, {metric: table[1:].mean(axis=1) for metric, table in tables.items()}


def _binary_curves(scores: FloatArray, positive: NDArray[np.bool_], bootstrap: IdentityBootstrap) -> FloatArray:
    """(B, 2) AUC and true-positive rate at a low false-positive rate, under every draw."""
    ranking = Ranking(scores, positive)
    positives, negatives = bootstrap.rows[ranking.positives], bootstrap.rows[ranking.negatives]

    def both(chunk: slice) -> FloatArray:
        curves = ranking.curves(bootstrap.weights(chunk, positives), bootstrap.weights(chunk, negatives))
        return np.stack([curves.auc(), curves.tpr_at_fpr(LOW_FPR)], axis=1)

    return bootstrap.map(len(scores), both)


def _tpr_at_low_fpr(scores: FloatArray, positive: NDArray[np.bool_]) -> float:
    ranking = Ranking(scores, positive)
    curve = ranking.curves(np.ones((1, len(ranking.positives))), np.ones((1, len(ranking.negatives))))
    return float(curve.tpr_at_fpr(LOW_FPR)[0])


def _macro_auc(scores: FloatArray, labels: IntArray, bootstrap: IdentityBootstrap) -> FloatArray:
    """(B,) mean AUC of each class against the rest, over the classes that a draw holds."""
    columns = [_binary_curves(scores[:, k], labels == k, bootstrap)[:, 0] for k in range(scores.shape[1])]
    table = np.stack(columns, axis=1)
    defined = ~np.isnan(table)
    held = defined.sum(axis=1)
    total = np.where(defined, table, 0).sum(axis=1)
    return np.asarray(np.divide(total, held, out=np.full(len(table), np.nan), where=held > 0))


def chance_p_value(statistics: AttackStatistics, metric: str = "balanced_accuracy") -> float:
    """One-sided p-value of "this attack is no better than chance": the share of draws at or below chance.

    metric : balanced_accuracy, auc or advantage. Draws in which it is not defined count as chance.
    """
    draws = statistics.draws[metric]
    return float((1 + np.count_nonzero(~(draws > statistics.chance(metric) + 1e-12))) / (1 + len(draws)))


def exceeds_chance(statistics: AttackStatistics, metric: str = "balanced_accuracy", alpha: float = 0.05) -> bool:
    """Whether the attack is better than chance at level ``alpha``. One that is not has shown no power."""
    return chance_p_value(statistics, metric) <= alpha


def smallest_detectable(
    labels: NDArray[Any], identity: NDArray[Any], classes: int, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest true balanced accuracy that this test set would find better than chance.

    A one-sided test of level ``alpha`` finds it with probability ``power``. People are the units: many images of one
    person count once, and a person who shows several classes counts as a fraction of a unit in each. Normal
    approximation of the binomial; 1.0 where even a perfect attack could not be told from chance.
    """
    labels = metrics.checked_labels(labels, len(identity), classes)
    _, rows, images = np.unique(identity, return_inverse=True, return_counts=True)
    units = np.bincount(labels, weights=1 / images[rows], minlength=classes)
    units = units[units > 0]
    if len(units) < 2:
        raise ValueError("a test set of one class can show no leak of it")
    chance = 1 / len(units)
    spread = np.sqrt((1 / units).sum()) / len(units)  # of balanced accuracy, in units of one guess's deviation

    def shortfall(accuracy: float) -> float:
        under_null = norm.ppf(1 - alpha) * spread * np.sqrt(chance * (1 - chance))
        under_leak = norm.ppf(power) * spread * np.sqrt(accuracy * (1 - accuracy))
        return float(accuracy - chance - under_null - under_leak)

    return float(brentq(shortfall, chance, 1.0)) if shortfall(1.0) > 0 else 1.0


def permute_by_identity(labels: NDArray[Any], identity: NDArray[Any], rng: np.random.Generator) -> IntArray:
    """int64 (N,) labels exchanged between people: a null in which the release says nothing about the attribute.

    Every person is given the labels of one other drawn person (a permutation of people), in random order, repeated or
    cut to the number of their own images. Where the label is constant within a person this is the plain permutation of
    people's labels; where it varies, how labels vary within a person is kept.
    """
    labels = np.asarray(labels, np.int64)
    _, rows, images = np.unique(identity, return_inverse=True, return_counts=True)
    shuffled = rng.permutation(len(labels))
    by_person = shuffled[np.argsort(rows[shuffled], kind="stable")]
    start = np.cumsum(images) - images
    rank = np.empty(len(labels), np.int64)
    rank[by_person] = np.arange(len(labels)) - start[rows[by_person]]
    donor = rng.permutation(len(images))[rows]
    return np.asarray(labels[by_person[start[donor] + rank % images[donor]]], np.int64)
