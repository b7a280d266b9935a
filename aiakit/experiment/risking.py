"""The cells that risks take: linkers and decoders trained on attacker-train, and an attack on what these make.

Every linker and decoder has cells of its own, and the strongest is chosen on attacker-val where they are judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from aiakit.contracts import View
from aiakit.experiment.cellspec import AttackKey, CellSpec, attack_cell, inversion_cell, linker_cell, produced_by
from aiakit.experiment.comparable import VIEWS
from aiakit.experiment.config import Chain, PluginSpec, Risk, RiskAttackSpec, RunConfig
from aiakit.plugins.registry import Kind

# Which two releases are compared: two images of one release, an undefended image with a released one, or images of two
# releases that the same defense made with different seeds.
Way = Literal["released", "undefended", "seeds"]
RELEASED: Way = "released"
UNDEFENDED: Way = "undefended"
SEEDS: Way = "seeds"
WAYS: Mapping[Risk, Sequence[Way]] = {"identity": (RELEASED, UNDEFENDED), "linkage": (SEEDS, UNDEFENDED)}


class Compared(NamedTuple):
    """What a linker compares: a release of a seed, with which other one, by which view of that.

    by : the linker, or the decoder; "" of a run by an earlier version.
    """

    release: str
    seed: int
    way: Way
    view: View
    by: str = ""


@dataclass(frozen=True)
class RiskCells:
    """The cells of risks by what they are.

    inversions : decoders of the first seed's releases. readings : what of the undefended embedding is read from what
    the decoder makes of it, by an attack that was trained on the undefended release.
    """

    linkers: dict[Compared, CellSpec] = field(default_factory=dict)
    inversions: dict[Compared, CellSpec] = field(default_factory=dict)
    readings: dict[Compared, CellSpec] = field(default_factory=dict)

    def of(self, release: str) -> Iterator[CellSpec]:
        """Those about a release, each after the cells that it needs."""
        for table in (self.linkers, self.inversions, self.readings):
            yield from (cell for key, cell in table.items() if key.release == release)


def risk_cells(
    config: RunConfig,
    protocol: CellSpec,
    chains: Mapping[str, Chain],
    releases: Mapping[tuple[str, int], CellSpec],
) -> RiskCells:
    """What the risks that a run asks for take. releases : name and seed → the cell."""
    planner = _Planner(config, protocol, chains, releases)
    inversions = {key: cell for name in chains for key, cell in planner.inversions(name)}
    return RiskCells(
        {key: cell for name in chains for key, cell in planner.linkers(name)},
        inversions,
        {key: reading for key, cell in inversions.items() for reading in planner.readings(key, cell)},
    )


def reader_of(config: RunConfig) -> PluginSpec | None:
    """The attack that reads reconstructions: logistic regression, or else the first that learns from embeddings."""
    able = [a for a in config.attacks if a.view == "embedding" and a.knowledge == "informed" and not a.combines]
    return next((attack for attack in able if attack.name == "logreg"), able[0] if able else None)


@dataclass(frozen=True)
class _Planner:
    config: RunConfig
    protocol: CellSpec
    chains: Mapping[str, Chain]
    releases: Mapping[tuple[str, int], CellSpec]

    def linkers(self, name: str) -> Iterator[tuple[Compared, CellSpec]]:
        """Of every seed where somebody is searched for, of the first where releases are linked."""
        first, *others = self.config.seeds
        if "identity" in self.config.risks:
            for seed in self.config.seeds:
                yield from self._between(Compared(name, seed, RELEASED, "embedding"), (name, seed), (name, seed))
        if "linkage" in self.config.risks and others:
            yield from self._between(Compared(name, first, SEEDS, "embedding"), (name, others[0]), (name, first))
        reference = self.config.reference
        if name != reference and reference in self.chains and set(self.config.risks) & {"identity", "linkage"}:
            for seed in self.config.seeds if "identity" in self.config.risks else (first,):
                yield from self._between(Compared(name, seed, UNDEFENDED, "embedding"), (name, seed),
                                         (reference, seed))  # fmt: skip

    def inversions(self, name: str) -> Iterator[tuple[Compared, CellSpec]]:
        """From the same view as is reconstructed, or from the first that there is."""
        reference, seed = self.config.reference, self.config.seeds[0]
        if "inversion" not in self.config.risks or name == reference or reference not in self.chains:
            return
        released = self._views(name)
        for view in self._views(reference):
            views = (view if view in released else released[0], view)
            cells = (self.releases[name, seed], self.releases[reference, seed])
            for decoder in self._measuring("decoder"):
                yield (
                    Compared(name, seed, UNDEFENDED, view, "" if decoder is None else decoder.name),
                    inversion_cell(self.config, self.protocol, decoder, *cells, views, seed),
                )

    def readings(self, key: Compared, inversion: CellSpec) -> Iterator[CellSpec]:
        """What of the undefended embedding is read from its reconstruction."""
        attack = reader_of(self.config)
        if key.view == "embedding" and attack is not None:
            how = AttackKey(key.release, key.seed, attack.name, 0, "ignorant")
            undefended = self.releases[self.config.reference, key.seed]
            cell = attack_cell(self.config, self.protocol, attack, how, undefended, inversion, None)
            yield replace(cell, label=f"{attack.name} on the {inversion.label}")

    def _between(
        self, key: Compared, source: tuple[str, int], target: tuple[str, int]
    ) -> Iterator[tuple[Compared, CellSpec]]:
        """A linker for each view that both have, or for the first of either where they share none."""
        of_source, of_target = self._views(source[0]), self._views(target[0])
        shared = [(view, view) for view in of_target if view in of_source]
        asked = {risk for risk in self.config.risks if key.way in WAYS.get(risk, ())}
        for linker in self._measuring("linker"):
            if linker is not None and not asked & set(linker.risks):
                continue
            for views in shared or [(of_source[0], of_target[0])]:
                cells = (self.releases[source], self.releases[target])
                cell = linker_cell(self.config, self.protocol, linker, *cells, views)
                yield key._replace(view=views[1], by="" if linker is None else linker.name), cell

    def _measuring(self, kind: Kind) -> Sequence[RiskAttackSpec | None]:
        """The run's linkers or decoders; one without a name of a run by an earlier version."""
        return [None] if self.config.risk_attacks is None else self.config.measuring(kind)

    def _views(self, name: str) -> list[View]:
        made = produced_by(self.chains[name])
        return [view for view in VIEWS if view in made]
