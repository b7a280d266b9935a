"""From a configuration to the cells that it takes, in an order in which each comes after what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aiakit.experiment.cellspec import (
    AttackKey,
    CellSpec,
    Rivals,
    attack_cell,
    labels_cell,
    matches_cell,
    produced_by,
    protocol_cell,
    queries_cell,
    release_cells,
    utility_cell,
)
from aiakit.experiment.config import LESSER, AttributeSpec, Chain, Level, PluginSpec, RunConfig, label_of
from aiakit.experiment.numeric import NumericCells, numeric_cells
from aiakit.experiment.risking import RiskCells, risk_cells
from aiakit.measures.halving import LEAST, RUNGS

__all__ = [
    "AttackKey",
    "CellSpec",
    "FurtherAttribute",
    "Growing",
    "Plan",
    "growth_cells",
    "make_plan",
    "produced_by",
]


BEYOND: tuple[Level, ...] = ("insider", "query", "insider+query")  # what an informed attacker may know besides


@dataclass(frozen=True)
class FurtherAttribute:
    """What a further attribute takes: its labels, and attacks fitted anew on the same releases."""

    labels: CellSpec
    attacks: dict[AttackKey, CellSpec]


@dataclass(frozen=True)
class Plan:
    """The cells of a run by what they are.

    attacks : on the protected attribute. further : name → its cells. matches : the matcher on each release that has
    pictures; photographs : on the undefended photographs, where there are any. risks, numeric : what
    these take.
    """

    protocol: CellSpec
    releases: dict[tuple[str, int], CellSpec]
    attacks: dict[AttackKey, CellSpec]
    utilities: dict[tuple[str, int], CellSpec]
    stages: dict[str, CellSpec]
    further: dict[str, FurtherAttribute]
    queries: dict[tuple[str, int], CellSpec]
    matches: dict[tuple[str, int], CellSpec]
    photographs: CellSpec | None
    risks: RiskCells
    numeric: NumericCells

    def cells(self) -> Iterator[CellSpec]:
        """Every cell, each after the cells that it needs; a cell that several need may come several times."""
        yield self.protocol
        yield from [] if self.photographs is None else [self.photographs]
        yield from (attribute.labels for attribute in self.further.values())
        yield from self.numeric.numbers.values()
        releases = {**self.stages, **{cell.digest: cell for cell in self.releases.values()}}
        tables = [self.attacks, *(attribute.attacks for attribute in self.further.values())]
        for name in dict.fromkeys(name for name, _ in self.releases):
            of_release = [self.releases, self.utilities, self.matches, self.queries]
            made = [cell for table in of_release for (release, _), cell in table.items() if release == name]
            users = [cell for table in tables for key, cell in table.items() if key.release == name]
            for cell in [*made, *users, *self.risks.of(name), *self.numeric.of(name)]:
                yield from self._before(cell, releases)
                yield cell

    def _before(self, cell: CellSpec, releases: dict[str, CellSpec]) -> Iterator[CellSpec]:
        """The releases that a cell needs, directly or not, deepest first."""
        for need in cell.needs:
            if need in releases:
                yield from self._before(releases[need], releases)
                yield releases[need]

    def unique_cells(self) -> list[CellSpec]:
        """The cells without repetition (two chains may share their first stages)."""
        return list({cell.digest: cell for cell in self.cells()}.values())


def make_plan(config: RunConfig) -> Plan:
    """The plan of a run. Attacks whose view a release does not have are left out."""
    return _Planner(config).plan()


@dataclass(frozen=True)
class Growing:
    """An attack that is also trained with so many people each. key : without people and fold."""

    key: AttackKey
    people: tuple[int, ...]


def growth_cells(config: RunConfig, wanted: Sequence[Growing]) -> dict[AttackKey, CellSpec]:
    """The cells of attacks with fewer people than they could learn from."""
    planner = _Planner(config)
    planner.plan()
    return {key: cell for growing in wanted for key, cell in planner.grown(growing)}


class _Arena:
    """Who competes with whom to be a level's strongest attack on a release, fold by fold.

    halving : whether attacks may be left out of later folds.
    """

    def __init__(self, halving: bool) -> None:
        self.halving = halving
        self.cells: dict[AttackKey, dict[str, list[CellSpec]]] = {}

    def enter(self, key: AttackKey, cell: CellSpec) -> None:
        if key.headline and not key.untrained:
            self.cells.setdefault(self._place(key), {}).setdefault(key.attack, []).append(cell)

    def rivals(self, key: AttackKey) -> Rivals:
        """All attacks in each of the first folds before this one; none where nobody is left out."""
        if not self.halving or not key.fold or not key.headline or key.untrained:
            return []
        earlier = range(min(key.fold, RUNGS))
        found = [self.cells[self._place(replace(key, fold=fold))] for fold in earlier]
        return found if all(len(fold) > LEAST for fold in found) else []

    def _place(self, key: AttackKey) -> AttackKey:
        return replace(key, attack="", knowledge="informed", seed=0, attack_seed=0)


class _Planner:
    """Fills the tables of a plan."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.protocol = protocol_cell(config)
        self.stages: dict[str, CellSpec] = {}
        self.releases: dict[tuple[str, int], CellSpec] = {}
        self.utilities: dict[tuple[str, int], CellSpec] = {}
        self.queries: dict[tuple[str, int], CellSpec] = {}
        self.matches: dict[tuple[str, int], CellSpec] = {}
        self.chains = {label_of(chain): chain for chain in config.defenses}

    def plan(self) -> Plan:
        for name, chain in self.chains.items():
            for seed in self.config.seeds:
                release = self.releases[name, seed] = self._release(chain, seed)
                if any(level in self.config.knowledge for level in ("query", "insider+query")):
                    made = list(release_cells(self.config, self.protocol, chain, seed))
                    self.queries[name, seed] = queries_cell(self.config, self.protocol, chain, made, seed)
                if self.config.pairs is not None:
                    self.utilities[name, seed] = utility_cell(self.config, self.protocol, release, name, seed)
                    if self.config.matcher is not None and "image" in produced_by(chain):
                        self.matches[name, seed] = matches_cell(
                            self.config, self.protocol, self.config.matcher, release, name, seed
                        )
        attacks = self._attacks(self.config.attacks)
        further = {spec.name: self._further(spec) for spec in self.config.further if not spec.left_out}
        matcher, photographs = self.config.matcher, None
        if matcher is not None and self.config.pairs is not None and self.config.has_images:
            photographs = matches_cell(self.config, self.protocol, matcher, None)
        return Plan(self.protocol, self.releases, attacks, self.utilities, self.stages, further, self.queries,
                    self.matches, photographs, self._risks(),
                    numeric_cells(self.config, self.protocol, self.chains, self.releases))  # fmt: skip

    def _risks(self) -> RiskCells:
        return risk_cells(self.config, self.protocol, self.chains, self.releases)

    def grown(self, growing: Growing) -> Iterator[tuple[AttackKey, CellSpec]]:
        """One attack with each number of people, in each fold."""
        key = growing.key
        attack = next(spec for spec in self.config.attacks if spec.name == key.attack)
        chain, release = self.chains[key.release], self.releases[key.release, key.seed]
        wanted = [(replace(key, people=people), attack) for people in growing.people]
        for each, _ in self._fold_by_fold(wanted):
            cell = self._attack(each, attack, chain, release, None)
            if cell is not None:
                yield each, cell

    def _further(self, spec: AttributeSpec) -> FurtherAttribute:
        labels = labels_cell(self.config, self.protocol, spec)
        usable = [a for a in self.config.attacks if a.name not in spec.without]
        return FurtherAttribute(labels, self._attacks(usable, labels))

    def _attacks(self, attacks: Sequence[PluginSpec], labels: CellSpec | None = None) -> dict[AttackKey, CellSpec]:
        """The attacks on every release: in every way that is asked for, of a further attribute in the strongest."""
        table: dict[AttackKey, CellSpec] = {}
        for name, chain in self.chains.items():
            able = [attack for attack in attacks if not attack.combines and attack.view in produced_by(chain)]
            asked = [(key, a) for seed in self.config.seeds for a in able for key in self._keys(name, seed, a)]
            arena = _Arena(self.config.halving)
            for key, attack in self._fold_by_fold(asked):
                if labels is None or key.headline:
                    cell = self._attack(key, attack, chain, self.releases[name, key.seed], labels, arena.rivals(key))
                    if cell is not None:
                        table[key] = cell
                        arena.enter(key, cell)
            for seed in self.config.seeds:
                for attack in attacks:
                    if attack.combines:
                        table |= self._combinations(table, name, seed, attack, self.releases[name, seed], labels)
        return table

    def _release(self, chain: Chain, seed: int) -> CellSpec:
        *before, release = release_cells(self.config, self.protocol, chain, seed)
        self.stages.update({cell.digest: cell for cell in before})
        return release

    def _fold_by_fold(self, asked: Sequence[tuple[AttackKey, PluginSpec]]) -> Iterator[tuple[AttackKey, PluginSpec]]:
        folds = self.config.split.folds
        for fold in range(folds) if folds > 1 else (None,):
            yield from ((replace(key, fold=fold), attack) for key, attack in asked)

    def _keys(self, name: str, seed: int, attack: PluginSpec) -> Iterator[AttackKey]:
        """Every way in which the run asks for this attack on this release."""
        own = attack.knowledge
        if own in ("in-loop", "ignorant"):  # nothing is trained: one seed, one level
            yield AttackKey(name, seed, attack.name, 0, own, untrained=own == "ignorant")
            return
        # an adaptive attack is given photographs beside the release, and there are none of what was made up
        beyond = BEYOND if own == "informed" else ("insider",)
        for attack_seed in range(self.config.attack_seeds):
            key = AttackKey(name, seed, attack.name, attack_seed, own)
            yield key
            yield from (replace(key, insider="insider" in level, query="query" in level)
                        for level in self.config.knowledge if level in beyond)  # fmt: skip
            if own == "informed":
                yield from (replace(key, knowledge=k) for k in self.config.knowledge if k in LESSER)
            yield from (replace(key, people=people) for people in self.config.budgets)
        first = AttackKey(name, seed, attack.name, 0, own)
        yield from (replace(first, permutation=number) for number in range(self.config.permutations))

    def _attack(
        self,
        key: AttackKey,
        attack: PluginSpec,
        chain: Chain,
        release: CellSpec,
        labels: CellSpec | None,
        rivals: Rivals = (),
    ) -> CellSpec | None:
        reference = self.chains.get(self.config.reference)
        undefended = None if reference is None else self._release(reference, key.seed)
        trained_on = release
        if key.knowledge == "ignorant" and not key.untrained:
            if undefended is None or attack.view not in produced_by(reference or chain):
                return None
            trained_on = undefended
        elif key.knowledge == "lazy":
            trained_on = self._release(chain, self._other_seed(key.seed))
            self.stages[trained_on.digest] = trained_on
        given = undefended if key.knowledge == "adaptive" else None
        queries = self.queries[key.release, key.seed] if key.query else None
        return attack_cell(
            self.config, self.protocol, attack, key, trained_on, release, given, queries, (), labels, rivals
        )

    def _combinations(
        self,
        table: dict[AttackKey, CellSpec],
        name: str,
        seed: int,
        attack: PluginSpec,
        release: CellSpec,
        labels: CellSpec | None,
    ) -> dict[AttackKey, CellSpec]:
        """An attack on the scores of all others that count for a level's strongest; it needs two of them."""
        found = {}
        own = [key for key in table if (key.release, key.seed) == (name, seed) and key.headline and not key.combined]
        ways = {(key.attack_seed, key.fold, key.level): key for key in own if not key.untrained}
        for (attack_seed, fold, level), way in ways.items():
            others = [key for key in own if (key.attack_seed, key.fold) == (attack_seed, fold) and key.counts_at(level)]
            if len(others) > 1:
                key = replace(way, attack=attack.name, knowledge="informed", combined=True)
                cells = [table[other] for other in others]
                found[key] = attack_cell(
                    self.config, self.protocol, attack, key, release, release, None, None, cells, labels
                )
        return found

    def _other_seed(self, seed: int) -> int:
        """The seed of the release that a lazy attacker makes for itself: another of the run, or one after the last."""
        seeds = self.config.seeds
        return seeds[(seeds.index(seed) + 1) % len(seeds)] if len(seeds) > 1 else seed + 1
