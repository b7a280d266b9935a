"""Trains the attacks of an entry again, on the release that was submitted with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.datasets.splits import SPLITS
from aiakit.errors import AiakitError, InputError
from aiakit.experiment.cells import COMPUTE
from aiakit.experiment.config import RELEASE, DatasetSpec, Level, PluginSpec, plugin_spec
from aiakit.experiment.given import add_release, add_truth
from aiakit.experiment.plan import Plan, make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.request import make_config
from aiakit.experiment.runtime import Runtime
from aiakit.experiment.workers import execute
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.released import ROWS, TRAIN, read_release
from aiakit.leaderboard.risks import PREFIX
from aiakit.leaderboard.schema import AttackInfo, Entry
from aiakit.leaderboard.scores import statistics_row
from aiakit.leaderboard.tensors import FOLDS, Tensors
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.halving import learned_in
from aiakit.measures.statistics import attack_statistics
from aiakit.plugins import registry
from aiakit.results.judge import SPLITS as SPLITS_OF_SCORES
from aiakit.results.repeats import repeats_of
from aiakit.storage.store import Store


@dataclass(frozen=True)
class Retrained:
    """An attack of an entry and the balanced accuracy that it reaches when trained again.

    reason : why it was not. apart : the larger difference of the two figures, of test and of attacker-val, which the
    strongest attack is chosen by; on_val : whether it is that of attacker-val. folds : of an attack that was left out,
    after how many; both figures are then of attacker-val in those.
    """

    attack: str
    submitted: float
    again: float = float("nan")
    apart: float | None = None
    on_val: bool = False
    reason: str = ""
    folds: int | None = None


@dataclass(frozen=True)
class Bench:
    """A store with the release and the truth of an entry, where attacks can be trained on it.

    reasons : attack → why it cannot be trained, "" where it can.
    """

    store: Store
    plan: Plan
    reasons: dict[str, str]

    def scores(self, attack: AttackInfo, runtime: Runtime) -> Tensors:
        """``REPEAT.SPLIT`` → the scores of an attack that can be trained."""
        found: dict[str, NDArray[Any]] = {}
        for repeat, (seed, attack_seed) in enumerate(attack.repeats):
            trained = _train(self.store, self.plan, attack, seed, attack_seed, runtime)
            found |= {f"{repeat}.{split}": np.asarray(trained[split]) for split in SPLITS_OF_SCORES}
        return found


@contextmanager
def again_on_release(submission: Submission, attacks: Sequence[AttackInfo]) -> Iterator[Bench]:
    """Where attacks can be trained on the release of an entry. Raises InputError as ``read_release`` does."""
    entry = submission.entry
    release = read_release(submission)
    views = {seed: _views(release, seed) for seed in entry.computing.seeds}
    present = set.intersection(*({name.partition(".")[0] for name in found} for found in views.values()))
    reasons = {
        attack.name: _not_retrainable(attack, present, entry.level) for attack in attacks if not attack.shows_claim
    }
    plan = _plan(entry, sorted(present), [attack for attack in attacks if reasons.get(attack.name) == ""])
    with tempfile.TemporaryDirectory(prefix="aiakit-rerun-") as folder:
        store = Store(Path(folder))
        store.open()
        add_truth(store, plan.protocol, _truth(submission, release), _facts(entry))
        for (_, seed), cell in plan.releases.items():
            add_release(store, cell, views[seed])
        yield Bench(store, plan, reasons)


def rerun(submission: Submission, runtime: Runtime) -> Iterator[Retrained]:
    """Balanced accuracy of every attack, as submitted and trained again with the entry's seeds and options.

    The adaptive attacks need photographs, the combined ones the scores of all others, and of external ones there may
    be scores only: these are named with the reason. Raises InputError where the entry has no release.
    """
    entry = submission.entry
    with again_on_release(submission, entry.attacks) as bench:
        for number, attack in enumerate(entry.attacks):
            if attack.shows_claim:
                continue
            stated = {name.removeprefix(f"attack.{number}."): part for name, part in submission.tensors.items()
                      if name.startswith(f"attack.{number}.")}  # fmt: skip
            if attack.left_after is not None:
                yield _retried(submission, attack, stated, bench, runtime)
                continue
            submitted = _figures(submission, attack, stated)
            if bench.reasons[attack.name]:
                yield Retrained(attack.name, submitted[0], reason=bench.reasons[attack.name])
                continue
            again = _figures(submission, attack, bench.scores(attack, runtime))
            apart = [abs(one - other) for one, other in zip(submitted, again, strict=True)]
            yield Retrained(attack.name, submitted[0], again[0], max(apart), apart[1] > apart[0])


def _retried(submission: Submission, attack: AttackInfo, stated: Tensors, bench: Bench, runtime: Runtime) -> Retrained:
    """An attack that was left out: its balanced accuracy on attacker-val of the folds in which it was tried."""
    truth = submission.tensors
    seen = learned_in(np.asarray(truth[FOLDS])) < (attack.left_after or 0)
    labels, identity = (np.asarray(truth[f"val.{what}"])[seen] for what in ("labels", "identity"))

    def reads(proba: list[NDArray[Any]]) -> float:
        found = attack_statistics(
            proba, labels, proba, labels, IdentityBootstrap(identity, 1), len(submission.entry.protocol.classes),
            True, identity, submission.entry.protocol.unit,
        )  # fmt: skip
        return found.point["balanced_accuracy"]

    submitted = reads([np.asarray(part) for part in stated.values()])
    if bench.reasons[attack.name]:
        return Retrained(attack.name, submitted, reason=bench.reasons[attack.name], folds=attack.left_after)
    scores = bench.scores(attack, runtime)
    again = reads([scores[f"{repeat}.val"][seen] for repeat in range(len(attack.repeats))])
    return Retrained(attack.name, submitted, again, abs(submitted - again), True, folds=attack.left_after)


def _figures(submission: Submission, attack: AttackInfo, scores: Tensors) -> tuple[float, float]:
    """Balanced accuracy on test and on attacker-val of the repeats of an attack."""
    protocol = submission.entry.protocol.model_copy(update={"bootstrap_draws": 100})
    alone = submission.entry.model_copy(update={"protocol": protocol, "attacks": (attack,), "beside": (), "risks": {}})
    truth = {name: part for name, part in submission.tensors.items() if not name.startswith(PREFIX)}
    tensors = {**truth, **{f"attack.0.{part}": found for part, found in scores.items()}}
    found = statistics_row(alone, tensors).attacks[attack.name]
    return found.point["balanced_accuracy"], found.val_balanced_accuracy


def _views(release: Tensors, seed: int) -> Tensors:
    found = {name.partition(".")[2]: part for name, part in release.items() if name.partition(".")[0] == str(seed)}
    if not found:
        raise InputError(f"the submitted release has nothing of seed {seed}")
    return found


def _not_retrainable(attack: AttackInfo, views: set[str], level: Level) -> str:
    """Why an attack cannot be trained again on these views; "" where it can."""
    if level != "informed":
        return f"its attacker knows more than the release that is submitted ({level})"
    if attack.external and not attack.fingerprint:
        return "external: only its scores are known"
    if attack.knowledge == "adaptive":
        return "it needs the photographs, which an entry does not hold"
    if attack.files:
        return f"it needs the file of its option {next(iter(attack.files))}"
    if attack.combines:
        return "it learns from the scores of the other attacks, not from the release"
    if attack.view not in views:
        return f"the submitted release has no {attack.view}"
    try:
        own = registry.fingerprint("attack", attack.registered().name)
    except AiakitError as error:
        return str(error)
    return "" if own == attack.fingerprint else "this version of the attack is another than the one submitted"


def _plan(entry: Entry, views: list[str], attacks: list[AttackInfo]) -> Plan:
    """The cells that it takes to train these attacks on the release that was submitted."""
    computing = entry.computing
    config = make_config(
        dataset=DatasetSpec(kind="file", name=entry.name, data=entry.protocol.data),
        attribute=entry.protocol.attribute,
        split=entry.protocol.split,
        pairs=None,
        defenses=((PluginSpec(kind="file", name=RELEASE, params={"views": views}),),),
        attacks=tuple(PluginSpec(**plugin_spec("attack", attack.name, attack.params)) for attack in attacks),
        seeds=computing.seeds,
        attack_seeds=computing.attack_seeds,
        device=computing.device,
        precision=computing.precision,
        framework=computing.framework,
        libraries=computing.libraries,
    )
    return make_plan(config)


def _truth(submission: Submission, release: Tensors) -> Tensors:
    nobody = {f"rows.{split}": np.empty(0, np.int64) for split in SPLITS}
    truth = nobody | {name: release[name] for name in (TRAIN, *ROWS.values(), "labels", "identity")}
    if FOLDS not in submission.tensors:
        return truth
    return truth | {"folds": release["folds"], "labels": submission.tensors["test.labels"]}


def _facts(entry: Entry) -> dict[str, Any]:
    told = ("dataset", "attribute", "classes", "people", "images", "bayes_ceiling")
    stated = entry.protocol.model_dump(mode="json")
    return {**{name: stated[name] for name in told}, "splits": {}, "notes": []}


def _train(store: Store, plan: Plan, attack: AttackInfo, seed: int, attack_seed: int, runtime: Runtime) -> Tensors:
    asked = (RELEASE, seed, attack.name, attack_seed)
    keys = [key for key in plan.attacks if (key.release, key.seed, key.attack, key.attack_seed) == asked]
    for key in keys:
        execute(store, plan.attacks[key].inputs, runtime, COMPUTE)
    (repeat,) = repeats_of(store, plan.attacks, keys, Protocol.read(store, plan.protocol.digest))
    return dict(repeat.scores)
