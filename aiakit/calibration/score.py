"""How much of each leak a suite of attacks finds: η = (accuracy − ½) / (Bayes − ½)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from numpy.typing import NDArray

from aiakit.calibration.leaks import Leak
from aiakit.contracts import IntArray
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.metrics import auc, balanced_accuracy, decide, fit_decision
from aiakit.measures.statistics import attack_statistics, exceeds_chance

CLASSES = 2
DRAWS = 2000  # of the bootstrap by which a null counts as significant


@dataclass(frozen=True)
class Trial:
    """Every attack on one draw of a leak.

    val, test : attack → class probabilities (N, 2). labels : "val", "test" → int64 (N,).
    identity : int64 (N,) of test. seconds : attack → computing time.
    """

    val: Mapping[str, NDArray[Any]]
    test: Mapping[str, NDArray[Any]]
    labels: Mapping[str, IntArray]
    identity: IntArray
    seconds: Mapping[str, float]

    @cached_property
    def accuracies(self) -> dict[str, float]:
        """Attack → balanced accuracy on test, its decision fitted on val."""
        return {name: self._accuracy(name, self.test[name], "test") for name in self.test}

    @cached_property
    def selected(self) -> str:
        """The attack with the best balanced accuracy on val (then AUC), as a run chooses its strongest."""
        ranks = {
            name: (self._accuracy(name, proba, "val"), auc(proba, self.labels["val"]))
            for name, proba in self.val.items()
        }
        return max(ranks, key=ranks.__getitem__)

    @cached_property
    def significant(self) -> bool:
        """Whether the selected attack counts as better than chance, by the test that a run applies."""
        bootstrap = IdentityBootstrap(self.identity, DRAWS, 0)
        val, test = self.val[self.selected], self.test[self.selected]
        return exceeds_chance(
            attack_statistics([val], self.labels["val"], [test], self.labels["test"], bootstrap, CLASSES)
        )

    def _accuracy(self, name: str, proba: NDArray[Any], part: str) -> float:
        offsets = fit_decision(self.val[name], self.labels["val"])
        return balanced_accuracy(self.labels[part], decide(proba, offsets), CLASSES)


def row_of(leak: Leak, trials: Sequence[Trial]) -> dict[str, Any]:
    """A leak's row of the document of ``aiakit calibrate --json``: medians over trials.

    "eta" is None where Bayes is ½. "per_seed", "selected_per_seed" : the selected attack of each trial. "seconds" :
    attack → median. An attack counts only if it was scored in every trial.
    """
    reached = [one.accuracies[one.selected] for one in trials]
    selected = [one.selected for one in trials]
    suite = median(reached)
    names = [name for name in trials[0].accuracies if all(name in one.accuracies for one in trials)]
    return {
        "leak": leak.name,
        "view": leak.view,
        "bayes": leak.bayes,
        "suite": suite,
        "eta": eta(suite, leak.bayes),
        "selected": Counter(selected).most_common(1)[0][0],
        "attacks": {name: eta(median(one.accuracies[name] for one in trials), leak.bayes) for name in names},
        "per_seed": reached,
        "selected_per_seed": selected,
        "seconds": {name: round(median(one.seconds[name] for one in trials), 2) for name in names},
    }


def nulls_of(trials: Sequence[Trial]) -> dict[str, Any]:
    """How often the selected attack was significant where nothing leaks: the suite's false alarms."""
    significant = sum(one.significant for one in trials)
    return {
        "count": len(trials),
        "significant": significant,
        "not_significant": 1 - significant / len(trials),
        "suite": [one.accuracies[one.selected] for one in trials],
        "selected": [one.selected for one in trials],
    }


def eta(accuracy: float, bayes: float) -> float | None:
    """The share of a leak that an accuracy stands for; None where there is nothing to find."""
    return (accuracy - 0.5) / (bayes - 0.5) if bayes > 0.5 else None
