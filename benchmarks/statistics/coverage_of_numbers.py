"""How often intervals of numeric attributes hold the truth: ``python -m benchmarks.statistics.coverage_of_numbers``.

Numbers and estimates are of a normal law with a known R², of people with one to five images, whose number is one and
whose estimates share half of their error. Where nothing is read the estimates vary all the same. The truth is that of
200,000 people. Each cell is the share of trials in which the interval held the truth, in per cent, and the median
width; the last column is the share in which a leak was found: at the smallest detectable R², the second row, 80 % or
more, since several images of a person tell more than one; and 2.5 % where nothing is read.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.regression import Estimated, RegressionStatistics, Truth, regression_statistics, smallest_r2
from benchmarks.statistics.coverage import Reading, Tally

PEOPLE = (60, 200, 600)
R2 = (0.0, None, 0.3, 0.9)  # None: the smallest detectable
LEVELS = (-1.0, 0.0, 1.0)  # of what is rounded to an order of three
MANY = 200_000
MOST_IMAGES = 5
SHARED = 0.5  # of an estimate's error, by images of one person
DRAWS = 2  # of the bootstrap: none of these intervals rests on it
METRICS = ("r2", "mae", "kendall", "macro_mae")
HEADINGS = ("people", "R² in truth", "R²", "MAE", "τ-b", "macro MAE of three classes", "a leak was found")


def drawn(people: int, r2: float, rng: np.random.Generator, images: int = MOST_IMAGES) -> tuple[Estimated, Truth]:
    """What is estimated of images of so many people, and their numbers."""
    shown = np.repeat(np.arange(people), rng.integers(1, images + 1, people))
    person, own = rng.normal(size=people)[shown], rng.normal(size=people)[shown]
    error = np.sqrt(SHARED) * own + np.sqrt(1 - SHARED) * rng.normal(size=len(shown))
    found = r2 * person + np.sqrt(r2 * (1 - r2)) * error if r2 else 0.1 * error
    nothing = np.zeros(len(shown))
    return Estimated(found, nothing, nothing), Truth(person, shown)


def in_classes(estimated: Estimated, truth: Truth) -> tuple[Estimated, Truth]:
    """The same of numbers that are rounded to an order of few."""
    return estimated, truth._replace(values=np.clip(np.round(truth.values), -1, 1), levels=LEVELS)


def measured(people: int, r2: float, rng: np.random.Generator) -> tuple[RegressionStatistics, RegressionStatistics]:
    """What is said of the numbers, and of their classes."""
    both = drawn(people, r2, rng)
    bootstrap = IdentityBootstrap(both[1].shown, DRAWS)
    numbers, classes = (regression_statistics([found], truth, bootstrap, 0.0) for found, truth in
                        (both, in_classes(*both)))  # fmt: skip
    return numbers, classes


def truth_of(r2: float) -> dict[str, float]:
    """Metric → what it is of very many people."""
    numbers, classes = measured(MANY, r2, np.random.default_rng(1))
    exact = 2 / np.pi * np.arcsin(np.sqrt(r2))  # the measure ranks a sample of the images
    return {**{metric: numbers.point[metric] for metric in ("r2", "mae")}, "kendall": float(exact),
            "macro_mae": classes.point["macro_mae"]}  # fmt: skip


def row(people: int, r2: float, trials: int) -> list[Any]:
    """The columns of one cell."""
    rng, truth = np.random.default_rng([people, round(1000 * r2)]), truth_of(r2)
    found = [measured(people, r2, rng) for _ in range(trials)]
    readings: list[Reading] = [
        {metric: (truth[metric], (classes if metric == "macro_mae" else numbers).ci95(metric)) for metric in METRICS}
        for numbers, classes in found
    ]
    leaks = np.mean([numbers.p_value <= 0.05 for numbers, _ in found])
    return [people, f"{truth['r2']:.3f}", *Tally(iter(readings), trials).columns(), f"{leaks:.1%}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--people", nargs="+", type=int, default=list(PEOPLE))
    given = parser.parse_args()
    print("|", " | ".join(HEADINGS), "|")
    print("|---" * len(HEADINGS) + "|")
    for people in given.people:
        for r2 in R2:
            print("|", " | ".join(map(str, row(people, smallest_r2(people) if r2 is None else r2, given.trials))), "|",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
