"""What names a cell: everything that it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aiakit.contracts import View
from aiakit.experiment.config import (
    LESSER,
    REFERENCE,
    AttributeSpec,
    Chain,
    Level,
    NumericSpec,
    PluginSpec,
    RiskAttackSpec,
    RunConfig,
    label_of,
)
from aiakit.plugins import registry
from aiakit.storage.store import json_digest


@dataclass(frozen=True)
class CellSpec:
    """One cell: everything that it depends on, which also names it.

    long : whether it is likely to take much longer than others, so that it had better begin early.
    label : what progress calls it. needs : digests of the cells that must be finished before. after : of those that
    must be over before, finished or not. plugin : the plugin that it runs, as kind and name. release : the release that
    it makes or measures; "" of the splits.
    """

    inputs: dict[str, Any]
    label: str
    needs: tuple[str, ...] = ()
    plugin: tuple[registry.Kind, str] | None = None
    long: bool = False
    release: str = ""
    after: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return str(self.inputs["kind"])

    @cached_property
    def digest(self) -> str:
        return json_digest(self.inputs)


Rivals = Sequence[Mapping[str, Sequence[CellSpec]]]


@dataclass(frozen=True)
class AttackKey:
    """Which attack on which release.

    release, seed : the release. attack, attack_seed : the attack. knowledge : what it was trained on.
    people : how many attacker-train people it may learn from (None: all).
    permutation : which permutation of the labels between people (None: the true labels).
    combined : whether it learns from the scores of other attacks.
    untrained : whether it learns from no release by its nature (an off-the-shelf model).
    insider : whether it also learns from the defender's people. query : whether it also learns from releases of samples
    that the attacker made up.
    fold : of people who are cross-fitted, the one that is tested (None: they are not).
    """

    release: str
    seed: int
    attack: str
    attack_seed: int
    knowledge: str = "informed"
    people: int | None = None
    permutation: int | None = None
    combined: bool = False
    untrained: bool = False
    insider: bool = False
    query: bool = False
    fold: int | None = None

    @property
    def claim(self) -> bool:
        """Whether it is what the defense's own attacker says."""
        return self.knowledge == "in-loop"

    @property
    def headline(self) -> bool:
        """Whether it counts for the strongest attack of its level: as strong as it can be made, on true labels.

        That is trained on this release with all people, or an attack that by its nature learns from no release.
        """
        return (
            (self.knowledge in ("informed", "adaptive") or self.untrained)
            and self.people is None
            and self.permutation is None
        )

    @property
    def level(self) -> Level:
        """What the attacker knows."""
        for lesser in LESSER:
            if self.knowledge == lesser and not self.untrained:
                return lesser
        if self.query:
            return "insider+query" if self.insider else "query"
        return "insider" if self.insider else "informed"

    def counts_at(self, level: Level) -> bool:
        """Whether it counts for the strongest attack at this level; what learns from no release does so at each."""
        return (self.headline or self.lesser) and (self.untrained or self.level == level)

    @property
    def lesser(self) -> bool:
        """Whether it is of an attacker who knows less, with all people and true labels.

        Whoever knows more can do the same, and behind noise it may read more: so it counts for a release's strongest.
        """
        return self.level in LESSER and self.people is None and self.permutation is None


@dataclass(frozen=True)
class RegressionKey:
    """Which regressor estimates which numeric attribute from which view of a release. fold : as of ``AttackKey``."""

    release: str
    seed: int
    attribute: str
    regressor: str
    view: View
    fold: int | None = None


def produced_by(chain: Chain) -> tuple[str, ...]:
    """The views of a chain's release; "claim" and "inverted" among them where the last defense can make them."""
    last = chain[-1]
    if last.kind == "file":
        return tuple(last.params["views"])
    beside = {"claim": last.claims, "inverted": last.invertible}
    return (*last.produces, *(view for view, made in beside.items() if made))


def _common(config: RunConfig) -> dict[str, Any]:
    return {"framework": config.framework, "libraries": config.libraries}


def _computing(config: RunConfig, seed: int) -> dict[str, Any]:
    inputs = {**_common(config), "seed": seed, "device": config.device, "precision": config.precision}
    return inputs | ({"compiled": True} if config.compiled else {})  # cells of runs without it keep their names


def protocol_cell(config: RunConfig) -> CellSpec:
    """Who is in which split, the labels of the protected attribute, and the verification pairs."""
    inputs = {
        "kind": "protocol",
        "dataset": config.dataset.inputs(),
        "attribute": config.attribute,
        **({"protected": list(config.protected)} if config.protected else {}),
        "split": config.split.model_dump(mode="json", exclude=set() if config.split.folds > 1 else {"folds"}),
        "pairs": None if config.pairs is None else config.pairs.model_dump(mode="json"),
        **_common(config),
    }
    return CellSpec(inputs, "splits and pairs")


