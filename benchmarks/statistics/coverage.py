"""How often 95 % intervals hold the truth: ``python -m benchmarks.statistics.coverage`` prints a table.

People with a known truth are drawn again and again (see ``population``) and measured by the product's own functions.
Each cell of the table is the share of trials in which the interval held the truth, in per cent, and the median width.
``--quick`` takes a minute; the whole table with 400 trials is for a free machine. Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.comparison import illusion_gap, paired_difference
from aiakit.measures.statistics import AttackStatistics, attack_statistics
from aiakit.measures.verification import verification_statistics
from benchmarks.statistics.population import Cell, Matcher, Probed, Probes

Reading = dict[str, tuple[float, tuple[float, float]]]  # metric → truth and interval

PEOPLE = (20, 60, 200, 1000)
COUNTS = ("even", "lfw")
LEVELS = (0.5, 0.69, 0.977)
SHARES = (0.5, 0.2)
AUCS = (0.75, 0.9, 0.99)
STEP = 0.05  # how much weaker the second attack is
CHANCE = 0.5
DRAWS = 2  # of the bootstrap: none of these intervals rests on it
CLAIM = 0.55  # what the in-loop attacker truly reaches, where that is less than the strongest


def attack_trials(cell: Cell, rng: np.random.Generator) -> Iterator[Reading]:
    """What an attack's intervals say of one test set after the other."""
    probes = Probes(cell, (cell.level, max(0.5, cell.level - STEP), min(cell.level, CLAIM)))
    first, second, claimed = (probes.truth(attack) for attack in range(3))
    while True:
        a, b, claim = _measured(probes.draw(rng), probes.val)
        reading: Reading = {metric: (first[metric], a.ci95(metric)) for metric in ("balanced_accuracy", "auc")}
        difference = first["balanced_accuracy"] - second["balanced_accuracy"]
        reading["difference"] = (difference, paired_difference(a, b).ci95)
        gap = first["balanced_accuracy"] - max(CHANCE, claimed["balanced_accuracy"])
        reading["gap"] = (gap, illusion_gap(a, claim, CHANCE).ci95)
        yield reading


def _measured(test: Probed, val: Probed) -> list[AttackStatistics]:
    bootstrap = IdentityBootstrap(test.identity, DRAWS)
    return [
        attack_statistics([on_val], val.labels, [on_test], test.labels, bootstrap, 2, val_identity=val.identity)
        for on_val, on_test in zip(val.proba, test.proba, strict=True)
    ]


def verification_trials(cell: Cell, rng: np.random.Generator) -> Iterator[Reading]:
    """What a verifier's intervals say of one test set after the other."""
    matcher = Matcher.of(cell)
    truth = {**matcher.truth, "accuracy": matcher.accuracy()}
    while True:
        identity, pairs = matcher.draw(rng)
        found = verification_statistics([matcher.val], [pairs], IdentityBootstrap(identity, DRAWS))
        yield {metric: (value, found.ci95(metric)) for metric, value in truth.items()}


class Tally:
    """What so many trials of one cell say."""

    def __init__(self, trials: Iterator[Reading], count: int) -> None:
        readings = list(itertools.islice(trials, count))
        self.metrics = list(readings[0])
        truth = {m: np.array([reading[m][0] for reading in readings]) for m in self.metrics}
        bounds = {m: np.array([reading[m][1] for reading in readings]) for m in self.metrics}
        held = {m: (bounds[m][:, 0] <= truth[m] + 1e-9) & (truth[m] - 1e-9 <= bounds[m][:, 1]) for m in self.metrics}
        self.coverage = {m: float(held[m].mean()) for m in self.metrics}
        self.width = {m: float(np.nanmedian(np.diff(bounds[m], axis=1))) for m in self.metrics}

    def columns(self) -> list[str]:
        """Coverage in per cent, and the median width behind it."""
        return [f"{100 * self.coverage[m]:.0f} (.{round(1000 * self.width[m]):03d})" for m in self.metrics]


def table(cells: Sequence[Cell], trials: Callable[[Cell, np.random.Generator], Iterator[Reading]],
          given: argparse.Namespace) -> None:  # fmt: skip
    """Print a row for each cell, in Markdown."""
    for number, cell in enumerate(cells):
        tally = Tally(trials(cell, np.random.default_rng([given.seed, cell.people])), given.trials)
        if number == 0:
            print("| people | images | level | class 1 |", " | ".join(tally.metrics), "|")
            print("|---" * (4 + len(tally.metrics)) + "|")
        row = [str(cell.people), cell.counts, f"{cell.level:g}", f"{cell.share:.0%}", *tally.columns()]
        print("|", " | ".join(row), "|", flush=True)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", nargs="+", choices=("attacks", "verification"), default=["attacks", "verification"])
    parser.add_argument("--people", nargs="+", type=int, default=list(PEOPLE))
    parser.add_argument("--counts", nargs="+", choices=COUNTS, default=list(COUNTS))
    parser.add_argument("--levels", nargs="+", type=float, default=list(LEVELS), help="true balanced accuracies")
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES), help="of people in class 1")
    parser.add_argument("--aucs", nargs="+", type=float, default=list(AUCS), help="true AUCs of verification")
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="40 trials, 20 and 60 people")
    given = parser.parse_args()
    if given.quick:
        given.trials, given.people = 40, [20, 60]
    if "attacks" in given.of:
        cells = [Cell(*cell) for cell in itertools.product(given.people, given.counts, given.levels, given.shares)]
        table(cells, attack_trials, given)
    if "verification" in given.of:
        print()
        cells = [Cell(*cell) for cell in itertools.product(given.people, given.counts, given.aucs)]
        table(cells, verification_trials, given)


if __name__ == "__main__":
    main()
