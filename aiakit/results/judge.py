"""From stored scores to statistics: everything here can be computed again from a run without training anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from aiakit.experiment.config import RunConfig, label_of
from aiakit.experiment.plan import AttackKey, CellSpec, Plan, is_claim, make_plan
from aiakit.experiment.protocol import PROTOCOLS, Protocol
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.comparison import Difference, max_t_bound, paired_difference, variance_components
from aiakit.measures.pooling import pooled_statistics
from aiakit.measures.statistics import AttackStatistics, attack_statistics, exceeds_chance
from aiakit.measures.verification import VerificationStatistics, ten_fold_accuracy
from aiakit.results.remembered import FOLDER, Memory
from aiakit.storage.documents import sound
from aiakit.storage.store import Store


@dataclass(frozen=True)
class OfficialFolds:
    """A data set's own protocol on the pairs of test people: mean accuracy over folds, standard error, pairs used."""

    accuracy: float
    standard_error: float
    pairs: int


@dataclass
class Row:
    """One release: what it claims, what each attack reads from it, and what it is good for.

    attacks : those that were trained on this release, with all people and true labels.
    knowledge : level → attack → statistics, of the levels below ("ignorant", "lazy").
    budgets : attack → number of attacker-train people → statistics.
    pooled : number of images of one person whose evidence is added up → statistics of the strongest attack.
    nulls : the balanced accuracy of the selected attack in each run with permuted labels.
    skipped : attack → why it could not be applied. approximations : attack → what it did of a large sample.
    variance : attack → variances of its balanced accuracy (between defense seeds, between attack seeds).
    accuracy_bound : what no attack on it can exceed, where its defense proves that.
    seconds : computing time of all of its cells. fit_seconds, release_seconds : of its defense, over all seeds.
    peak_mib : the most memory that making the release took. missing : labels of its cells that are not there.
    """

    defense: str
    claimed: AttackStatistics | None = None
    attacks: dict[str, AttackStatistics] = field(default_factory=dict)
    knowledge: dict[str, dict[str, AttackStatistics]] = field(default_factory=dict)
    budgets: dict[str, dict[int, AttackStatistics]] = field(default_factory=dict)
    pooled: dict[int, AttackStatistics] = field(default_factory=dict)
    nulls: list[float] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    approximations: dict[str, str] = field(default_factory=dict)
    variance: dict[str, tuple[float, float]] = field(default_factory=dict)
    accuracy_bound: float | None = None
    utility: dict[str, VerificationStatistics] = field(default_factory=dict)
    official: OfficialFolds | None = None
    seconds: float = 0.0
    fit_seconds: float = 0.0
    release_seconds: float = 0.0
    peak_mib: float | None = None
    missing: list[str] = field(default_factory=list)

    @cached_property
    def strongest(self) -> str | None:
        """The attack with the best balanced accuracy on attacker-val: chosen there, reported on test."""
        if not self.attacks:
            return None
        return max(
            self.attacks, key=lambda name: (self.attacks[name].val_balanced_accuracy, self.attacks[name].val_auc)
        )

    @cached_property
    def gap(self) -> Difference | None:
        """The illusion gap: the strongest attack's balanced accuracy minus the claimed one, with a paired interval."""
        if self.claimed is None or self.strongest is None:
            return None
        return paired_difference(self.attacks[self.strongest], self.claimed, "balanced_accuracy")

    @cached_property
    def simultaneous_upper(self) -> float | None:
        """A 95 % bound on what the best of these attacks truly reaches, whichever that is."""
        if not self.attacks:
            return None
        statistics = list(self.attacks.values())
        values, draws = zip(
            *((s.point["balanced_accuracy"], s.draws["balanced_accuracy"]) for s in statistics), strict=True
        )
        return max_t_bound(values, draws).upper

    @cached_property
    def null_p_value(self) -> float | None:
        """The share of runs with permuted labels in which the selected attack reached what the strongest reached."""
        if not self.nulls or self.strongest is None:
            return None
        reached = self.attacks[self.strongest].point["balanced_accuracy"]
        return (1 + sum(value >= reached for value in self.nulls)) / (1 + len(self.nulls))


@dataclass
class Evaluation:
    """A run's rows and what they were measured with. further : the same of each further attribute."""

    config: RunConfig
    protocol: Protocol
    rows: dict[str, Row]
    further: dict[str, Evaluation] = field(default_factory=dict)

    def power(self, attack: str) -> bool | None:
        """Whether the attack beats chance on the undefended release; None where the run has none to tell by."""
        reference = self.rows.get(self.config.reference)
        if reference is None or attack not in reference.attacks:
            return None
        return exceeds_chance(reference.attacks[attack])


