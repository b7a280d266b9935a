"""An attack's metrics with their uncertainty over people: what a result row says, and whether it says anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import entropy, norm

from aiakit.measures import metrics
from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, IntArray, Statistics, number
from aiakit.measures.deciding import Known
from aiakit.measures.influence import Samples
from aiakit.measures.intervals import effective, p_value
from aiakit.measures.ranking import Ranking
from aiakit.measures.units import Unit, sample_weights

LOW_FPR = 0.01
LEAST_EXCESS = 0.05  # of balanced accuracy on attacker-val over test: less is no sign that an attack learned from it
Folds = tuple[IntArray, IntArray]  # of the samples of attacker-val, and of test


@dataclass(frozen=True)
class AttackStatistics(Statistics):
    """What one attack reaches on test, each metric the mean over repeats.

    Metrics: balanced_accuracy, image_balanced_accuracy, auc, advantage, accuracy, majority, bits, and for two classes
    tpr_at_1pct_fpr. All but the second count as ``unit`` says.
    classes : K. val_balanced_accuracy, val_auc : the mean over repeats on attacker-val, for choosing between attacks.
    cross_fitted : whether attacker-val and test are the same people, in different folds.
    """

    classes: int
    val_balanced_accuracy: float
    val_auc: float
    cross_fitted: bool = False

    @property
    def on_val(self) -> tuple[float, float]:
        """What attacks are chosen by: balanced accuracy on attacker-val, of equals the area under the ROC curve.

        Attacker-val says nothing of an attack that has learned from it, so such a one is taken for what test says.
        """
        if self.learned_from_val:
            return self.point["balanced_accuracy"], self.point["auc"]
        return self.val_balanced_accuracy, self.val_auc

    @property
    def learned_from_val(self) -> bool:
        """Whether attacker-val is read so much better than test that the attack must have learned from it.

        Choosing epochs and hyper-parameters there is worth a point or two. Of cross-fitted scores both are of the same
        people, so that their difference deviates less than either: the width of test's 95 % interval is more than four
        of its standard deviations. On a single split attacker-val has half the people of test: half as much again is
        more than three.
        """
        low, high = self.people_ci95("balanced_accuracy")
        excess = self.val_balanced_accuracy - self.point["balanced_accuracy"]
        return excess > max(LEAST_EXCESS, (1 if self.cross_fitted else 1.5) * (high - low))

    def chance(self, metric: str) -> float:
        """What an attack that has learned nothing reaches in the long run."""
        return {"balanced_accuracy": 1 / self.classes, "auc": 0.5, "advantage": 0.0}[metric]

    def as_json(self) -> dict[str, Any]:
        """The metrics as JSON values; a metric that is not defined on these samples is null."""
        return {
            **{metric: number(value) for metric, value in self.point.items()},
            **self.certainty_as_json("balanced_accuracy"),
            "val_balanced_accuracy": number(self.val_balanced_accuracy),
            "per_seed": [number(value) for value in self.per_repeat["balanced_accuracy"]],
        }


def attack_statistics(
    val_proba: Sequence[NDArray[Any]],
    val_labels: NDArray[Any],
    test_proba: Sequence[NDArray[Any]],
    test_labels: NDArray[Any],
    bootstrap: IdentityBootstrap,
    classes: int,
    decide_on_val: bool = True,
    val_identity: NDArray[Any] | None = None,
    unit: Unit = "person",
    folds: Folds | None = None,
    spread: float = 1.0,
) -> AttackStatistics:
    """Every metric of an attack that was fitted R times (seeds), with its bootstrap draws.

    The decision and the calibration are fitted on attacker-val, once a repeat; of cross-fitted scores see ``deciding``.

    Parameters
    ----------
    val_proba : R arrays (V, K). val_labels : int (V,).
    test_proba : R arrays (N, K). test_labels : int (N,).
    bootstrap : made from the identity (N,) of the test samples.
    classes : K.
    val_identity : int (V,), who is shown; None: somebody else by every sample.
    unit : what counts once, in decisions and in figures: a person with all their images of a class, or an image.
    decide_on_val : False leaves the decisions to the attack as it stands (the most probable class): for a claim.
    folds : int (V,) and (N,), the fold of each sample of val and test; None on a single split.
    spread : how many times as wide intervals are as those of independent guesses, see ``spread_of_folds``.

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

    if val_identity is None:
        val_identity = np.arange(len(val_labels))
    on_val = sample_weights(val_identity, val_labels, unit)
    samples = Samples(labels, sample_weights(bootstrap.rows, labels, unit), bootstrap, classes)

    val_folds, test_folds = folds or (None, None)
    known, both = Known(val_labels, on_val, val_folds), list(zip(val_proba, test_proba, strict=True))
    if decide_on_val:
        predicted = [known.decide(val, test, test_folds) for val, test in both]
        val_predicted = [known.decide(val, val, val_folds) for val in val_proba]
    else:
        predicted, val_predicted = ([metrics.decide(proba, np.zeros(classes)) for proba in repeats]
                                    for repeats in (test_proba, val_proba))  # fmt: skip
    costs = [known.cost(val, test, labels, test_folds) for val, test in both]
    per_repeat, draws = _linear_metrics(samples, predicted, costs)
    correct = np.mean([guess == labels for guess in predicted], axis=0)
    estimates = samples.shares(correct, repeats)
    per_repeat["auc"] = [metrics.auc(proba, labels, samples.weights) for proba in test_proba]
    scores = [metrics.class_scores(proba) for proba in test_proba]
    estimates["auc"] = samples.area(scores, float(np.mean(per_repeat["auc"])))
    if classes == 2:
        curves = [_binary_curves(score[:, 1], labels == 1, samples) for score in scores]
        draws["auc"] = np.mean([curve[:, 0] for curve in curves], axis=0)
        draws["tpr_at_1pct_fpr"] = np.mean([curve[:, 1] for curve in curves], axis=0)
        per_repeat["tpr_at_1pct_fpr"] = [_tpr_at_low_fpr(score[:, 1], labels == 1, samples.weights) for score in scores]
    else:
        draws["auc"] = np.mean([_macro_auc(score, samples) for score in scores], axis=0)
    point = {metric: float(np.mean(values)) for metric, values in per_repeat.items()}
    return AttackStatistics(
        point=point,
        draws={metric: point[metric] + spread * (values - point[metric]) for metric, values in draws.items()},
        per_repeat=per_repeat,
        bootstrap_key=bootstrap.key,
        seeds=(),
        estimates={metric: estimate.widened(spread) for metric, estimate in estimates.items()},
        counts={
            "people": float(len(bootstrap.people)),
            "images": float(len(labels)),
            "errors": float((1 - correct).sum()),
            "effective_people": samples.effective_people(),
            "draws_left_out": float(np.count_nonzero(np.isnan(draws["balanced_accuracy"]))),
        },
        classes=classes,
        val_balanced_accuracy=float(
            np.mean([metrics.balanced_accuracy(val_labels, guess, classes, on_val) for guess in val_predicted])
        ),
        val_auc=float(np.mean([metrics.auc(proba, val_labels, on_val) for proba in val_proba])),
        cross_fitted=folds is not None,
    )


