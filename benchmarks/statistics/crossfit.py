"""What cross-fitting does to intervals and to the choice of an attack: ``python -m benchmarks.statistics.crossfit``.

Data sets of people with one image each, two Gaussian classes a known distance apart, are drawn again and again. Attacks
are cross-fitted by hand and judged by the product's own functions. Of each attack, and of the one that is chosen on
attacker-val, a row shows the mean, how often the stated 95 % interval held it, how often an interval would have that is
not widened for people who teach each other's attacks (``aiakit.measures.deciding.spread_of_folds``), and how often a
leak was found. ``--trials`` sets how many data sets there are (200). Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.deciding import spread_of_folds
from aiakit.measures.metrics import from_log_proba
from aiakit.measures.statistics import AttackStatistics, attack_statistics, exceeds_chance

PEOPLE, DIMS = 300, 32
FOLDS = (3, 5, 10)
DISTANCES = (0.0, 0.5, 1.0, 2.0)
METRIC = "balanced_accuracy"
ATTACKS: dict[str, Callable[[], Any]] = {
    "lda": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "svm": lambda: SVC(class_weight="balanced"),
    "knn": lambda: KNeighborsClassifier(15),
}
CHOSEN = "chosen"


def measured(distance: float, folds: int, rng: np.random.Generator) -> dict[str, list[AttackStatistics]]:
    """Attack → its statistics on one data set, with intervals as they are stated and as they would be."""
    labels, fold = (rng.permutation(np.arange(PEOPLE) % number) for number in (2, folds))
    samples = rng.normal(size=(PEOPLE, DIMS))
    samples[:, 0] += distance * (labels - 0.5)
    bootstrap, identity = IdentityBootstrap(np.arange(PEOPLE), 1), np.arange(PEOPLE)
    found = {}
    for name, attack in ATTACKS.items():
        val, test = np.empty((PEOPLE, 2)), np.empty((PEOPLE, 2))
        for number in range(folds):
            chosen = (number + 1) % folds
            learned = (fold != number) & (fold != chosen)
            fitted = attack().fit(samples[learned], labels[learned])
            for scores, part in ((val, fold == chosen), (test, fold == number)):
                scores[part] = _says(fitted, samples[part])
        found[name] = [
            attack_statistics(
                [val], labels, [test], labels, bootstrap, 2, True, identity, "person", (fold, fold), spread
            )
            for spread in (spread_of_folds(folds), 1.0)
        ]
    found[CHOSEN] = max(found.values(), key=lambda both: both[0].on_val)
    return found


def _says(fitted: Any, samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if hasattr(fitted, "decision_function"):
        return from_log_proba(np.outer(fitted.decision_function(samples), [-0.5, 0.5]))
    return np.asarray(fitted.predict_proba(samples))


def rows(distance: float, folds: int, trials: int) -> list[str]:
    """The rows of the table of so many data sets."""
    rng = np.random.default_rng([folds, round(10 * distance)])
    found = [measured(distance, folds, rng) for _ in range(trials)]
    lines = []
    for name in (*ATTACKS, CHOSEN):
        stated, narrow = ([each[name][way] for each in found] for way in (0, 1))
        mean = float(np.mean([one.point[METRIC] for one in stated]))
        held = [np.mean([low <= mean <= high for low, high in (one.ci95(METRIC) for one in way)])
                for way in (stated, narrow)]  # fmt: skip
        leaks = np.mean([exceeds_chance(one) for one in stated])
        percents = " | ".join(f"{100 * share:.0f} %" for share in (*held, leaks))
        lines.append(f"| {folds} | {distance:g} | {name} | {mean:.3f} | {percents} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    trials = parser.parse_args().trials
    print("| folds | distance | attack | mean | interval held it | without widening | a leak was found |")
    print("|---|---|---|---|---|---|---|")
    for folds in FOLDS:
        for distance in DISTANCES:
            print(*rows(distance, folds, trials), sep="\n", flush=True)


if __name__ == "__main__":
    main()
