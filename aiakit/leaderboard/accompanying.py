"""What the entry of a finished run holds beside its headline, taken from the cells of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from aiakit.experiment.cellspec import AttackKey, CellSpec
from aiakit.experiment.config import Level, PluginSpec
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.leaderboard.schema import BesideInfo
from aiakit.leaderboard.standing import HASHED
from aiakit.results.certifying import released_values
from aiakit.results.judge import SPLITS
from aiakit.results.learning import curves_of
from aiakit.results.repeats import repeats_of
from aiakit.results.row import Row


@dataclass
class Accompanying:
    """attacks, tensors : as ``aiakit.leaderboard.beside`` reads them."""

    attacks: list[BesideInfo] = field(default_factory=list)
    tensors: dict[str, NDArray[Any]] = field(default_factory=dict)


def accompanying(run: Run, plan: Plan, protocol: Protocol, row: Row) -> Accompanying:
    """The strongest attack of every other level, the headline's learning curves, and a release's few values."""
    found = Accompanying()
    specs = {spec.name: portable(spec) for spec in run.config.attacks}

    def add(keys: Iterable[AttackKey], cells: Mapping[AttackKey, CellSpec], level: Level, people: int | None) -> None:
        repeats = [repeat for repeat in repeats_of(run.store, cells, keys, protocol) if repeat.scores]
        if not repeats:
            return
        number, attack = len(found.attacks), specs[repeats[0].key.attack]
        for place, repeat in enumerate(repeats):
            parts = {f"beside.{number}.{place}.{split}": np.asarray(repeat.scores[split]) for split in SPLITS}
            found.tensors.update(parts)
        seeds = tuple((repeat.key.seed, repeat.key.attack_seed) for repeat in repeats)
        found.attacks.append(BesideInfo(**attack.model_dump(), repeats=seeds, level=level, people=people))

    own = [key for key in plan.attacks if key.release == row.release]
    for level in get_args(Level):
        known = row.knowledge.get(level)
        strongest = max(known, key=lambda name: known[name].on_val) if known else None
        add([key for key in own if key.attack == strongest and key.counts_at(level)], plan.attacks, level, None)
    curves: dict[AttackKey, list[AttackKey]] = {}
    grown = curves_of(run.config, protocol, row).cells
    for key in grown:
        curves.setdefault(replace(key, fold=None), []).append(key)
    for key, folds in curves.items():
        add(folds, grown, row.level, key.people)
    found.tensors |= _values(run, plan, protocol, row.release)
    return found


def portable(spec: PluginSpec) -> PluginSpec:
    """The plugin with the digests of files in place of where they lie on this machine."""
    params = {key: f"{HASHED}{spec.files[key]}" if key in spec.files else value for key, value in spec.params.items()}
    return spec.model_copy(update={"params": params})


def _values(run: Run, plan: Plan, protocol: Protocol, label: str) -> dict[str, NDArray[Any]]:
    """Which of its few values a release takes of each sample of test, seed by seed; nothing unless all have few."""
    if run.config.audits:
        return {}
    rows = protocol.judged("test")
    cells = [cell for (release, _), cell in plan.releases.items() if release == label]
    found = [released_values(run.store.read(cell.digest), rows) for cell in cells]
    known = [values for values in found if values is not None]
    return {f"values.{n}": values for n, values in enumerate(known)} if len(known) == len(found) else {}