def _linear_metrics(
    samples: Samples, predicted: list[IntArray], costs: list[FloatArray]
) -> tuple[dict[str, list[float]], dict[str, FloatArray]]:
    """The metrics that are functions of weighted sums over samples: per repeat on the sample itself, and the draws."""
    bootstrap, classes, repeats = samples.bootstrap, samples.classes, len(predicted)
    images = np.eye(classes)[samples.labels]
    one_hot = images * samples.weights[:, None]
    right = [(guess == samples.labels)[:, None] for guess in predicted]
    spent = [cost[:, None] * samples.weights[:, None] for cost in costs]
    values = np.hstack([one_hot, *(one_hot * hit for hit in right), images, *(images * hit for hit in right), *spent])
    # the sample itself, with every weight 1, is the first row; the draws follow
    sums = np.concatenate([values.sum(axis=0, keepdims=True), bootstrap.sums(values, bootstrap.rows)])
    width = classes * (1 + repeats)
    counts, hits = sums[:, :classes], sums[:, classes:width].reshape(len(sums), repeats, classes)
    total = counts.sum(axis=1)
    balanced = _balanced(sums[:, :width], repeats, classes)
    tables = {
        "balanced_accuracy": balanced,
        "image_balanced_accuracy": _balanced(sums[:, width : 2 * width], repeats, classes),
        "advantage": metrics.advantage(balanced, classes),
        "accuracy": hits.sum(axis=2) / total[:, None],
        "majority": np.repeat((counts.max(axis=1) / total)[:, None], repeats, axis=1),
        "bits": np.maximum(0, entropy(counts, base=2, axis=1)[:, None] - sums[:, 2 * width :] / total[:, None]),
    }
    per_repeat = {metric: [float(value) for value in table[0]] for metric, table in tables.items()}
    return per_repeat, {metric: table[1:].mean(axis=1) for metric, table in tables.items()}


