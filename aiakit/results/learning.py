"""How a leak grows with the people that the attacker knows: what is computed for it, and what it comes to.

Which attacks are looked at follows from scores: the strongest of a release and the runner-up, at the level of the
headline. So these cells are planned once the others are finished.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from aiakit.experiment.config import LESSER, RunConfig
from aiakit.experiment.plan import AttackKey, CellSpec, Growing, growth_cells
from aiakit.experiment.probing import learned_from
from aiakit.experiment.protocol import Protocol
from aiakit.measures.forecast import SHARES, too_few_to_share
from aiakit.results.row import Row

ATTACKS = 2  # the strongest, and the runner-up


def too_few(protocol: Protocol) -> str:
    """Why no curve can be drawn of so few people; "" where there are enough."""
    return too_few_to_share(people_known(protocol))


def at_most(config: RunConfig, people: int) -> int:
    """How many cells the curves of a run take, as far as is known before there are scores.

    people : whom an attacker of one fold learns from.
    """
    if not config.forecast or too_few_to_share(people):
        return 0
    able = sum(spec.knowledge == "informed" and not spec.combines for spec in config.attacks)
    return len(config.defenses) * min(ATTACKS, able) * len(SHARES) * max(1, config.split.folds)


def people_known(protocol: Protocol, insider: bool = False) -> int:
    """How many people an attacker learns from; where people are cross-fitted, in the fold that has fewest."""
    folds = range(len(protocol.folds)) if protocol.folds else (None,)
    rows = (learned_from(replace(protocol, fold=fold), {"insider": insider}) for fold in folds)
    return min(len(np.unique(protocol.identity(chosen))) for chosen in rows)


def growing(config: RunConfig, protocol: Protocol, row: Row) -> list[Growing]:
    """The attacks on a release whose curves are drawn, with the numbers of people; none where there are too few, or
    where whoever learned from something else than the release reads most of it.

    Where a release has an embedding, they are the best of those that read it: networks on pictures take long.
    """
    if not config.forecast or row.level in LESSER or too_few(protocol):
        return []
    specs = {spec.name: spec for spec in config.attacks if spec.knowledge == "informed" and not spec.combines}
    able = [name for name in row.attacks if name in specs]
    able = [name for name in able if specs[name].view == "embedding"] or able
    best = sorted(able, key=lambda name: row.attacks[name].on_val, reverse=True)[:ATTACKS]
    key = AttackKey(row.release, config.seeds[0], "", 0, insider="insider" in row.level, query="query" in row.level)
    known = people_known(protocol, key.insider)
    return [Growing(replace(key, attack=name), tuple(known // share for share in SHARES)) for name in best]


@dataclass(frozen=True)
class Curves:
    """The cells of the curves of one release. known : how many people attackers learn from without a budget."""

    known: int
    cells: dict[AttackKey, CellSpec] = field(default_factory=dict)


def curves_of(config: RunConfig, protocol: Protocol, row: Row) -> Curves:
    """The cells that the curves of a release take."""
    wanted = growing(config, protocol, row)
    return Curves(people_known(protocol, wanted[0].key.insider), growth_cells(config, wanted)) if wanted else Curves(0)