def evaluate(store: Store, config: RunConfig, known: Mapping[str, Row] | None = None) -> Evaluation:
    """The statistics of every finished cell of a run. Raises InputError where even the splits are not there.

    known : rows that were computed before (the points of a sweep share their reference).
    """
    with sound(store.folder):
        return _evaluate(store, config, known)


def _evaluate(store: Store, config: RunConfig, known: Mapping[str, Row] | None) -> Evaluation:
    plan = make_plan(config)
    judge = _judge(store, plan, config)
    rows = dict(known or {})
    for chain in config.defenses:
        name = label_of(chain)
        if name in rows:
            continue
        row = rows[name] = Row(name)
        _add_costs(store, plan, name, row)
        _add_attacks(judge, config, name, row, config.pooled)
        _add_utility(judge, plan, name, row)
    further = {name: _evaluate_further(store, plan, config, name) for name in plan.further}
    return Evaluation(config, judge.protocol, rows, {name: found for name, found in further.items() if found})


def _evaluate_further(store: Store, plan: Plan, config: RunConfig, attribute: str) -> Evaluation | None:
    """What the releases say of a further attribute; None where its labels are not there yet."""
    if not store.has(plan.further[attribute].labels.digest):
        return None
    judge = _judge(store, plan, config, attribute)
    rows = {label_of(chain): Row(label_of(chain)) for chain in config.defenses}
    for name, row in rows.items():
        _add_attacks(judge, config, name, row)
    return Evaluation(config, judge.protocol, rows)


def _add_costs(store: Store, plan: Plan, name: str, row: Row) -> None:
    releases = [cell for (defense, _), cell in plan.releases.items() if defense == name]
    made = [cell.result for cell in (store.find(spec.digest) for spec in releases) if cell is not None]
    row.fit_seconds = sum(result.get("fit_seconds", 0.0) for result in made)
    row.release_seconds = sum(result.get("release_seconds", 0.0) for result in made)
    row.peak_mib = max((result["peak_mib"] for result in made if "peak_mib" in result), default=None)
    bounds = [result["accuracy_bound"] for result in made if result.get("accuracy_bound") is not None]
    row.accuracy_bound = max(bounds) if len(bounds) == len(releases) else None  # what holds for every seed's release
    cells = [*releases, *(cell for (defense, _), cell in plan.utilities.items() if defense == name)]
    for table in (plan.attacks, *(attribute.attacks for attribute in plan.further.values())):
        cells += [cell for key, cell in table.items() if key.defense == name]
    for cell in cells:
        found = store.find(cell.digest)
        if found is None:
            row.missing.append(cell.label)
        else:
            row.seconds += found.seconds


def _judge(store: Store, plan: Plan, config: RunConfig, attribute: str | None = None) -> _Judge:
    further = None if attribute is None else plan.further[attribute]
    protocol = Protocol.read(store, plan.protocol.digest, None if further is None else further.labels.digest)
    identity = protocol.identity(protocol.rows("test"))
    bootstrap = IdentityBootstrap(identity, config.bootstrap_draws, config.split.seed)
    cells = plan.attacks if further is None else further.attacks
    return _Judge(store, cells, protocol, bootstrap, Memory(store.folder / FOLDER))


@dataclass(frozen=True)
class _Judge:
    """Turns the stored scores of the attacks on one attribute into statistics."""

    store: Store
    cells: dict[AttackKey, CellSpec]
    protocol: Protocol
    bootstrap: IdentityBootstrap
    memory: Memory

    @cached_property
    def without_draws(self) -> IdentityBootstrap:
        """For runs with permuted labels, of which only the points are looked at."""
        return IdentityBootstrap(self.protocol.identity(self.protocol.rows("test")), 1)

    def statistics(self, keys: list[AttackKey], row: Row, claim: bool = False) -> AttackStatistics | None:
        """Of the repeats of one attack; None where none of them has scores."""
        tables = []
        for key in keys:
            cell = self.store.find(self.cells[key].digest)
            if cell is not None and "skipped" in cell.result:
                row.skipped[f"{key.attack}, {key.knowledge}"] = cell.result["skipped"]
            elif cell is not None:
                tables.append(cell.tensors("scores"))
                if key.headline and "approximation" in cell.result:
                    row.approximations[key.attack] = cell.result["approximation"]
        if not tables:
            return None
        val, test = self.protocol.rows("attacker-val"), self.protocol.rows("test")
        permutation = keys[0].permutation
        compute = self.memory.attack_statistics if permutation is None else attack_statistics
        return compute(
            [table["val"] for table in tables],
            self.protocol.permuted_labels(val, permutation),
            [table["test"] for table in tables],
            self.protocol.permuted_labels(test, permutation),
            self.bootstrap if permutation is None else self.without_draws,
            len(self.protocol.classes),
            decide_on_val=not claim,
        )