def labels_cell(config: RunConfig, protocol: CellSpec, further: AttributeSpec) -> CellSpec:
    """The labels of a further attribute."""
    inputs = {"kind": "labels", "protocol": protocol.digest, "attribute": further.name, **_common(config)}
    inputs |= {"data": further.data} if further.data else {}
    return CellSpec(inputs, f"labels of {further.name}", (protocol.digest,))


def release_cells(config: RunConfig, protocol: CellSpec, chain: Chain, seed: int) -> Iterator[CellSpec]:
    """The releases of a chain's stages, each made of the one before; those that hide numbers learn from these too."""
    known = {spec.name: spec for spec in config.numeric}
    numbers = [numbers_cell(config, protocol, known[name]).digest for name in config.protected_numbers]
    base: str | None = None
    noisy = 0  # stochastic stages up to this one
    for position, stage in enumerate(chain):
        noisy += stage.stochastic
        inputs = {
            "kind": "release",
            "protocol": protocol.digest,
            "defense": stage.inputs(),
            "base": base,
            "draws": config.draws if noisy else 1,
            **({"stochastic": noisy} if stage.stochastic and noisy > 1 else {}),  # its noise is not an earlier stage's
            **_computing(config, seed),
            **({} if stage.kind == "file" or config.threads is None else {"threads": config.threads}),
            **({"numbers": numbers} if numbers and stage.erases_numbers else {}),  # other cells keep their names
        }
        release = label_of(chain[: position + 1])
        label = f"{release}, seed {seed}"
        plugin = None if stage.kind == "file" else (stage.kind, stage.name)
        needs = (protocol.digest, *([base] if base else []), *inputs.get("numbers", ()))
        cell = CellSpec(inputs, label, needs, plugin, release=release)
        base = cell.digest
        yield cell


def queries_cell(config: RunConfig, protocol: CellSpec, chain: Chain, made: Sequence[CellSpec], seed: int) -> CellSpec:
    """Releases of what an attacker makes up: of rows where the chain protects embeddings, otherwise of pictures.

    made : the release of each stage of the chain.
    """
    first, *others = made
    rows = chain[0].kind == "encoder" or (label_of(chain[:1]) == REFERENCE and len(chain) > 1)
    inputs = {
        "kind": "queries",
        "protocol": protocol.digest,
        "base": first.digest if rows else None,
        "stages": [cell.digest for cell in (others if rows else made)],
        **_computing(config, seed),
    }
    name = label_of(chain)
    needs = (protocol.digest, *(cell.digest for cell in made))
    return CellSpec(inputs, f"queries to {name}, seed {seed}", needs, release=name)


def utility_cell(config: RunConfig, protocol: CellSpec, release: CellSpec, name: str, seed: int) -> CellSpec:
    """The verifier on a release."""
    inputs = {
        "kind": "utility",
        "protocol": protocol.digest,
        "release": release.digest,
        "score": config.score,
        **_templates(config),
        **_computing(config, seed),
    }
    return CellSpec(inputs, f"verifier on {name}, seed {seed}", (protocol.digest, release.digest), release=name)


def matches_cell(
    config: RunConfig, protocol: CellSpec, matcher: PluginSpec, release: CellSpec | None, name: str = "", seed: int = 0
) -> CellSpec:
    """The matcher on a release's pictures, or without one on the photographs themselves.

    It is the same encoder whatever the seed of the release.
    """
    inputs = {
        "kind": "matches",
        "protocol": protocol.digest,
        "release": None if release is None else release.digest,
        "matcher": matcher.inputs(),
        **_templates(config),
        **_computing(config, 0),
    }
    needs = (protocol.digest, *([] if release is None else [release.digest]))
    label = f"matcher {matcher.name} on " + ("the photographs" if release is None else f"{name}, seed {seed}")
    return CellSpec(inputs, label, needs, ("encoder", matcher.name), long=True, release=name)


def _by(config: RunConfig, spec: RiskAttackSpec | None, seed: int) -> dict[str, Any]:
    """Who measures a risk in a cell, and where; of a run by an earlier version the seed alone."""
    return {"seed": seed, **_common(config)} if spec is None else {spec.kind: spec.inputs(), **_computing(config, seed)}


def _plugin_of(spec: RiskAttackSpec | None) -> tuple[registry.Kind, str] | None:
    return None if spec is None else (spec.plugin_kind, spec.name)


def linker_cell(
    config: RunConfig,
    protocol: CellSpec,
    linker: RiskAttackSpec | None,
    source: CellSpec,
    target: CellSpec,
    views: tuple[View, View],
) -> CellSpec:
    """What is learned of who is who in a source and in a target release, by a view of either."""
    inputs = {
        "kind": "linker",
        "protocol": protocol.digest,
        "source": source.digest,
        "target": target.digest,
        "views": list(views),
        **_by(config, linker, config.split.seed),
    }
    between = source.label if source is target else f"{source.label}, with {target.label}"
    needs = (protocol.digest, *dict.fromkeys([source.digest, target.digest]))
    label = f"{'linker' if linker is None else linker.name} on {between}, {views[1]}"
    return CellSpec(inputs, label, needs, _plugin_of(linker), release=source.release)


