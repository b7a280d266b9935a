"""How far each person moves a figure of images, or of pairs of images: what its interval over people is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.intervals import (
    CONFIDENCE,
    Estimate,
    FloatArray,
    IntArray,
    effective,
    logit_estimate,
    mean_estimate,
    share_estimate,
)
from aiakit.measures.ranking import Ranking, placements

UNSEEN = 0.5  # of a person: few people have genuine pairs, and one whose images are all unlike decides an EER of 1 %
EXTREME = 0.9  # no density is looked for among impostors above this false match rate


def mean_influence(
    values: FloatArray, weights: FloatArray, left: IntArray, right: IntArray | None, count: int
) -> tuple[FloatArray, float]:
    """(count,) influences of people on the weighted mean of ``values`` (N,), and the effective people.

    left, right : (N,), positions of who is shown, among ``count`` people; right is None where it is one person. A pair
    of two people is both theirs, and counts as half of either among the effective people.
    """
    total = weights.sum()
    deviations = weights * (values - weights @ values / total) / total
    given = np.bincount(left, weights, count)
    found: FloatArray = np.bincount(left, deviations, count).astype(np.float64)
    if right is not None:
        return found + np.bincount(right, deviations, count), effective(given + np.bincount(right, weights, count)) / 2
    people = int(np.count_nonzero(given))
    return found * float(np.sqrt(people / max(people - 1, 1))), effective(given)  # a variance divides by n − 1


def people_share(
    values: FloatArray,
    weights: FloatArray,
    left: IntArray,
    right: IntArray | None,
    count: int,
    repeats: int,
    few_decide: bool = False,
) -> Estimate:
    """The weighted mean of ``values`` in [0, 1], each the mean over so many repeats; see ``mean_influence``."""
    influence, people = mean_influence(values, weights, left, right, count)
    value = float(weights @ values / weights.sum())
    return share_estimate(value, influence, people, float(repeats * np.count_nonzero(weights)), few_decide)


def people_mean(values: FloatArray, weights: FloatArray, people: IntArray, count: int) -> Estimate:
    """The weighted mean of numbers of either sign, (N,), by Student's interval; see ``mean_influence``."""
    influence, effectively = mean_influence(values, weights, people, None, count)
    value = float(weights @ values / weights.sum())
    half = float(t.ppf((1 + CONFIDENCE) / 2, max(effectively - 1, 1)) * np.sqrt((influence**2).sum()))
    return Estimate(value, value - half, value + half, influence, effectively)


@dataclass(frozen=True)
class Samples:
    """Images of people. labels : int (N,). weights : (N,), what each image counts. classes : K.

    bootstrap : who is shown.
    """

    labels: IntArray
    weights: FloatArray
    bootstrap: IdentityBootstrap
    classes: int

    def _share(self, correct: FloatArray, weights: FloatArray, repeats: int) -> Estimate:
        return people_share(correct, weights, self.bootstrap.rows, None, len(self.bootstrap.people), repeats)

    def _recalls(self, correct: FloatArray, weights: FloatArray, repeats: int) -> list[Estimate]:
        """The share of right answers in each class that occurs."""
        return [self._share(correct, weights * (self.labels == k), repeats) for k in np.unique(self.labels)]

    def shares(self, correct: FloatArray, repeats: int) -> dict[str, Estimate]:
        """The metrics that are made of shares of right answers, (N,), each the mean over so many repeats."""
        images = np.ones(len(correct))
        balanced = mean_estimate(self._recalls(correct, self.weights, repeats))
        return {
            "balanced_accuracy": balanced,
            "image_balanced_accuracy": mean_estimate(self._recalls(correct, images, repeats)),
            "advantage": balanced.mapped(self.classes / (self.classes - 1), -1 / (self.classes - 1)),
            "accuracy": self._share(correct, self.weights, repeats),
        }

    def effective_people(self) -> float:
        """How many people of equal weight the classes together rest on."""
        weights = [self.weights * (self.labels == k) for k in np.unique(self.labels)]
        return sum(effective(np.bincount(self.bootstrap.rows, each)) for each in weights)

    def area(self, scores: Sequence[FloatArray], value: float) -> Estimate:
        """The area under the ROC curve (N, K scores of each repeat), for K > 2 the mean over the classes that occur."""
        present = np.unique(self.labels)
        total = np.zeros(len(self.bootstrap.people))
        if len(present) < 2:
            return logit_estimate(float("nan"), total, 0)
        shown, people = ([1] if self.classes == 2 else list(present)), []
        for k in shown:
            for score in scores:
                place = placements(score[:, k], self.labels == k, self.weights)
                for kind in (self.labels == k, self.labels != k):
                    found = mean_influence(place, self.weights * kind, self.bootstrap.rows, None, len(total))
                    influence, effectively = found
                    total += influence / (len(shown) * len(scores))
                    people.append(effectively)
        return logit_estimate(value, total, min(people))


