"""From a configuration to the cells that it takes, in an order in which each comes after what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiakit import registry
from aiakit.experiment.config import Chain, PluginSpec, RunConfig, label_of
from aiakit.store import digest_of


@dataclass(frozen=True)
class CellSpec:
    """One cell: everything that it depends on, which also names it.

    label : what progress calls it. needs : digests of the cells that must be finished before. plugin : the plugin
    that it runs, as kind and name.
    """

    inputs: dict[str, Any]
    label: str
    needs: tuple[str, ...] = ()
    plugin: tuple[registry.Kind, str] | None = None

    @property
    def kind(self) -> str:
        return str(self.inputs["kind"])

    @property
    def digest(self) -> str:
        return digest_of(self.inputs)


@dataclass(frozen=True)
class AttackKey:
    """Which attack on which release: the defense's label and seed, the attack's name and seed."""

    defense: str
    seed: int
    attack: str
    attack_seed: int


@dataclass(frozen=True)
class Plan:
    """The cells of a run by what they are."""

    protocol: CellSpec
    releases: dict[tuple[str, int], CellSpec]
    attacks: dict[AttackKey, CellSpec]
    utilities: dict[tuple[str, int], CellSpec]
    stages: dict[str, CellSpec]

    def cells(self) -> Iterator[CellSpec]:
        """Every cell once, each after the cells that it needs."""
        yield self.protocol
        for (defense, seed), release in self.releases.items():
            yield from (cell for cell in self.stages.values() if cell.digest in self._bases(release))
            yield release
            if (defense, seed) in self.utilities:
                yield self.utilities[defense, seed]
            for key, cell in self.attacks.items():
                if (key.defense, key.seed) == (defense, seed):
                    yield cell

    def _bases(self, release: CellSpec) -> set[str]:
        bases, base = set(), release.inputs["base"]
        while base is not None and base in self.stages:
            bases.add(base)
            base = self.stages[base].inputs["base"]
        return bases

    def unique_cells(self) -> list[CellSpec]:
        """The cells without repetition (two chains may share their first stages)."""
        return list({cell.digest: cell for cell in self.cells()}.values())


def make_plan(config: RunConfig) -> Plan:
    """The plan of a run. Attacks whose view a release does not have are left out."""
    protocol = _protocol(config)
    stages: dict[str, CellSpec] = {}
    releases: dict[tuple[str, int], CellSpec] = {}
    attacks: dict[AttackKey, CellSpec] = {}
    utilities: dict[tuple[str, int], CellSpec] = {}
    for chain in config.defenses:
        for seed in config.seeds:
            *before, release = _stages(config, protocol, chain, seed)
            stages.update({cell.digest: cell for cell in before})
            name = label_of(chain)
            releases[name, seed] = release
            if config.pairs is not None:
                utilities[name, seed] = _utility(config, protocol, release, f"verifier on {name}, seed {seed}", seed)
            for attack in config.attacks:
                if view_of(attack) in produced_by(chain):
                    for attack_seed in range(1 if is_claim(attack) else config.attack_seeds):
                        key = AttackKey(name, seed, attack.name, attack_seed)
                        attacks[key] = _attack(config, protocol, release, attack, key)
    return Plan(protocol, releases, attacks, utilities, stages)


def view_of(attack: PluginSpec) -> str:
    """The view that a registered attack reads."""
    return str(registry.entry("attack", attack.name).load().view)  # type: ignore[attr-defined]


def is_claim(attack: PluginSpec) -> bool:
    """Whether the attack shows the defense's own claim."""
    return view_of(attack) == "claim"


def produced_by(chain: Chain) -> tuple[str, ...]:
    """The views of a chain's release; "claim" among them where the last defense can make one."""
    from aiakit.contracts import Defense, EmbeddingDefense

    last = registry.entry("defense", chain[-1].name).load()
    claims = getattr(last, "claim", None) not in (Defense.claim, EmbeddingDefense.claim)
    return (*last.produces, *(("claim",) if claims else ()))  # type: ignore[attr-defined]


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


def _stages(config: RunConfig, protocol: CellSpec, chain: Chain, seed: int) -> Iterator[CellSpec]:
    base: str | None = None
    for position, stage in enumerate(chain):
        inputs = {
            "kind": "release",
            "protocol": protocol.digest,
            "defense": stage.model_dump(mode="json"),
            "base": base,
            **_computing(config, seed),
        }
        label = f"{label_of(chain[: position + 1])}, seed {seed}"
        cell = CellSpec(inputs, label, (protocol.digest, *([base] if base else [])), ("defense", stage.name))
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


def _attack(config: RunConfig, protocol: CellSpec, release: CellSpec, attack: PluginSpec, key: AttackKey) -> CellSpec:
    inputs = {
        "kind": "attack",
        "protocol": protocol.digest,
        "trained_on": release.digest,
        "applied_to": release.digest,
        "attack": attack.model_dump(mode="json"),
        **_computing(config, key.attack_seed),
    }
    label = f"{key.attack} on {key.defense}, seed {key.seed}"
    if config.attack_seeds > 1:
        label += f".{key.attack_seed}"
    return CellSpec(inputs, label, (protocol.digest, release.digest), ("attack", key.attack))
