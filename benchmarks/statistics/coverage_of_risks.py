"""How often intervals of identity and linkage hold the truth: ``python -m benchmarks.statistics.coverage_of_risks``.

People are points of a normal law in eight dimensions, with two images of each that miss them by more or less noise. The
truth of identification is the mean over the trials, whose galleries are as large; that of D_sys a histogram of 100,000
people. Each cell is the share of trials in which the interval held the truth, in per cent, and the median width.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import IdentityBootstrap, Statistics
from aiakit.measures.identification import Search, identification_statistics
from aiakit.measures.similarity import cosine
from aiakit.measures.unlinkability import Linked, linkability, linkage_statistics
from benchmarks.statistics.coverage import Reading, Tally

PEOPLE = (60, 200, 600)
NOISE = (0.3, 0.7, 1.5, 30.0)
DIMENSIONS = 8
MANY, BINS = 100_000, 200
DRAWS = 2  # of the bootstrap: none of these intervals rests on it

Points = NDArray[np.float64]


def images(people: int, noise: float, rng: np.random.Generator) -> tuple[Points, Points]:
    """(people, D) twice: an image of each person that is enrolled, and one that is looked for."""
    centres = rng.normal(size=(people, DIMENSIONS))
    enrolled, probes = (centres + noise * rng.normal(size=centres.shape) for _ in range(2))
    return enrolled, probes


def linked_in_truth(noise: float, rng: np.random.Generator) -> float:
    """D_sys of very many people."""
    enrolled, probes = images(MANY, noise, rng)
    mated, strangers = cosine(enrolled, probes), cosine(enrolled, np.roll(probes, 1, axis=0))
    edges = np.quantile(np.concatenate([mated, strangers]), np.linspace(0, 1, BINS + 1))
    shares = [np.histogram(scores, edges)[0] / MANY for scores in (mated, strangers)]
    return float(shares[0] @ linkability(*shares))


def measured(people: int, noise: float, rng: np.random.Generator) -> tuple[Statistics, Statistics]:
    """What is said of so many people drawn at random: of identity, and of linkage."""
    enrolled, probes = images(people, noise, rng)
    who = np.arange(people)
    bootstrap, mated = IdentityBootstrap(who, DRAWS), np.ones(people, bool)
    identity = identification_statistics([Search(enrolled, who, probes, who, mated)], bootstrap)
    return identity, linkage_statistics(Linked(enrolled, who, probes, who), bootstrap, rng)


def readings(found: Sequence[Statistics], truth: dict[str, float]) -> list[Reading]:
    """Metric → truth and interval, of every trial."""
    return [{metric: (value, each.ci95(metric)) for metric, value in truth.items()} for each in found]


def row(people: int, noise: float, trials: int) -> list[Any]:
    """The columns of one cell: coverage of both, and the mean of D_sys beside its truth."""
    rng = np.random.default_rng([people, round(10 * noise)])
    identity, linkage = zip(*(measured(people, noise, rng) for _ in range(trials)), strict=True)
    names = {"first of 10": "rank_1_of_10", "first of all": f"rank_1_of_{people}"}
    truth = {name: float(np.mean([each.point[name] for each in identity])) for name in names.values()}
    found = Tally(iter(readings(identity, truth)), trials)
    d_sys = linked_in_truth(noise, rng)
    linked = Tally(iter(readings(linkage, {"d_sys": d_sys})), trials)
    mean = np.mean([each.point["d_sys"] for each in linkage])
    of_identity = [f"{truth[name]:.3f}: {said}" for name, said in zip(names.values(), found.columns(), strict=True)]
    return [people, noise, *of_identity, f"{d_sys:.3f}", f"{mean:.3f}", *linked.columns()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--people", nargs="+", type=int, default=list(PEOPLE))
    given = parser.parse_args()
    print("| people | noise | first of 10 | first of all | D_sys in truth | mean of D_sys | D_sys |")
    print("|---" * 7 + "|")
    for people in given.people:
        for noise in NOISE:
            print("|", " | ".join(map(str, row(people, noise, given.trials))), "|", flush=True)


if __name__ == "__main__":
    main()