def _add_attacks(judge: _Judge, config: RunConfig, name: str, row: Row, pooled: Sequence[int] = ()) -> None:
    claims = {attack.name for attack in config.attacks if is_claim(attack)}
    groups: dict[AttackKey, list[AttackKey]] = {}  # the repeats of each attack, under a key without seeds
    for key in judge.cells:
        if key.defense == name:
            groups.setdefault(replace(key, seed=0, attack_seed=0), []).append(key)
    nulls: dict[int, list[AttackStatistics]] = {}
    for group, keys in groups.items():
        if group.permutation is not None:  # the first seed's release stands for the others
            keys = [key for key in keys if key.seed == config.seeds[0]]
        statistics = judge.statistics(keys, row, group.attack in claims)
        if statistics is None:
            continue
        if group.attack in claims:
            row.claimed = statistics
        elif group.permutation is not None:
            nulls.setdefault(group.permutation, []).append(statistics)
        elif group.people is not None:
            row.budgets.setdefault(group.attack, {})[group.people] = statistics
        elif group.headline:
            row.attacks[group.attack] = statistics
            variance = _variance(keys, statistics)
            if variance is not None:
                row.variance[group.attack] = variance
        else:
            row.knowledge.setdefault(group.knowledge, {})[group.attack] = statistics
    row.nulls = [
        max(suite, key=lambda s: (s.val_balanced_accuracy, s.val_auc)).point["balanced_accuracy"]
        for _, suite in sorted(nulls.items())
    ]
    if row.strongest is not None:
        for images in pooled:
            together = _pooled(judge, groups, row, images)
            if together is not None:
                row.pooled[images] = together


def _variance(keys: Sequence[AttackKey], statistics: AttackStatistics) -> tuple[float, float] | None:
    """Between defense seeds and between attack seeds; None unless every pair of two or more of each has scores."""
    values = statistics.per_repeat["balanced_accuracy"]
    seeds, attack_seeds = {key.seed for key in keys}, {key.attack_seed for key in keys}
    if min(len(seeds), len(attack_seeds)) < 2 or not len(values) == len(keys) == len(seeds) * len(attack_seeds):
        return None
    return variance_components(np.reshape(values, (len(seeds), len(attack_seeds))))


def _pooled(judge: _Judge, groups: dict[AttackKey, list[AttackKey]], row: Row, images: int) -> AttackStatistics | None:
    """The strongest attack with the evidence of so many images of one person added up."""
    protocol = judge.protocol
    val, test = protocol.rows("attacker-val"), protocol.rows("test")
    keys = next(keys for group, keys in groups.items() if group.headline and group.attack == row.strongest)
    cells = [judge.store.find(judge.cells[key].digest) for key in keys]
    tables = [cell.tensors("scores") for cell in cells if cell is not None]
    return pooled_statistics(
        [table["val"] for table in tables],
        (protocol.labels(val), protocol.identity(val)),
        [table["test"] for table in tables],
        (protocol.labels(test), protocol.identity(test)),
        images,
        judge.bootstrap.draws,
        len(protocol.classes),
    )


def _add_utility(judge: _Judge, plan: Plan, name: str, row: Row) -> None:
    protocol = judge.protocol
    found = [judge.store.find(cell.digest) for (defense, _), cell in plan.utilities.items() if defense == name]
    scores = [cell.tensors("scores") for cell in found if cell is not None]
    if not scores:
        return
    val_rows, test_rows = protocol.rows("attacker-val"), protocol.rows("test")
    identity = protocol.identity(test_rows)
    for kind in PROTOCOLS:
        val_pairs = protocol.pairs(f"attacker-val.{kind}", val_rows)
        test_pairs = protocol.pairs(f"test.{kind}", test_rows)
        if val_pairs is None or test_pairs is None:
            continue
        row.utility[kind] = judge.memory.verification_statistics(
            [(table[f"attacker-val.{kind}"], val_pairs.same) for table in scores],
            [
                (table[f"test.{kind}"], test_pairs.same, identity[test_pairs.left], identity[test_pairs.right])
                for table in scores
            ],
            judge.bootstrap,
        )
    row.official = _official(protocol, [table["official"] for table in scores if "official" in table])


def _official(protocol: Protocol, scores: list) -> OfficialFolds | None:  # type: ignore[type-arg]
    if not scores:
        return None
    same = protocol.tensors["pairs.official.same"]
    fold = protocol.tensors["pairs.official.fold"]
    folds = [ten_fold_accuracy(table, same, fold) for table in scores]
    accuracy, error = (sum(values) / len(folds) for values in zip(*folds, strict=True))
    return OfficialFolds(accuracy, error, len(same))