def _balanced(sums: FloatArray, repeats: int, classes: int) -> FloatArray:
    """(1 + B, R) mean recall over the classes that the sample (the first row) holds; NaN in a draw that lacks one."""
    counts, hits = sums[:, None, :classes], sums[:, classes:].reshape(len(sums), repeats, classes)
    held = counts[0, 0] > 0
    shape = hits[..., held].shape
    recall = np.divide(hits[..., held], counts[..., held], out=np.full(shape, np.nan), where=counts[..., held] > 0)
    return np.asarray(recall.mean(axis=2))


def _binary_curves(scores: FloatArray, positive: NDArray[np.bool_], samples: Samples) -> FloatArray:
    """(B, 2) AUC and true-positive rate at a low false-positive rate, under every draw."""
    ranking, bootstrap = Ranking(scores, positive), samples.bootstrap

    def weights(chunk: slice, chosen: IntArray) -> FloatArray:
        return bootstrap.weights(chunk, bootstrap.rows[chosen]) * samples.weights[chosen]

    def both(chunk: slice) -> FloatArray:
        curves = ranking.curves(weights(chunk, ranking.positives), weights(chunk, ranking.negatives))
        return np.stack([curves.auc(), curves.tpr_at_fpr(LOW_FPR)], axis=1)

    return bootstrap.map(len(scores), both)


def _tpr_at_low_fpr(scores: FloatArray, positive: NDArray[np.bool_], weights: FloatArray) -> float:
    ranking = Ranking(scores, positive)
    curve = ranking.curves(weights[None, ranking.positives], weights[None, ranking.negatives])
    return float(curve.tpr_at_fpr(LOW_FPR)[0])


def _macro_auc(scores: FloatArray, samples: Samples) -> FloatArray:
    """(B,) mean AUC of each class against the rest, over the classes that a draw holds."""
    columns = [_binary_curves(scores[:, k], samples.labels == k, samples)[:, 0] for k in range(scores.shape[1])]
    table = np.stack(columns, axis=1)
    defined = ~np.isnan(table)
    held = defined.sum(axis=1)
    total = np.where(defined, table, 0).sum(axis=1)
    return np.asarray(np.divide(total, held, out=np.full(len(table), np.nan), where=held > 0))


def chance_p_value(statistics: AttackStatistics, metric: str = "balanced_accuracy") -> float:
    """Two-sided p-value of "this attack is a guess": of what these seeds trained, over people.

    metric : balanced_accuracy, auc or advantage. 1 where it is not defined.
    """
    low, high = statistics.people_ci95(metric)
    found = p_value(statistics.point[metric], low, high, statistics.chance(metric))
    return 1.0 if np.isnan(found) else found


def exceeds_chance(statistics: AttackStatistics, metric: str = "balanced_accuracy", alpha: float = 0.05) -> bool:
    """Whether the attack is better than chance at the two-sided level ``alpha``. One that is not has shown no power."""
    better = statistics.point[metric] > statistics.chance(metric)
    return better and chance_p_value(statistics, metric) <= alpha


def smallest_detectable(
    labels: NDArray[Any],
    identity: NDArray[Any],
    classes: int,
    unit: Unit = "person",
    alpha: float = 0.05,
    power: float = 0.8,
    widened: float = 1.0,
) -> float:
    """The smallest true balanced accuracy that this test set would find better than chance.

    A two-sided test of level ``alpha`` finds it with probability ``power``, or more: all images of a person that show
    one class are taken to be read alike, so that each class rests on (Σw)²/Σw² effective people of weight w. 1.0 where
    even a perfect attack could not be told from chance. widened : of ``spread_of_folds``.
    """
    labels = metrics.checked_labels(labels, len(identity), classes)
    weights = sample_weights(identity, labels, unit)
    rows = np.unique(identity, return_inverse=True)[1]
    units = np.array([effective(np.bincount(rows, weights * (labels == k))) for k in range(classes)])
    units = units[units > 0]
    if len(units) < 2:
        raise ValueError("a test set of one class can show no leak of it")
    chance = 1 / len(units)
    # of balanced accuracy, in units of one guess's deviation
    spread = widened * np.sqrt((1 / units).sum()) / len(units)

    def shortfall(accuracy: float) -> float:
        under_null = norm.ppf(1 - alpha / 2) * spread * np.sqrt(chance * (1 - chance))
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
