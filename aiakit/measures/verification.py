"""How well scores tell pairs of one person from pairs of two, with uncertainty over people on both sides of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, IntArray, Statistics, number
from aiakit.measures.influence import PairsOfPeople, pair_weights
from aiakit.measures.metrics import best_threshold
from aiakit.measures.ranking import Ranking, WeightedCurves

FALSE_ACCEPTS = {"tar_at_far_1pct": 0.01, "tar_at_far_0_1pct": 0.001}
OPERATING_POINTS = {"fmr_1pct": 0.01, "fmr_0_1pct": 0.001}  # false-match rates that a threshold is set for on val
IMPOSTORS_PER_FALSE_ACCEPT = 10  # a rate is reported where at least so many false accepts are expected at it


class ScoredPairs(NamedTuple):
    """P pairs. scores : float (P,), higher = more similar. same : bool (P,). left, right : int (P,), who is shown."""

    scores: NDArray[Any]
    same: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]


@dataclass(frozen=True)
class Pairs:
    """P pairs, the genuine ones first. left, right : int64 (P,), image indices. same : bool (P,), one person or two."""

    left: IntArray
    right: IntArray
    same: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, rows: slice | NDArray[Any]) -> Pairs:
        """The same pairs, some of them."""
        return Pairs(self.left[rows], self.right[rows], self.same[rows])


@dataclass(frozen=True)
class VerificationStatistics(Statistics):
    """Means over repeats: accuracy, auc, eer, and what NaN stands for where there are too few impostors.

    tar_at_far_1pct, tar_at_far_0_1pct : at the threshold that has the rate on test.
    fnmr_at_fmr_1pct, fmr_at_fmr_1pct and these at 0_1pct : false non-matches and false matches on test at the threshold
    that was set for the rate on val, as whoever runs a system must (ISO/IEC 19795-1); ``counts`` has their numbers.
    """

    def as_json(self) -> dict[str, Any]:
        """The metrics as JSON values; a metric that is not defined on these pairs is null."""
        return {**{metric: number(value) for metric, value in self.point.items()}, **self.certainty_as_json("accuracy")}


def fit_threshold(scores: NDArray[Any], same: NDArray[Any], weights: FloatArray | None = None) -> float:
    """The score above which a pair counts as one person, chosen for balanced accuracy (see ``best_threshold``).

    weights : (P,), of the pairs; None: all alike.
    """
    scores, same = _checked(scores, same)
    weights = np.ones(len(same)) if weights is None else weights
    gain = np.where(same, weights / weights[same].sum(), -weights / weights[~same].sum()) / 2
    return -best_threshold(-scores, gain)


def threshold_for(scores: NDArray[Any], same: NDArray[Any], rate: float) -> float:
    """The lowest score above which at most ``rate`` of the impostors lie; NaN where they are too few to tell."""
    impostors = np.sort(np.asarray(scores, np.float64)[~np.asarray(same, np.bool_)])[::-1]
    allowed = int(rate * len(impostors) + 1e-9)
    return float(impostors[allowed]) if allowed >= IMPOSTORS_PER_FALSE_ACCEPT else float("nan")


def verification_statistics(
    val: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]],
    test: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]],
    bootstrap: IdentityBootstrap,
) -> VerificationStatistics:
    """Every verification metric of a verifier that was fitted R times, with its uncertainty over people.

    Accuracy is the mean of the share of genuine pairs accepted and of impostor pairs rejected, at the threshold chosen
    on val. The genuine pairs of a person count once together. A person drawn w times weighs theirs by w; an impostor
    pair weighs wᵢ·wⱼ.

    Parameters
    ----------
    val, test : R of ``ScoredPairs`` (scores, same, left identity, right identity); the same pairs in every repeat.
    bootstrap : made from the identities of the test images.

    Raises
    ------
    ValueError : no pair of a kind, non-finite scores, lengths that disagree, a person the bootstrap does not know.
    """
    if len(val) == 0 or len(val) != len(test):
        raise ValueError(f"{len(val)} repeats on val, but {len(test)} on test")
    first = ScoredPairs(*test[0])
    people = PairsOfPeople.of(_checked(first.scores, first.same)[1], first.left, first.right, bootstrap)
    parts, tables, errors = [], [], []
    for fitted_on, judged_on in zip(
        (ScoredPairs(*pairs) for pairs in val), (ScoredPairs(*p) for p in test), strict=True
    ):
        scores = _checked(judged_on.scores, people.same)[0]
        threshold = fit_threshold(fitted_on.scores, fitted_on.same, pair_weights(fitted_on.same, fitted_on.left))
        parts.append(people.parts(scores, threshold))
        levels = {name: threshold_for(*fitted_on[:2], rate) for name, rate in OPERATING_POINTS.items()}
        tables.append(_repeat(people, scores, threshold, levels, bootstrap))
        errors.append(_errors(people.same, scores, levels))
    per_repeat = {metric: [float(table[metric][0]) for table in tables] for metric in tables[0]}
    point = {metric: float(np.mean(values)) for metric, values in per_repeat.items()}
    return VerificationStatistics(
        point=point,
        draws={metric: np.mean([table[metric][1:] for table in tables], axis=0) for metric in tables[0]},
        per_repeat=per_repeat,
        bootstrap_key=bootstrap.key,
        seeds=(),
        estimates=people.estimates(point, parts),
        counts=people.counts(parts) | {name: float(np.mean([of[name] for of in errors])) for name in errors[0]},
    )


def _errors(same: NDArray[np.bool_], scores: FloatArray, levels: dict[str, float]) -> dict[str, float]:
    """How many false non-matches and false matches there are at each operating point that is known."""
    found = {}
    for name, level in levels.items():
        if not np.isnan(level):
            found[f"false_non_matches_at_{name}"] = float(np.count_nonzero(scores[same] <= level))
            found[f"false_matches_at_{name}"] = float(np.count_nonzero(scores[~same] > level))
    return found


def _repeat(
    people: PairsOfPeople, scores: FloatArray, threshold: float, levels: dict[str, float], bootstrap: IdentityBootstrap
) -> dict[str, FloatArray]:
    """metric → (1 + B,): the value on the pairs themselves, then under every draw."""
    ranking = Ranking(scores, people.same)
    genuine, left, right = (
        people.left[ranking.positives], people.left[ranking.negatives], people.right[ranking.negatives]
    )  # fmt: skip
    weights = people.weights[ranking.positives]
    accepted = scores[ranking.positives] > threshold
    set_for = {name: level for name, level in levels.items() if not np.isnan(level)}
    missed = [scores[ranking.positives] <= level for level in set_for.values()]
    upto = [int(np.count_nonzero(scores[ranking.negatives] <= level)) for level in (threshold, *set_for.values())]
    rates = {
        metric: rate for metric, rate in FALSE_ACCEPTS.items() if len(left) * rate >= IMPOSTORS_PER_FALSE_ACCEPT - 1e-9
    }

    def measure(genuine_weights: FloatArray, impostor_weights: IntArray) -> FloatArray:
        curves: WeightedCurves = ranking.curves(genuine_weights, impostor_weights)
        (rejected, _), *others = (curves.negatives_split(lowest) for lowest in upto)
        accuracy = (_share(genuine_weights, accepted) + rejected) / 2
        tars = [curves.tpr_at_fpr(rate) for rate in rates.values()]
        misses = [_share(genuine_weights, which) for which in missed]
        matches = [matched for _, matched in others]
        return np.stack([accuracy, curves.auc(), curves.eer(), *tars, *misses, *matches], axis=1)

    held = np.empty((2, next(bootstrap.chunks(len(scores))).stop, len(left)), np.int64)

    def draw(chunk: slice) -> FloatArray:
        impostor_weights = bootstrap.counts(chunk, left, held[0])
        impostor_weights *= bootstrap.counts(chunk, right, held[1])
        return measure(bootstrap.weights(chunk, genuine) * weights, impostor_weights)

    observed = measure(weights[None], np.ones((1, len(left)), np.int64))
    columns = np.concatenate([observed, bootstrap.map(len(scores), draw)]).T
    at = [f"{error}_at_{name}" for error in ("fnmr", "fmr") for name in set_for]
    table = dict(zip(["accuracy", "auc", "eer", *rates, *at], columns, strict=True))
    every = [*FALSE_ACCEPTS, *(f"{error}_at_{name}" for error in ("fnmr", "fmr") for name in OPERATING_POINTS)]
    return table | {metric: np.full(1 + bootstrap.draws, np.nan) for metric in every if metric not in table}


class Folds(NamedTuple):
    """Accuracy over folds, mean and standard error, and how many pairs are decided wrongly."""

    accuracy: float
    standard_error: float
    errors: int


def ten_fold_accuracy(scores: NDArray[Any], same: NDArray[Any], fold: NDArray[Any]) -> Folds:
    """Accuracy over folds, as the Labeled Faces in the Wild protocol prescribes.

    Each fold is judged by the threshold that is most accurate on all others. scores : float (P,). same : bool (P,).
    fold : int (P,), two or more distinct values, or ValueError.
    """
    scores, same = _checked(scores, same)
    folds: IntArray = np.unique(fold)
    if len(folds) < 2 or len(fold) != len(scores):
        raise ValueError("the protocol needs a fold for every pair, and at least two folds")
    right, errors = [], 0
    for held_out in folds:
        inside = fold == held_out
        accepted = scores[inside] > _most_accurate(scores[~inside], same[~inside])
        right.append(float((accepted == same[inside]).mean()))
        errors += int(np.count_nonzero(accepted != same[inside]))
    return Folds(float(np.mean(right)), float(np.std(right, ddof=1) / np.sqrt(len(right))), errors)


def _most_accurate(scores: FloatArray, same: NDArray[np.bool_]) -> float:
    """The threshold of most right answers, as the protocol has it; the middle one of those that are level."""
    values, place = np.unique(scores, return_inverse=True)
    lost = np.bincount(place, np.where(same, 1.0, -1.0), len(values))  # by a threshold at the value: accepted are above
    right = np.concatenate([[0.0], -np.cumsum(lost)])
    best = np.flatnonzero(right == right.max())
    between = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    return float(between[best[len(best) // 2]])


def _share(weights: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray:
    total = weights.sum(axis=1)
    return np.asarray(np.divide(weights @ chosen, total, out=np.full(len(total), np.nan), where=total > 0))


def _checked(scores: NDArray[Any], same: NDArray[Any]) -> tuple[FloatArray, NDArray[np.bool_]]:
    scores, same = np.asarray(scores, np.float64), np.asarray(same, np.bool_)
    if scores.ndim != 1 or scores.shape != same.shape:
        raise ValueError(f"one score and one truth a pair, got shapes {scores.shape} and {same.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("verification scores have non-finite values")
    if same.all() or not same.any():
        raise ValueError("verification needs pairs of one person and pairs of two people")
    return scores, same
