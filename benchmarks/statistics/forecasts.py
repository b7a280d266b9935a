"""How often forecasts hold what was hidden from them: ``python -m benchmarks.statistics.forecasts`` prints tables.

Attacks learn from 1/80 of a pool of people up to all of them. A forecast sees the budgets up to a tenth, a fifth or a
half of the pool, on one sample of test people, and says what two, five and ten times as many people read on another
sample. ``releases`` says on which releases the forecast was tuned; the tables of the others are the validation. LFW's
releases need AIAKIT_DATA, the folder that holds it. Ten minutes of two cores; ``--quick`` takes two. ``--one-law`` adds
what a single power law says whose interval is the bootstrap's alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from aiakit.contracts import Context, LabelledRelease
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.forecast import MULTIPLES, Forecast, forecast
from aiakit.measures.statistics import AttackStatistics, attack_statistics
from aiakit.plugins import registry
from benchmarks.statistics.releases import Sides, makers

Array = NDArray[np.float64]

# The machine's grid is a part of the product's, whose cost would be most of this benchmark's.
ATTACKS: dict[str, dict[str, Any]] = {"logreg": {}, "svm": {"penalties": (3.0,), "widths": (0.25, 1.0)}, "knn": {}}
METRICS = ("balanced_accuracy", "auc")
CHANCE = 0.5
SHOWN = (Fraction(1, 10), Fraction(1, 5), Fraction(1, 2))  # of the pool: the most people that a forecast sees …
BUDGETS = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(1))  # … and of these, the budgets
DRAWS = 400
ONE_LAW_DRAWS = 20
GAINS = {"below .005": (-1.0, 0.005), ".005 to .02": (0.005, 0.02), ".02 to .04": (0.02, 0.04), "more": (0.04, 1.0)}
QUICK = ("shift, D=1, p=24", "xor, rotated", "null, p=64", "drawn faces", "LFW, identity-transport")


@dataclass(frozen=True)
class Curve:
    """One attack on one release: share of the pool → what was read on test people, its draws, and on fresh ones."""

    release: str
    attack: str
    metric: str
    people: dict[Fraction, int]
    test: dict[Fraction, float]
    draws: dict[Fraction, Array]
    fresh: dict[Fraction, float]

    def forecast(self, most: Fraction) -> Forecast:
        """By the budgets up to this share of the pool."""
        shares = [most * budget for budget in BUDGETS]
        leak, draws = np.array([self.test[s] for s in shares]), np.stack([self.draws[s] for s in shares])
        return forecast([self.people[s] for s in shares], leak, draws, CHANCE)


@dataclass(frozen=True)
class Trial:
    """One prediction and what was hidden: measured on ``fresh`` test people."""

    release: str
    attack: str
    metric: str
    multiple: int
    value: float
    low: float
    high: float
    fresh: float

    @property
    def held(self) -> bool:
        """Whether the interval holds what was measured."""
        return self.low <= self.fresh <= self.high


def curves(task: tuple[str, int]) -> list[Curve]:
    """The curves of every attack on one draw (a seed) of the release of this name."""
    name, seed = task
    tuned, judged = makers()
    sides = (tuned | judged)[name](seed)
    order = Context(seed=seed).rng("order").permutation(np.unique(sides.pool.identity))
    found = []
    for attack in ATTACKS:
        read = {share: _read(attack, sides, order, share, seed) for share in _shares()}
        for metric in METRICS:
            found.append(
                Curve(
                    name,
                    attack,
                    metric,
                    {share: round(share * len(order)) for share in read},
                    {share: test.point[metric] for share, (test, _) in read.items()},
                    {share: test.draws[metric] for share, (test, _) in read.items()},
                    {share: fresh.point[metric] for share, (_, fresh) in read.items()},
                )
            )
    return found


def _shares() -> list[Fraction]:
    """Every share of the pool that some forecast sees or predicts."""
    seen = {most * budget for most in SHOWN for budget in BUDGETS}
    return sorted(seen | {most * multiple for most in SHOWN for multiple in MULTIPLES if most * multiple <= 1})


def _read(
    attack: str, sides: Sides, order: NDArray[np.int64], share: Fraction, seed: int
) -> tuple[AttackStatistics, AttackStatistics]:
    """What an attack that learned from the first people of ``order`` reads on test people, and on fresh ones."""
    known = np.isin(sides.pool.identity, order[: round(share * len(order))])
    model = registry.make("attack", attack, ATTACKS[attack])
    model.fit(sides.pool[np.flatnonzero(known)], sides.val, Context(seed=seed))
    on_val = model.predict_proba(sides.val.release)

    def measured(side: LabelledRelease, draws: int) -> AttackStatistics:
        bootstrap = IdentityBootstrap(side.identity, draws, seed)
        scores = model.predict_proba(side.release)
        return attack_statistics(
            [on_val], sides.val.labels, [scores], side.labels, bootstrap, 2, val_identity=sides.val.identity
        )

    return measured(sides.test, DRAWS), measured(sides.fresh, 2)


def trials(curve: Curve) -> Iterator[Trial]:
    """Every prediction whose answer was hidden."""
    for most in SHOWN:
        seen = curve.forecast(most)
        for multiple in MULTIPLES:
            if most * multiple <= 1:
                said = seen.at(multiple)
                fresh = curve.fresh[most * multiple]
                yield Trial(curve.release, curve.attack, curve.metric, multiple, said.value, said.low, said.high, fresh)


def one_law(curve: Curve, most: Fraction) -> dict[int, tuple[float, float]]:
    """Multiple → 95 % interval by a power law fitted by least squares to every bootstrap draw of test people."""
    shares = [most * budget for budget in BUDGETS]
    people = np.array([curve.people[share] for share in shares], float)
    ratio = people / people[-1]
    laws = []
    for leak in np.stack([curve.draws[share][:ONE_LAW_DRAWS] for share in shares], axis=1):
        found = least_squares(
            lambda law, leak=leak: law[0] - law[1] * ratio ** -law[2] - leak,
            (min(0.99, leak.max() + 0.05), 0.1, 0.5),
            bounds=((CHANCE, 0, 0.05), (1, 10, 3)),
            max_nfev=50,
        )
        laws.append(found.x)
    ceiling, factor, exponent = np.array(laws).T
    said = {multiple: ceiling - factor * multiple**-exponent for multiple in MULTIPLES}
    return {
        multiple: (float(np.quantile(each, 0.025)), float(np.quantile(each, 0.975))) for multiple, each in said.items()
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="draws of each release")
    parser.add_argument("--first-seed", type=int, default=100, help="the forecast was tuned on seeds below 100")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--of", choices=("judged", "tuned"), default="judged", help="which releases")
    parser.add_argument("--one-law", action="store_true", help="compare with one power law; some minutes more")
    parser.add_argument("--only", default="", metavar="WORDS", help="only releases whose names begin so")
    parser.add_argument("--quick", action="store_true", help="five releases, one draw of each")
    given = parser.parse_args()
    if not os.environ.get("AIAKIT_DATA"):
        print("AIAKIT_DATA is not set: the releases of LFW are left out", file=sys.stderr)
    names = list(makers()[given.of == "judged"])
    names = [name for name in names if name.startswith(given.only)]
    if given.quick:
        names, given.seeds = [name for name in names if name in QUICK], 1
    tasks = [(name, seed) for seed in range(given.first_seed, given.first_seed + given.seeds) for name in names]
    with ProcessPoolExecutor(given.jobs, get_context("spawn")) as pool:
        found = [curve for some in pool.map(curves, tasks) for curve in some]
    print_tables(found)
    if given.one_law:
        print_one_law(found)


def print_tables(found: Sequence[Curve]) -> None:
    """By multiple, by release, and the verdicts."""
    told = [trial for curve in found for trial in trials(curve)]
    print("| metric | multiple | predictions | held | below | above | median width | bias | median error |")
    print("|---|---|---|---|---|---|---|---|---|")
    for metric in METRICS:
        for multiple in MULTIPLES:
            own = [trial for trial in told if (trial.metric, trial.multiple) == (metric, multiple)]
            print(f"| {metric} | {multiple}× | {len(own)} |", " | ".join(_summary(own)), "|")
    print("\n| release | " + " | ".join(ATTACKS) + " |")
    print("|---" * (1 + len(ATTACKS)) + "|")
    for release in dict.fromkeys(trial.release for trial in told):
        held = [[trial.held for trial in told if (trial.release, trial.attack) == (release, each)] for each in ATTACKS]
        print(f"| {release} |", " | ".join(f"{sum(each)} of {len(each)}" for each in held), "|")
    print("\n| hidden gain of the next doubling | forecasts | still rising |\n|---|---|---|")
    verdicts = [
        (curve.fresh[2 * most] - curve.fresh[most], curve.forecast(most).still_rising)
        for curve in found
        for most in SHOWN
    ]
    for label, (low, high) in GAINS.items():
        rising = [said for gain, said in verdicts if low <= gain < high]
        said = f"{np.mean(rising):.0%}" if rising else "–"
        print(f"| {label} | {len(rising)} | {said} |")


def print_one_law(found: Sequence[Curve]) -> None:
    """How often the interval of one power law holds what was hidden, by multiple."""
    tried = [(curve, most, one_law(curve, most)) for curve in found for most in SHOWN]
    print("\n| one power law | predictions | held | median width |\n|---|---|---|---|")
    for multiple in MULTIPLES:
        own = [(law[multiple], curve.fresh[most * multiple]) for curve, most, law in tried if most * multiple <= 1]
        held = np.mean([low <= fresh <= high for (low, high), fresh in own])
        width = np.median([high - low for (low, high), _ in own])
        print(f"| {multiple}× | {len(own)} | {held:.0%} | {width:.3f} |")


def _summary(told: Sequence[Trial]) -> list[str]:
    """Held; the hidden figure below and above the interval; width; predicted less measured, its mean and its size."""
    error = np.array([trial.value - trial.fresh for trial in told])
    width = np.median([trial.high - trial.low for trial in told])
    shares = [
        np.mean([trial.held for trial in told]),
        np.mean([trial.fresh < trial.low for trial in told]),
        np.mean([trial.fresh > trial.high for trial in told]),
    ]
    return [
        *(f"{share:.0%}" for share in shares),
        f"{width:.3f}",
        f"{error.mean():+.3f}",
        f"{np.median(abs(error)):.3f}",
    ]


if __name__ == "__main__":
    main()
