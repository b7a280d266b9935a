"""Whether weak attacks can be left out of later folds: ``python -m benchmarks.statistics.halving RUN…``.

Successive halving, simulated on finished runs with ``--folds``: after each fold an attack goes whose balanced accuracy
on the attacker-val scores so far lies below that of the best, by a bootstrap over people of the difference. A row says,
of a release at a level of knowledge, which attack all folds choose and which those choose that are left, what each
reads on test, and the share of the processor's time that the attacks took which ran.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.experiment.plan import AttackKey, make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.statistics import AttackStatistics, attack_statistics
from aiakit.results.repeats import repeats_of

METRIC = "balanced_accuracy"
DRAWS = 1000
CERTAINTY = 0.99  # of draws in which an attack is below the best, for it to go
LEAST = 2  # attacks that stay: the strongest and the runner-up


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

    def judged(self, scores: NDArray[Any], rows: NDArray[np.bool_], draws: int = DRAWS) -> AttackStatistics:
        """Balanced accuracy of attacker-val scores on some of the samples, where each person is decided by others."""
        labels, identity, fold = self.labels[rows], self.identity[rows], self.fold[rows]
        folds = (fold, fold) if len(np.unique(fold)) > 1 else None
        bootstrap = IdentityBootstrap(identity, draws)
        val = scores[rows]
        return attack_statistics([val], labels, [val], labels, bootstrap, self.classes, True, identity, "person", folds)


def halved(attacks: Mapping[str, Tried], people: People) -> tuple[dict[str, int], str, str]:
    """Attack → after how many folds it went; whom all folds choose, and whom the folds of those that stay."""
    folds = int(people.fold.max()) + 1
    everybody = np.ones(len(people.labels), dtype=bool)
    last = {name: people.judged(tried.val, everybody, 1) for name, tried in attacks.items()}
    lasting = dict.fromkeys(attacks, folds)
    staying = list(attacks)
    for done in range(1, folds):
        seen = people.learned < done
        judged = {name: people.judged(attacks[name].val, seen) for name in staying}
        order = sorted(staying, key=lambda name: judged[name].point[METRIC], reverse=True)
        best = judged[order[0]].draws[METRIC]
        for name in order[LEAST:]:
            if np.mean(judged[name].draws[METRIC] < best) >= CERTAINTY:
                lasting[name] = done
                staying.remove(name)
    chosen = max(attacks, key=lambda name: last[name].on_val)
    return lasting, chosen, max(staying, key=lambda name: last[name].on_val)


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
            found.setdefault(f"{key.release}, {key.level}", {})[key.attack] = tried
    yield from ((name, attacks, people) for name, attacks in found.items() if len(attacks) > LEAST)


def row(name: str, attacks: Mapping[str, Tried], people: People) -> tuple[str, bool, float]:
    """A line of the table, whether the choice is the same, and the share of the time."""
    lasting, chosen, kept = halved(attacks, people)
    spent = sum(attacks[each].seconds[:count].sum() for each, count in lasting.items())
    share = float(spent / sum(tried.seconds.sum() for tried in attacks.values()))
    reads = {each: _on_test(attacks[each], people) for each in {chosen, kept}}
    stay = sum(count == int(people.fold.max()) + 1 for count in lasting.values())
    return (
        f"| {name} | {len(attacks)} | {stay} | {chosen} {reads[chosen]:.3f} | {kept} {reads[kept]:.3f} | {share:.0%} |",
        chosen == kept,
        share,
    )


def _on_test(tried: Tried, people: People) -> float:
    fold = people.fold
    bootstrap = IdentityBootstrap(people.identity, 1)
    found = attack_statistics(
        [tried.val], people.labels, [tried.test], people.labels, bootstrap, people.classes, True, people.identity,
        "person", (fold, fold),
    )  # fmt: skip
    return found.point[METRIC]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="+", help="folder of a finished run or audit with --folds")
    options = parser.parse_args()
    print(
        "| release, level | attacks | stay | all folds choose | those left choose | time |\n|---|---|---|---|---|---|"
    )
    results = []
    for folder in options.run:
        for name, attacks, people in tried_in(Run.open(Path(folder))):
            line, same, share = row(name, attacks, people)
            results.append((same, share))
            print(line, flush=True)
    alike, time = (float(np.mean(values)) for values in zip(*results, strict=True))
    print(f"\nthe same choice in {alike:.0%} of {len(results)}, at {time:.0%} of the time in the mean")


if __name__ == "__main__":
    main()
