"""From a configuration to the cells that it takes, in an order in which each comes after what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from aiakit import registry
from aiakit.contracts import Publisher
from aiakit.experiment.config import AttributeSpec, Chain, PluginSpec, RunConfig, label_of
from aiakit.store import digest_of


@dataclass(frozen=True)
class CellSpec:
    """One cell: everything that it depends on, which also names it.

    long : whether it is likely to take much longer than others, so that it had better begin early.
    label : what progress calls it. needs : digests of the cells that must be finished before. plugin : the plugin
    that it runs, as kind and name.
    """

    inputs: dict[str, Any]
    label: str
    needs: tuple[str, ...] = ()
    plugin: tuple[registry.Kind, str] | None = None
    long: bool = False

    @property
    def kind(self) -> str:
        return str(self.inputs["kind"])

    @cached_property
    def digest(self) -> str:
        return digest_of(self.inputs)


@dataclass(frozen=True)
class AttackKey:
    """Which attack on which release.

    defense, seed : the release. attack, attack_seed : the attack. knowledge : what it was trained on.
    people : how many attacker-train people it may learn from (None: all).
    permutation : which permutation of the labels between people (None: the true labels).
    combined : whether it learns from the scores of other attacks.
    untrained : whether it learns from no release by its nature (an off-the-shelf model).
    """

    defense: str
    seed: int
    attack: str
    attack_seed: int
    knowledge: str = "informed"
    people: int | None = None
    permutation: int | None = None
    combined: bool = False
    untrained: bool = False

    @property
    def headline(self) -> bool:
        """Whether it counts for the strongest attack: as strong as it can be made, on true labels.

        That is trained on this release with all people, or an attack that by its nature learns from no release.
        """
        return (
            (self.knowledge in ("informed", "adaptive") or self.untrained)
            and self.people is None
            and self.permutation is None
        )


@dataclass(frozen=True)
class FurtherAttribute:
    """What a further attribute takes: its labels, and attacks fitted anew on the same releases."""

    labels: CellSpec
    attacks: dict[AttackKey, CellSpec]


@dataclass(frozen=True)
class Plan:
    """The cells of a run by what they are. attacks : on the protected attribute. further : name → its cells."""

    protocol: CellSpec
    releases: dict[tuple[str, int], CellSpec]
    attacks: dict[AttackKey, CellSpec]
    utilities: dict[tuple[str, int], CellSpec]
    stages: dict[str, CellSpec]
    further: dict[str, FurtherAttribute]

    def cells(self) -> Iterator[CellSpec]:
        """Every cell, each after the cells that it needs; a cell that several need may come several times."""
        yield self.protocol
        yield from (attribute.labels for attribute in self.further.values())
        releases = {**self.stages, **{cell.digest: cell for cell in self.releases.values()}}
        tables = [self.attacks, *(attribute.attacks for attribute in self.further.values())]
        for place, release in self.releases.items():
            users = [cell for table in tables for key, cell in table.items() if (key.defense, key.seed) == place]
            if place in self.utilities:
                users.insert(0, self.utilities[place])
            for cell in [release, *users]:
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


class _Planner:
    """Fills the tables of a plan."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.protocol = _protocol(config)
        self.stages: dict[str, CellSpec] = {}
        self.releases: dict[tuple[str, int], CellSpec] = {}
        self.utilities: dict[tuple[str, int], CellSpec] = {}
        self.chains = {label_of(chain): chain for chain in config.defenses}

    def plan(self) -> Plan:
        for name, chain in self.chains.items():
            for seed in self.config.seeds:
                release = self.releases[name, seed] = self._release(chain, seed)
                if self.config.pairs is not None:
                    label = f"verifier on {name}, seed {seed}"
                    self.utilities[name, seed] = _utility(self.config, self.protocol, release, label, seed)
        attacks = self._attacks(self.config.attacks)
        further = {spec.name: self._further(spec) for spec in self.config.further if not spec.left_out}
        return Plan(self.protocol, self.releases, attacks, self.utilities, self.stages, further)

    def _further(self, spec: AttributeSpec) -> FurtherAttribute:
        labels = _labels(self.config, self.protocol, spec.name)
        usable = [a for a in self.config.attacks if a.name not in spec.without and not is_claim(a)]
        return FurtherAttribute(labels, self._attacks(usable, labels))

    def _attacks(self, attacks: Sequence[PluginSpec], labels: CellSpec | None = None) -> dict[AttackKey, CellSpec]:
        """The attacks on every release: in every way that is asked for, of a further attribute in the strongest."""
        table: dict[AttackKey, CellSpec] = {}
        for (name, seed), release in self.releases.items():
            chain = self.chains[name]
            for attack in attacks:
                if view_of(attack) in produced_by(chain):
                    for key in self._keys(name, seed, attack):
                        cell = (
                            self._attack(key, attack, chain, release, labels)
                            if labels is None or key.headline
                            else None
                        )
                        if cell is not None:
                            table[key] = cell
            for attack in attacks:
                if combines(attack):
                    table |= self._combinations(table, name, seed, attack, release, labels)
        return table

    def _release(self, chain: Chain, seed: int) -> CellSpec:
        *before, release = _stages(self.config, self.protocol, chain, seed)
        self.stages.update({cell.digest: cell for cell in before})
        return release

    def _keys(self, name: str, seed: int, attack: PluginSpec) -> Iterator[AttackKey]:
        """Every way in which the run asks for this attack on this release."""
        own = knowledge_of(attack)
        if is_claim(attack) or own == "ignorant":  # nothing is trained: one seed, one level
            yield AttackKey(name, seed, attack.name, 0, own, untrained=not is_claim(attack))
            return
        for attack_seed in range(self.config.attack_seeds):
            key = AttackKey(name, seed, attack.name, attack_seed, own)
            yield key
            if own == "informed":
                yield from (replace(key, knowledge=k) for k in self.config.knowledge if k in ("ignorant", "lazy"))
            yield from (replace(key, people=people) for people in self.config.budgets)
        first = AttackKey(name, seed, attack.name, 0, own)
        yield from (replace(first, permutation=number) for number in range(self.config.permutations))

    def _attack(
        self, key: AttackKey, attack: PluginSpec, chain: Chain, release: CellSpec, labels: CellSpec | None
    ) -> CellSpec | None:
        reference = self.chains.get(self.config.reference)
        unprotected = None if reference is None else self._release(reference, key.seed)
        trained_on = release
        if key.knowledge == "ignorant" and not key.untrained:
            if unprotected is None or view_of(attack) not in produced_by(reference or chain):
                return None
            trained_on = unprotected
        elif key.knowledge == "lazy":
            trained_on = self._release(chain, self._other_seed(key.seed))
            self.stages[trained_on.digest] = trained_on
        given = unprotected if key.knowledge == "adaptive" else None
        return _attack(self.config, self.protocol, attack, key, trained_on, release, given, (), labels)

    def _combinations(
        self,
        table: dict[AttackKey, CellSpec],
        name: str,
        seed: int,
        attack: PluginSpec,
        release: CellSpec,
        labels: CellSpec | None,
    ) -> dict[AttackKey, CellSpec]:
        """An attack on the scores of all others that count for the headline; it needs two of them."""
        claims = {other.name for other in self.config.attacks if is_claim(other)}
        found = {}
        for attack_seed in range(self.config.attack_seeds):
            others = [
                cell
                for key, cell in table.items()
                if (key.defense, key.seed) == (name, seed)
                and key.headline
                and key.attack not in claims
                and key.attack_seed == attack_seed
                and not key.combined
            ]
            if len(others) > 1:
                key = AttackKey(name, seed, attack.name, attack_seed, combined=True)
                found[key] = _attack(self.config, self.protocol, attack, key, release, release, None, others, labels)
        return found

    def _other_seed(self, seed: int) -> int:
        """The seed of the release that a lazy attacker makes for itself: another of the run, or one after the last."""
        seeds = self.config.seeds
        return seeds[(seeds.index(seed) + 1) % len(seeds)] if len(seeds) > 1 else seed + 1