def inversion_cell(
    config: RunConfig,
    protocol: CellSpec,
    decoder: RiskAttackSpec | None,
    release: CellSpec,
    undefended: CellSpec,
    views: tuple[View, View],
    seed: int,
) -> CellSpec:
    """What is learned of how undefended images follow from released ones, from a view of these to one of those."""
    inputs = {
        "kind": "inversion",
        "protocol": protocol.digest,
        "release": release.digest,
        "undefended": undefended.digest,
        "views": list(views),
        **_computing(config, seed),
    }
    inputs |= {} if decoder is None else {decoder.kind: decoder.inputs()}
    needs = (protocol.digest, release.digest, undefended.digest)
    by = "" if decoder is None else f" by {decoder.name}"
    label = f"inversion{by} of {release.label}, to the {views[1]}"
    return CellSpec(inputs, label, needs, _plugin_of(decoder), release=release.release)


def numbers_cell(config: RunConfig, protocol: CellSpec, spec: NumericSpec) -> CellSpec:
    """What is known of a numeric attribute."""
    inputs = {"kind": "numbers", "protocol": protocol.digest, "attribute": spec.name, "data": spec.data,
              **({"order": list(spec.order)} if spec.order else {}), **_common(config)}  # fmt: skip
    return CellSpec(inputs, f"numbers of {spec.name}", (protocol.digest,))


def regression_cell(
    config: RunConfig,
    protocol: CellSpec,
    numbers: CellSpec,
    release: CellSpec,
    key: RegressionKey,
    regressor: RiskAttackSpec | None,
) -> CellSpec:
    """What a regressor estimates of a numeric attribute from a view of a release."""
    inputs = {
        "kind": "regression",
        "protocol": protocol.digest,
        "numbers": numbers.digest,
        "release": release.digest,
        "view": key.view,
        "regressor": key.regressor,
        **({} if key.fold is None else {"fold": key.fold}),
        **_by(config, regressor, config.split.seed),
    }
    label = f"{key.regressor} of {key.attribute} on {release.label}, {key.view}"
    if key.fold is not None:
        label += f", fold {key.fold + 1} of {config.split.folds}"
    needs = (protocol.digest, numbers.digest, release.digest)
    return CellSpec(inputs, label, needs, _plugin_of(regressor), release=release.release)


def _templates(config: RunConfig) -> dict[str, Any]:
    return {"templates": list(config.templates)} if config.templates else {}  # cells of runs without keep their names


def attack_cell(
    config: RunConfig,
    protocol: CellSpec,
    attack: PluginSpec,
    key: AttackKey,
    trained_on: CellSpec,
    applied_to: CellSpec,
    undefended: CellSpec | None,
    queries: CellSpec | None = None,
    combined: Sequence[CellSpec] = (),
    labels: CellSpec | None = None,
    rivals: Rivals = (),
) -> CellSpec:
    """An attack on a release; ``labels`` are those of a further attribute, where it is not the protected one.

    rivals : all attacks that it competes with, itself among them, by name in each of the folds before, a cell a repeat;
    it is left out where these show that it is not the strongest.
    """
    inputs = {
        "kind": "attack",
        "protocol": protocol.digest,
        "trained_on": trained_on.digest,
        "applied_to": applied_to.digest,
        "undefended": None if undefended is None else undefended.digest,
        "attack": attack.inputs(),
        "knowledge": key.knowledge,
        "people": key.people,
        "permutation": key.permutation,
        **({"insider": True} if key.insider else {}),
        **({} if queries is None else {"queries": queries.digest}),
        **({} if key.fold is None else {"fold": key.fold}),
        "combines": [cell.digest for cell in combined],
        **({} if labels is None else {"labels": labels.digest}),
        **({"rivals": _digests(rivals), "unit": config.unit} if rivals else {}),
        **_computing(config, key.attack_seed),
    }
    label = f"{key.attack} on {key.release}, seed {key.seed}"
    if config.attack_seeds > 1:
        label += f".{key.attack_seed}"
    if key.knowledge in LESSER and key.untrained:
        label += f", {key.knowledge}"
    if key.level != "informed":
        label += f", {key.level}"
    if key.fold is not None:
        label += f", fold {key.fold + 1} of {config.split.folds}"
    if key.people is not None:
        label += f", {key.people} people"
    if key.permutation is not None:
        label += f", permutation {key.permutation}"
    if labels is not None:
        label += f", {labels.inputs['attribute']}"
    before = (protocol, labels, trained_on, applied_to, undefended, queries, *combined)
    needs = tuple(cell.digest for cell in before if cell is not None)
    return CellSpec(
        inputs,
        label,
        tuple(dict.fromkeys(needs)),
        ("attack", key.attack),
        long=attack.view == "image",
        release=key.release,
        after=tuple(digest for fold in _digests(rivals) for digests in fold.values() for digest in digests),
    )


def _digests(rivals: Rivals) -> list[dict[str, list[str]]]:
    return [{name: [cell.digest for cell in cells] for name, cells in fold.items()} for fold in rivals]