def pair_weights(same: NDArray[np.bool_], left: NDArray[Any]) -> FloatArray:
    """(P,) what each pair weighs: the genuine pairs of a person 1 together, an impostor pair 1."""
    weights = np.ones(len(same))
    _, person, count = np.unique(np.asarray(left)[same], return_inverse=True, return_counts=True)
    weights[same] = 1 / count[person]
    return weights


@dataclass(frozen=True)
class PairsOfPeople:
    """P pairs. same : bool (P,), one person or two. left, right : int (P,), positions among ``count`` people.

    weights : (P,), of ``pair_weights``.
    """

    same: NDArray[np.bool_]
    left: IntArray
    right: IntArray
    weights: FloatArray
    count: int

    @classmethod
    def of(
        cls, same: NDArray[np.bool_], left: NDArray[Any], right: NDArray[Any], bootstrap: IdentityBootstrap
    ) -> PairsOfPeople:
        """The pairs of these identities. Raises ValueError for a person who is not drawn from, or a kind that lies."""
        left, right = bootstrap.positions(left), bootstrap.positions(right)
        if not np.array_equal(left == right, same):
            raise ValueError("a pair is genuine exactly where both sides show one person")
        return cls(same, left, right, pair_weights(same, left), len(bootstrap.people))

    def _of(self, values: FloatArray, genuine: bool) -> tuple[FloatArray, float]:
        """Influences on the mean of ``values`` (P,) over pairs of one kind, and how many independent ones there are."""
        weights = self.weights * (self.same == genuine)
        return mean_influence(values, weights, self.left, None if genuine else self.right, self.count)

    def effective_people(self) -> float:
        """The smaller of the numbers of independent pairs of either kind."""
        return min(self._of(self.weights, genuine)[1] for genuine in (True, False))

    def parts(self, scores: FloatArray, threshold: float) -> dict[str, FloatArray]:
        """(P,) what each pair gives to each metric, up to a constant: accuracy (1 = right), auc, eer.

        At the threshold of equal error rates the EER moves with the rate of false non-matches by the share that the
        density of impostors has there of both densities, and with the rate of false matches by the rest.
        """
        same, weights = self.same, self.weights
        ranking = Ranking(scores, same)
        curve = ranking.curves(weights[None, ranking.positives], weights[None, ranking.negatives])
        error = float(curve.eer()[0])
        people = np.count_nonzero(np.bincount(self.left[same], minlength=self.count))
        widest = min(max(2 * error, 2 / people), EXTREME)
        narrowest = min(max(error / 2, 1 / people), widest)
        level, low, high = np.quantile(scores[~same], [1 - error, 1 - widest, 1 - narrowest])
        near = weights * ((scores > low) & (scores <= high))
        genuine, impostor = (float(near[kind].sum() / weights[kind].sum()) for kind in (same, ~same))
        share = impostor / (genuine + impostor) if genuine + impostor > 0 else 0.5
        return {
            "accuracy": ((scores > threshold) == same).astype(np.float64),
            "auc": placements(scores, same, weights),
            "eer": np.where(same, share * (scores <= level), (1 - share) * (scores > level)),
        }

    def estimates(self, point: dict[str, float], parts: Sequence[dict[str, FloatArray]]) -> dict[str, Estimate]:
        """Intervals of accuracy, AUC and EER whose values are ``point``. parts : those of each repeat."""
        mean = {metric: np.mean([part[metric] for part in parts], axis=0) for metric in ("accuracy", "auc", "eer")}
        shares = [
            people_share(
                mean["accuracy"],
                self.weights * (self.same == genuine),
                self.left,
                None if genuine else self.right,
                self.count,
                len(parts),
                few_decide=True,
            )
            for genuine in (True, False)
        ]

        def curve(metric: str) -> Estimate:
            influence = self._of(mean[metric], True)[0] + self._of(mean[metric], False)[0]
            return logit_estimate(point[metric], influence, self.effective_people(), UNSEEN)

        return {"accuracy": mean_estimate(shares), "auc": curve("auc"), "eer": curve("eer")}

    def counts(self, parts: Sequence[dict[str, FloatArray]]) -> dict[str, float]:
        """How many pairs, people and errors the figures rest on; errors are means over the repeats."""
        same = self.same
        wrong = 1 - np.mean([part["accuracy"] for part in parts], axis=0)
        return {
            "genuine_pairs": float(np.count_nonzero(same)),
            "genuine_people": float(len(np.unique(self.left[same]))),
            "impostor_pairs": float(np.count_nonzero(~same)),
            "impostor_people": float(len(np.unique([self.left[~same], self.right[~same]]))),
            "false_non_matches": float(wrong[same].sum()),
            "false_matches": float(wrong[~same].sum()),
            "errors": float(wrong.sum()),
            "effective_people": self.effective_people(),
        }
