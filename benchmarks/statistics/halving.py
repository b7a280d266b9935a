"""Whether weak attacks can be left out of later folds: ``python -m benchmarks.statistics.halving [--leaks N] [RUN…]``.

Successive halving, simulated on finished runs with ``--folds``, and on audits of N samples of each leak of
embeddings that calibration knows: after the first folds an attack goes that is certainly not the strongest
(``aiakit.measures.halving``). A row says, of a release at a level of knowledge, which attack is chosen and which of
those that are left, the stack of either among them, what each reads on test, and the share of the processor's time that
the attacks took which ran. Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import aiakit
from aiakit.calibration.leaks import embedding_leaks
from aiakit.contracts import Context
from aiakit.experiment.plan import AttackKey, make_plan
from aiakit.experiment.probing import combined_scores
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.halving import LEAST, RUNGS, outdone
from aiakit.measures.statistics import AttackStatistics, attack_statistics
from aiakit.plugins import registry
from aiakit.results.repeats import repeats_of

METRIC = "balanced_accuracy"
STACK, FOLDS = "stack", 5


@dataclass(frozen=True)
class Tried:
    """An attack on one release at one level. val, test : (N, K) scores. seconds : of each fold."""

    val: NDArray[Any]
    test: NDArray[Any]
    seconds: NDArray[np.float64]


@dataclass(frozen=True)
class People:
    """Whom it was tried on. learned : the fold of the attack that each sample is attacker-val of; fold : of test."""

    labels: NDArray[Any]
    identity: NDArray[Any]
    fold: NDArray[Any]
    learned: NDArray[Any]
    classes: int

    def on_test(self, tried: Tried) -> AttackStatistics:
        """What an attack reads, decided by its scores on attacker-val."""
        folds, bootstrap = (self.fold, self.fold), IdentityBootstrap(self.identity, 1)
        return attack_statistics(
            [tried.val], self.labels, [tried.test], self.labels, bootstrap, self.classes, True, self.identity,
            "person", folds,
        )  # fmt: skip


def halved(attacks: Mapping[str, Tried], people: People) -> dict[str, int]:
    """Attack → after how many folds it went."""
    folds = int(people.fold.max()) + 1
    lasting = dict.fromkeys(attacks, folds)
    for done in range(1, RUNGS + 1):
        rows = people.learned < done
        staying = {name: [attacks[name].val[rows]] for name, lasted in lasting.items() if lasted == folds}
        truth = people.labels[rows], people.identity[rows], people.learned[rows]
        lasting |= dict.fromkeys(outdone(staying, staying, *truth, people.classes), done)
    return lasting


def stacked(attacks: Mapping[str, Tried], people: People) -> Tried:
    """The stack of these attacks, which each fold makes of its own scores. It costs next to nothing."""
    entry = registry.entry("attack", STACK)
    val, test = (np.empty((len(people.labels), people.classes)) for _ in range(2))
    for fold in range(int(people.fold.max()) + 1):
        known, tested = people.learned == fold, people.fold == fold
        tables = [{"val": tried.val[known], "test": tried.test[tested]} for tried in attacks.values()]
        truth = people.labels[known], people.identity[known]
        names = tuple(map(str, range(people.classes)))
        made = combined_scores(tables, truth, names, registry.make("attack", STACK), entry, Context())
        val[known], test[tested] = made["val"], made["test"]
    return Tried(val, test, np.zeros(1))


def chosen(attacks: Mapping[str, Tried], people: People) -> tuple[str, float]:
    """The strongest on attacker-val, the stack among them, and what it reads on test."""
    everybody = {**attacks, STACK: stacked(attacks, people)}
    judged = {name: people.on_test(tried) for name, tried in everybody.items()}
    name = max(judged, key=lambda each: judged[each].on_val)
    return name, judged[name].point[METRIC]


def tried_in(run: Run) -> Iterator[tuple[str, Mapping[str, Tried], People]]:
    """Every release at every level, of the first seed: the attacks that were trained on it and finished."""
    plan = make_plan(run.config)
    protocol = Protocol.read(run.store, plan.protocol.digest)
    rows, folds = protocol.judged("test"), run.config.split.folds
    fold = protocol.fold_of(rows)
    assert fold is not None
    learned = (fold - 1) % folds
    people = People(protocol.labels(rows), protocol.identity(rows), fold, learned, len(protocol.classes))
    wanted = [
        key for key in plan.attacks
        if key.headline and not key.combined and not key.untrained and (key.seed, key.attack_seed) == (0, 0)
    ]  # fmt: skip
    seconds: dict[AttackKey, list[float]] = {}
    for key in wanted:
        cell = run.store.find(plan.attacks[key].digest)
        if cell is not None:
            seconds.setdefault(replace(key, fold=None), []).append(cell.seconds)
    found: dict[str, dict[str, Tried]] = {}
    for repeat in repeats_of(run.store, plan.attacks, wanted, protocol):
        key = repeat.key
        if repeat.scores:
            tried = Tried(repeat.scores["val"], repeat.scores["test"], np.array(seconds[key]))
            release = run.config.dataset.name if run.config.audits else key.release
            found.setdefault(f"{release}, {key.level}", {})[key.attack] = tried
    yield from ((name, attacks, people) for name, attacks in found.items() if len(attacks) > LEAST)


def row(name: str, attacks: Mapping[str, Tried], people: People) -> tuple[str, float, float]:
    """A line of the table, how much less those read that are left, and their share of the time."""
    lasting = halved(attacks, people)
    folds = max(lasting.values())
    left = {each: attacks[each] for each, count in lasting.items() if count == folds}
    spent = sum(attacks[each].seconds[:count].sum() for each, count in lasting.items())
    share = float(spent / sum(tried.seconds.sum() for tried in attacks.values()))
    (one, reads), (other, less) = chosen(attacks, people), chosen(left, people)
    line = f"| {name} | {len(attacks)} | {len(left)} | {one} {reads:.3f} | {other} {less:.3f} | {share:.0%} |"
    return line, reads - less, share


def audits_of_leaks(samples: int, folder: Path) -> Iterator[Path]:
    """An audit of each leak of embeddings, with every attack in every fold."""
    for leak in embedding_leaks():
        release, labels = leak.draw(samples, Context(seed=1).rng("halving", leak.name))
        people = np.arange(samples) // leak.images
        attributes, place = {"leak": np.array(["a", "b"])[labels]}, folder / leak.name
        aiakit.audit(
            release.embedding, attributes=attributes, identity=people, attacks="all", folds=FOLDS,
            forecast=False, utility=False, folder=place, name=leak.name,
        )  # fmt: skip
        yield place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="*", type=Path, help="folder of a finished run or audit with --folds")
    parser.add_argument("--leaks", type=int, default=0, metavar="N", help="also audit so many samples of each leak")
    options = parser.parse_args()
    print("| release, level | attacks | left | strongest of all | strongest of those left | time |")
    print("|---|---|---|---|---|---|")
    results = []
    with tempfile.TemporaryDirectory(prefix="aiakit-halving-") as folder:
        audited = audits_of_leaks(options.leaks, Path(folder)) if options.leaks else ()
        for run in chain(options.run, audited):
            for name, attacks, people in tried_in(Run.open(run)):
                line, lost, share = row(name, attacks, people)
                results.append((lost, share))
                print(line, flush=True)
    lost, share = np.array(results).T
    print(f"\n{len(results)} choices, by {lost.mean():+.3f} less in the mean and {lost.max():+.3f} at most")
    print(f"{share.mean():.0%} of the time in the mean")


if __name__ == "__main__":
    main()
