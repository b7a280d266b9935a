"""How often intervals of risks hold the truth: ``python -m benchmarks.statistics.coverage_of_risks [--trained]``.

People are points of a normal law in eight dimensions, with two images of each that miss them by more or less noise. The
truth of identification is the mean over the trials, whose galleries are as large; that of D_sys a histogram of 100,000
people. With ``--trained`` the same of what was learned once of other people: a linker between two rotations of the
points, and a decoder of some of their coordinates; the truth is that of very many people. Each cell is the share of
trials in which the interval held the truth, in per cent, and the median width.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.attacks.decoders.residual import ResidualDecoder
from aiakit.attacks.linkers.affine import AffineLinker
from aiakit.contracts import Context, DecoderData, LinkerData
from aiakit.measures.bootstrap import IdentityBootstrap, Statistics
from aiakit.measures.identification import identification_statistics
from aiakit.measures.inversion import Reconstructed, inversion_statistics
from aiakit.measures.searching import Search
from aiakit.measures.similarity import cosine
from aiakit.measures.unlinkability import Linked, linkability, linkage_statistics
from benchmarks.statistics.coverage import Reading, Tally

PEOPLE = (60, 200, 600)
NOISE = (0.3, 0.7, 1.5, 30.0)
DIMENSIONS = 8
MANY, BINS = 100_000, 200
ATTACKERS = (300, 60)  # people of attacker-train, and of attacker-val
KEPT = 4  # coordinates of a release that is decoded
SOME = 10_000  # people of the truth of inversion
OF_COSINES = ("people", "noise", "first of 10", "first of all", "D_sys in truth", "mean of D_sys", "D_sys")
OF_TRAINED = ("people", "noise", "D_sys in truth", "D_sys, linker", "gain", "type I at FAR 1 %", "type II at FAR 1 %")
DRAWS = 2  # of the bootstrap: none of these intervals rests on it

Points = NDArray[np.float64]


def images(people: int, noise: float, rng: np.random.Generator) -> tuple[Points, Points]:
    """(people, D) twice: an image of each person that is enrolled, and one that is looked for."""
    centres = rng.normal(size=(people, DIMENSIONS))
    enrolled, probes = (centres + noise * rng.normal(size=centres.shape) for _ in range(2))
    return enrolled, probes


def linked_in_truth(enrolled: Points, probes: Points) -> float:
    """D_sys of very many people."""
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
    d_sys = linked_in_truth(*images(MANY, noise, rng))
    linked = Tally(iter(readings(linkage, {"d_sys": d_sys})), trials)
    mean = np.mean([each.point["d_sys"] for each in linkage])
    of_identity = [f"{truth[name]:.3f}: {said}" for name, said in zip(names.values(), found.columns(), strict=True)]
    return [people, noise, *of_identity, f"{d_sys:.3f}", f"{mean:.3f}", *linked.columns()]


@dataclass(frozen=True)
class Drawing(Context):
    """A context in which everything is drawn by one generator, in turn."""

    generator: np.random.Generator = field(default_factory=np.random.default_rng)

    def rng(self, *names: str | int) -> np.random.Generator:
        return self.generator


@dataclass(frozen=True)
class Learned:
    """What an attacker has learned of other people: a linker from one rotation to another, and a decoder of a release.

    keys : the two rotations. mean : of the points that it learned from.
    """

    keys: tuple[Points, Points]
    linker: AffineLinker
    decoder: Callable[[Points], Points]
    mean: Points
    noise: float

    @classmethod
    def of(cls, noise: float, rng: np.random.Generator) -> Learned:
        """From ``ATTACKERS`` people with two images each."""
        one, other = (np.linalg.qr(rng.normal(size=(DIMENSIONS, DIMENSIONS)))[0] for _ in range(2))
        train, val = (np.concatenate(images(people, noise, rng)) for people in ATTACKERS)
        known, chooses = (
            LinkerData(points @ one, points @ other, np.arange(len(points)) % people)
            for points, people in zip((train, val), ATTACKERS, strict=True)
        )
        linker = AffineLinker().fit(known, chooses, Drawing(generator=rng))
        decoder = ResidualDecoder().fit(DecoderData(released(train), train), DecoderData(released(val), val), Context())
        return cls((one, other), linker, decoder.predict, train.mean(axis=0), noise)

    def linked(self, people: int, rng: np.random.Generator) -> tuple[Points, Points]:
        """Images of people of either release, where the linker puts them."""
        enrolled, probes = images(people, self.noise, rng)
        return self.linker.of_target(enrolled @ self.keys[1]), self.linker.of_source(probes @ self.keys[0])

    def measured(self, people: int, rng: np.random.Generator) -> tuple[Statistics, Statistics]:
        """What is said of so many people drawn at random: of linkage, and of inversion."""
        who = np.arange(people)
        bootstrap = IdentityBootstrap(who, DRAWS)
        enrolled, probes = self.linked(people, rng)
        return (
            linkage_statistics(Linked(enrolled, who, probes, who), bootstrap, rng),
            self.inverted(people, bootstrap, rng),
        )

    def inverted(self, people: int, bootstrap: IdentityBootstrap, rng: np.random.Generator) -> Statistics:
        """What is said of the reconstructions of two images of each."""
        true, shown = np.concatenate(images(people, self.noise, rng)), np.tile(np.arange(people), 2)
        first = np.arange(len(true)) < people
        found = Reconstructed(true, self.decoder(released(true)), self.mean, shown, first)
        return inversion_statistics(found, bootstrap)


def released(points: Points) -> Points:
    """Some coordinates and a bent one."""
    return np.concatenate([points[:, :KEPT], np.abs(points[:, KEPT:])], axis=1)


def trained_row(people: int, noise: float, trials: int) -> list[Any]:
    """The columns of one cell: coverage of D_sys by a linker, and of what a decoder makes."""
    rng = np.random.default_rng([people, round(10 * noise), 1])
    learned = Learned.of(noise, rng)
    linkage, inversion = zip(*(learned.measured(people, rng) for _ in range(trials)), strict=True)
    d_sys = linked_in_truth(*learned.linked(MANY, rng))
    linked = Tally(iter(readings(linkage, {"d_sys": d_sys})), trials)
    truth = learned.inverted(SOME, IdentityBootstrap(np.arange(SOME), DRAWS), rng).point
    true = {name: truth[name] for name in ("gain", "type_1_at_0.01", "type_2_at_0.01")}
    found = Tally(iter(readings(inversion, true)), trials)
    made = [f"{true[name]:.3f}: {said}" for name, said in zip(true, found.columns(), strict=True)]
    return [people, noise, f"{d_sys:.3f}", *linked.columns(), *made]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--people", nargs="+", type=int, default=list(PEOPLE))
    parser.add_argument("--trained", action="store_true", help="of what was learned of other people")
    given = parser.parse_args()
    make, headings = (trained_row, OF_TRAINED) if given.trained else (row, OF_COSINES)
    print("|", " | ".join(headings), "|")
    print("|---" * len(headings) + "|")
    for people in given.people:
        for noise in NOISE:
            print("|", " | ".join(map(str, make(people, noise, given.trials))), "|", flush=True)


if __name__ == "__main__":
    main()
