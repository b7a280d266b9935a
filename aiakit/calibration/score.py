"""How much of each leak a suite of attacks finds: η = (accuracy − ½) / (Bayes − ½)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from aiakit.calibration.leaks import Leak
from aiakit.contracts import Attack, Context, Evidence
from aiakit.metrics import auc, balanced_accuracy, decide, fit_decision

CLASSES = ("0", "1")
VAL_SHARE = 0.25  # of the attacker's samples


@dataclass(frozen=True)
class Trial:
    """One draw of a leak. accuracies : attack → balanced accuracy on test. selected : the best attack on val."""

    accuracies: Mapping[str, float]
    selected: str


def calibrate(
    attacks: Mapping[str, Callable[[int], Attack]],
    leaks: Sequence[Leak],
    n: int,
    seeds: Sequence[int],
    ctx: Context,
) -> list[dict[str, Any]]:
    """One row a leak, in the form of ``aiakit calibrate --json``: medians over the seeds.

    The attacker has n samples, a quarter of which are its validation set; another n are the test set. Thresholds and
    the selected attack are chosen on the validation set. An attack that cannot read a leak's view is left out, and so
    is a leak that no attack can read. ``eta`` is null where Bayes is ½ (the null leak).

    Parameters
    ----------
    attacks : name → a function of a seed that returns a fresh attack.
    """
    rows = []
    for leak in ctx.track(leaks, "calibrate"):
        readers = {name: make for name, make in attacks.items() if make(0).view == view_of(leak)}
        if readers:
            rows.append(_row(leak, [trial(readers, leak, n, seed, ctx) for seed in seeds]))
    return rows


def view_of(leak: Leak) -> str:
    """The view that an attack on this leak reads."""
    return leak.draw(2, np.random.default_rng(0))[0].views[0]


def trial(attacks: Mapping[str, Callable[[int], Attack]], leak: Leak, n: int, seed: int, ctx: Context) -> Trial:
    """Every attack on one draw of a leak. Raises ValueError where n is too small for two classes in each set."""
    rng = ctx.rng("leak", leak.name, seed)
    train, val, test = (_evidence(leak, size, rng) for size in (n - round(n * VAL_SHARE), round(n * VAL_SHARE), n))
    accuracies, ranks = {}, {}
    for name, make in attacks.items():
        attack = make(seed).fit(train, val, ctx.child(leak.name, name, seed))
        seen = attack.predict_proba(val.release)
        predicted = decide(attack.predict_proba(test.release), fit_decision(seen, val.labels))
        accuracies[name] = balanced_accuracy(test.labels, predicted, len(CLASSES))
        ranks[name] = auc(seen, val.labels)
    return Trial(accuracies, max(ranks, key=ranks.__getitem__))


def _evidence(leak: Leak, n: int, rng: np.random.Generator) -> Evidence:
    release, labels = leak.draw(n, rng)
    if len(np.unique(labels)) < len(CLASSES):
        raise ValueError(f"{n} samples of {leak.name} hold one class only: use more samples")
    return Evidence(release, labels, np.arange(n), CLASSES)


def _row(leak: Leak, trials: Sequence[Trial]) -> dict[str, Any]:
    suite = median(one.accuracies[one.selected] for one in trials)
    return {
        "leak": leak.name,
        "bayes": leak.bayes,
        "suite": suite,
        "eta": eta(suite, leak.bayes),
        "selected": Counter(one.selected for one in trials).most_common(1)[0][0],
        "attacks": {
            name: eta(median(one.accuracies[name] for one in trials), leak.bayes) for name in trials[0].accuracies
        },
    }


def eta(accuracy: float, bayes: float) -> float | None:
    """The share of a leak that an accuracy stands for; None where there is nothing to find."""
    return (accuracy - 0.5) / (bayes - 0.5) if bayes > 0.5 else None