def view_of(attack: PluginSpec) -> str:
    """The view that a registered attack reads."""
    return str(registry.entry("attack", attack.name).load().view)  # type: ignore[attr-defined]


def combines(attack: PluginSpec) -> bool:
    """Whether the attack learns from the scores of the others."""
    return view_of(attack) == "scores"


def knowledge_of(attack: PluginSpec) -> str:
    """The level at which a registered attack works."""
    return str(registry.entry("attack", attack.name).load().knowledge)  # type: ignore[attr-defined]


def is_claim(attack: PluginSpec) -> bool:
    """Whether the attack shows the defense's own claim."""
    return view_of(attack) == "claim"


def is_stochastic(stage: PluginSpec) -> bool:
    """Whether two releases of one image by this defense differ."""
    return bool(getattr(_class_of(stage), "stochastic", False))


def produced_by(chain: Chain) -> tuple[str, ...]:
    """The views of a chain's release; "claim" among them where the last defense can make one."""
    if chain[-1].kind == "encoder":
        return ("embedding",)
    last = _class_of(chain[-1])
    claims = last.claim is not Publisher.claim
    return (*last.produces, *(("claim",) if claims else ()))


def _class_of(stage: PluginSpec) -> Any:
    return registry.entry(stage.kind, stage.name).load()


