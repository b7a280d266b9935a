"""From stored scores to statistics: everything here can be computed again from a run without training anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from aiakit.bootstrap import IdentityBootstrap
from aiakit.comparison import Difference, paired_difference
from aiakit.experiment.config import RunConfig, label_of
from aiakit.experiment.plan import AttackKey, CellSpec, Plan, is_claim, make_plan
from aiakit.experiment.protocol import PROTOCOLS, Protocol
from aiakit.statistics import AttackStatistics, attack_statistics, exceeds_chance
from aiakit.store import Store
from aiakit.verification_metrics import VerificationStatistics, ten_fold_accuracy, verification_statistics


@dataclass(frozen=True)
class OfficialFolds:
    """A data set's own protocol on the pairs of test people: mean accuracy over folds, standard error, pairs used."""

    accuracy: float
    standard_error: float
    pairs: int


@dataclass
class Row:
    """One release: what it claims, what each attack reads from it, and what it is good for.

    seconds : computing time of all of its cells. missing : labels of its cells that are not there.
    """

    defense: str
    claimed: AttackStatistics | None = None
    attacks: dict[str, AttackStatistics] = field(default_factory=dict)
    utility: dict[str, VerificationStatistics] = field(default_factory=dict)
    official: OfficialFolds | None = None
    seconds: float = 0.0
    fit_seconds: float = 0.0
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


@dataclass
class Evaluation:
    """A run's rows and what they were measured with."""

    config: RunConfig
    protocol: Protocol
    rows: dict[str, Row]

    def power(self, attack: str) -> bool | None:
        """Whether the attack beats chance on the undefended release; None where the run has none to tell by."""
        reference = self.rows.get(self.config.reference)
        if reference is None or attack not in reference.attacks:
            return None
        return exceeds_chance(reference.attacks[attack])


def evaluate(store: Store, config: RunConfig) -> Evaluation:
    """The statistics of every finished cell of a run. Raises InputError where even the splits are not there."""
    plan = make_plan(config)
    protocol = Protocol.read(store, plan.protocol.digest)
    test = protocol.rows("test")
    bootstrap = IdentityBootstrap(protocol.identity(test), config.bootstrap_draws, config.split.seed)
    rows = {}
    for chain in config.defenses:
        name = label_of(chain)
        row = rows[name] = Row(name)
        _add_costs(store, plan, name, row)
        _add_attacks(store, config, plan, protocol, bootstrap, name, row)
        _add_utility(store, plan, protocol, bootstrap, name, row)
    return Evaluation(config, protocol, rows)


def _add_costs(store: Store, plan: Plan, name: str, row: Row) -> None:
    cells: list[CellSpec] = [cell for (defense, _), cell in plan.releases.items() if defense == name]
    fitted = [store.find(cell.digest) for cell in cells]
    row.fit_seconds = sum(cell.result.get("fit_seconds", 0.0) for cell in fitted if cell)
    cells += [cell for (defense, _), cell in plan.utilities.items() if defense == name]
    cells += [cell for key, cell in plan.attacks.items() if key.defense == name]
    for cell in cells:
        found = store.find(cell.digest)
        if found is None:
            row.missing.append(cell.label)
        else:
            row.seconds += found.seconds


def _add_attacks(
    store: Store,
    config: RunConfig,
    plan: Plan,
    protocol: Protocol,
    bootstrap: IdentityBootstrap,
    name: str,
    row: Row,
) -> None:
    val, test = protocol.rows("attacker-val"), protocol.rows("test")
    for attack in config.attacks:
        keys: list[AttackKey] = [key for key in plan.attacks if (key.defense, key.attack) == (name, attack.name)]
        found = [store.find(plan.attacks[key].digest) for key in keys]
        scores = [cell.tensors("scores") for cell in found if cell is not None]
        if not scores:
            continue
        claim = is_claim(attack)
        statistics = attack_statistics(
            [table["val"] for table in scores],
            protocol.labels(val),
            [table["test"] for table in scores],
            protocol.labels(test),
            bootstrap,
            len(protocol.classes),
            decide_on_val=not claim,
        )
        if claim:
            row.claimed = statistics
        else:
            row.attacks[attack.name] = statistics


def _add_utility(
    store: Store, plan: Plan, protocol: Protocol, bootstrap: IdentityBootstrap, name: str, row: Row
) -> None:
    found = [store.find(cell.digest) for (defense, _), cell in plan.utilities.items() if defense == name]
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
        row.utility[kind] = verification_statistics(
            [(table[f"attacker-val.{kind}"], val_pairs.same) for table in scores],
            [
                (table[f"test.{kind}"], test_pairs.same, identity[test_pairs.left], identity[test_pairs.right])
                for table in scores
            ],
            bootstrap,
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