def _common(config: RunConfig) -> dict[str, Any]:
    return {"framework": config.framework, "libraries": config.libraries}


def _computing(config: RunConfig, seed: int) -> dict[str, Any]:
    return {**_common(config), "seed": seed, "device": config.device, "precision": config.precision}


def _protocol(config: RunConfig) -> CellSpec:
    inputs = {
        "kind": "protocol",
        "dataset": config.dataset.model_dump(mode="json"),
        "attribute": config.attribute,
        "split": config.split.model_dump(mode="json"),
        "pairs": None if config.pairs is None else config.pairs.model_dump(mode="json"),
        **_common(config),
    }
    return CellSpec(inputs, "splits and pairs")


def _labels(config: RunConfig, protocol: CellSpec, attribute: str) -> CellSpec:
    inputs = {"kind": "labels", "protocol": protocol.digest, "attribute": attribute, **_common(config)}
    return CellSpec(inputs, f"labels of {attribute}", (protocol.digest,))


def _stages(config: RunConfig, protocol: CellSpec, chain: Chain, seed: int) -> Iterator[CellSpec]:
    base: str | None = None
    for position, stage in enumerate(chain):
        inputs = {
            "kind": "release",
            "protocol": protocol.digest,
            "defense": stage.model_dump(mode="json"),
            "base": base,
            "draws": config.draws if is_stochastic(stage) else 1,
            **_computing(config, seed),
        }
        label = f"{label_of(chain[: position + 1])}, seed {seed}"
        cell = CellSpec(inputs, label, (protocol.digest, *([base] if base else [])), (stage.kind, stage.name))
        base = cell.digest
        yield cell


def _utility(config: RunConfig, protocol: CellSpec, release: CellSpec, label: str, seed: int) -> CellSpec:
    inputs = {
        "kind": "utility",
        "protocol": protocol.digest,
        "release": release.digest,
        **_computing(config, seed),
    }
    return CellSpec(inputs, label, (protocol.digest, release.digest))


def _attack(
    config: RunConfig,
    protocol: CellSpec,
    attack: PluginSpec,
    key: AttackKey,
    trained_on: CellSpec,
    applied_to: CellSpec,
    unprotected: CellSpec | None,
    combined: Sequence[CellSpec] = (),
    labels: CellSpec | None = None,
) -> CellSpec:
    inputs = {
        "kind": "attack",
        "protocol": protocol.digest,
        "trained_on": trained_on.digest,
        "applied_to": applied_to.digest,
        "unprotected": None if unprotected is None else unprotected.digest,
        "attack": attack.model_dump(mode="json"),
        "knowledge": key.knowledge,
        "people": key.people,
        "permutation": key.permutation,
        "combines": [cell.digest for cell in combined],
        **({} if labels is None else {"labels": labels.digest}),
        **_computing(config, key.attack_seed),
    }
    label = f"{key.attack} on {key.defense}, seed {key.seed}"
    if config.attack_seeds > 1:
        label += f".{key.attack_seed}"
    if key.knowledge in ("ignorant", "lazy"):
        label += f", {key.knowledge}"
    if key.people is not None:
        label += f", {key.people} people"
    if key.permutation is not None:
        label += f", permutation {key.permutation}"
    if labels is not None:
        label += f", {labels.inputs['attribute']}"
    before = (protocol, labels, trained_on, applied_to, unprotected, *combined)
    needs = tuple(cell.digest for cell in before if cell is not None)
    return CellSpec(inputs, label, tuple(dict.fromkeys(needs)), ("attack", key.attack), long=view_of(attack) == "image")
