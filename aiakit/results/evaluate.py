"""From stored scores to statistics: everything here can be computed again from a run without training anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from aiakit.datasets.pairs import IMPOSTOR_KINDS
from aiakit.experiment.config import Level, RunConfig, label_of
from aiakit.experiment.encoding import DETECT
from aiakit.experiment.plan import AttackKey, CellSpec, Plan, make_plan
from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.measures.comparison import variance_components
from aiakit.measures.pooling import pooled_statistics
from aiakit.measures.statistics import AttackStatistics
from aiakit.measures.units import Unit
from aiakit.results.certifying import certificate_of
from aiakit.results.errors_by_class import errors_by_class
from aiakit.results.growth import Growth
from aiakit.results.judge import SPLITS, Judge, OfficialTruth, Scores, Truth
from aiakit.results.learning import curves_of
from aiakit.results.matching import matched, scores_by_kind, templates
from aiakit.results.numeric import NumericJudge
from aiakit.results.remembered import StatisticsCache
from aiakit.results.repeats import repeats_of
from aiakit.results.risks import RiskJudge
from aiakit.results.row import Matched, Row
from aiakit.results.slices import slices_of
from aiakit.storage.documents import sound
from aiakit.storage.store import Cell, Store


@dataclass
class Evaluation:
    """A run's rows and what they were measured with.

    further : the same of each further attribute. numeric : who judges numeric attributes; None without any.
    photographs : what the matcher says of the undefended photographs, None where it was not asked.
    missing : labels of cells that belong to no release and are not there.
    """

    config: RunConfig
    protocol: Protocol
    rows: dict[str, Row]
    further: dict[str, Evaluation] = field(default_factory=dict)
    numeric: NumericJudge | None = None
    photographs: Matched | None = None
    missing: tuple[str, ...] = ()

    @property
    def unit(self) -> Unit:
        """What counts once in the figures."""
        return self.config.unit


def evaluate(store: Store, config: RunConfig, known: Mapping[str, Row] | None = None) -> Evaluation:
    """The statistics of every finished cell of a run. Raises InputError where even the splits are not there.

    known : rows that were computed before (the points of a sweep share their reference).
    """
    with sound(store.folder):
        return _evaluate(store, config, known)


def _evaluate(store: Store, config: RunConfig, known: Mapping[str, Row] | None) -> Evaluation:
    plan = make_plan(config)
    cells = _cells(store, plan, config)
    risks = RiskJudge(store, plan, config, cells.protocol, cells.judge)
    numeric = NumericJudge(store, plan, config, cells.protocol, cells.judge)
    rows = dict(known or {})
    for chain in config.defenses:
        name = label_of(chain)
        if name in rows:
            continue
        row = rows[name] = Row(name)
        _add_costs(store, plan, name, row)
        row.certificate = certificate_of(store, plan, chain, cells.protocol)
        _add_attacks(cells, config, name, row, config.pooled)
        _add_growth(cells, config, row)
        _add_utility(cells, plan, name, row)
        _add_matches(cells, config, plan, name, row)
        row.risks = risks.of(name)
        row.numeric = numeric.of(name)
    further = {name: _evaluate_further(store, plan, config, name) for name in plan.further}
    measured = {name: found for name, found in further.items() if found}
    evaluation = Evaluation(config, cells.protocol, rows, measured, numeric)
    if plan.photographs is not None:
        photographs = store.find(plan.photographs.digest)
        if photographs is None:
            evaluation.missing = (plan.photographs.label,)
        else:
            evaluation.photographs = _matched(cells, config, [photographs])
    return evaluation


def _evaluate_further(store: Store, plan: Plan, config: RunConfig, attribute: str) -> Evaluation | None:
    """What the releases say of a further attribute; None where its labels are not there yet."""
    if not store.has(plan.further[attribute].labels.digest):
        return None
    cells = _cells(store, plan, config, attribute)
    rows = {label_of(chain): Row(label_of(chain)) for chain in config.defenses}
    for chain, (name, row) in zip(config.defenses, rows.items(), strict=True):
        row.certificate = certificate_of(store, plan, chain, cells.protocol)
        _add_attacks(cells, config, name, row)
    return Evaluation(config, cells.protocol, rows)


def _add_costs(store: Store, plan: Plan, name: str, row: Row) -> None:
    releases = [cell for (release, _), cell in plan.releases.items() if release == name]
    made = [cell.result for cell in (store.find(spec.digest) for spec in releases) if cell is not None]
    row.fit_seconds = sum(result.get("fit_seconds", 0.0) for result in made)
    row.release_seconds = sum(result.get("release_seconds", 0.0) for result in made)
    row.peak_mib = max((result["peak_mib"] for result in made if "peak_mib" in result), default=None)
    row.accuracy_bound = accuracy_bound_of(store, plan, name)
    row.notes = list(dict.fromkeys(note for result in made for note in result.get("notes", ())))
    used = (*plan.utilities.items(), *plan.matches.items())
    cells = [*releases, *(cell for (release, _), cell in used if release == name)]
    cells += [*plan.risks.of(name), *plan.numeric.of(name)]
    for table in (plan.attacks, *(attribute.attacks for attribute in plan.further.values())):
        cells += [cell for key, cell in table.items() if key.release == name]
    for cell in cells:
        found = store.find(cell.digest)
        if found is None:
            row.missing.append(cell.label)
        else:
            row.seconds += found.seconds


def accuracy_bound_of(store: Store, plan: Plan, name: str) -> float | None:
    """What no attack on a release can exceed, whatever its seed, where its defense proves that."""
    releases = [store.find(cell.digest) for (release, _), cell in plan.releases.items() if release == name]
    bounds = [None if cell is None else cell.result.get("accuracy_bound") for cell in releases]
    known = [bound for bound in bounds if bound is not None]
    return max(known) if known and len(known) == len(bounds) else None


def _cells(store: Store, plan: Plan, config: RunConfig, attribute: str | None = None) -> _Cells:
    further = None if attribute is None else plan.further[attribute]
    protocol = Protocol.read(store, plan.protocol.digest, None if further is None else further.labels.digest)
    judge = Judge.of(
        truth_of(protocol), config.bootstrap_draws, config.split.seed, StatisticsCache.of_user(), config.unit
    )
    return _Cells(store, plan.attacks if further is None else further.attacks, protocol, judge)


def truth_of(protocol: Protocol) -> Truth:
    """What the scores of a run are judged by."""
    rows = {"val": protocol.judged("attacker-val"), "test": protocol.judged("test")}
    pairs = {}
    for kind in IMPOSTOR_KINDS:
        found = {
            split: protocol.pairs(f"{part}.{kind}", rows[split])
            for split, part in (("val", "attacker-val"), ("test", "test"))
        }
        present = {split: each for split, each in found.items() if each is not None}
        if len(present) == len(found):
            pairs[kind] = present
    official = None
    if "pairs.official.same" in protocol.tensors:
        left, right = (protocol.identity(protocol.tensors[f"pairs.official.{side}"]) for side in ("left", "right"))
        same, fold = (protocol.tensors[f"pairs.official.{what}"] for what in ("same", "fold"))
        official = OfficialTruth(np.asarray(same), left, right, np.asarray(fold))
    return Truth(
        labels={split: protocol.labels(chosen) for split, chosen in rows.items()},
        identity={split: protocol.identity(chosen) for split, chosen in rows.items()},
        classes=len(protocol.classes),
        pairs=pairs,
        official=official,
        folds=protocol.fold_of(rows["test"]),
    )


@dataclass(frozen=True)
class _Cells:
    """The stored scores of the attacks on one attribute, and who judges them."""

    store: Store
    cells: dict[AttackKey, CellSpec]
    protocol: Protocol
    judge: Judge

    def tables(self, keys: Sequence[AttackKey], row: Row) -> tuple[list[Mapping[str, Any]], list[int]]:
        """The scores of the repeats that have some, and the defense's seed of each.

        The row notes which were skipped, and which are approximations.
        """
        tables, seeds = [], []
        for repeat in repeats_of(self.store, self.cells, keys, self.protocol):
            key = repeat.key
            if repeat.skipped:
                row.skipped[f"{key.attack}, {key.knowledge if key.level == 'informed' else key.level}"] = repeat.skipped
                continue
            tables.append(repeat.scores)
            seeds.append(key.seed)
            if key.headline and repeat.approximation:
                row.approximations[key.attack] = repeat.approximation
        return tables, seeds

    def judge_of(self, permutation: int | None) -> Judge:
        """Who judges scores on labels that were permuted in the numbered way (None: the true ones)."""
        if permutation is None:
            return self.judge
        return self.judge.permuted(
            {
                split: self.protocol.permuted_labels(self.protocol.judged(part), permutation)
                for split, part in zip(SPLITS, JUDGED, strict=True)
            }
        )


def _add_attacks(cells: _Cells, config: RunConfig, name: str, row: Row, pooled: Sequence[int] = ()) -> None:
    claims = {attack.name for attack in config.attacks if attack.shows_claim}
    groups: dict[AttackKey, list[AttackKey]] = {}  # the repeats of each attack, under a key without seeds
    for key in cells.cells:
        if key.release == name:
            groups.setdefault(replace(key, seed=0, attack_seed=0, fold=None), []).append(key)
    nulls: dict[int, list[AttackStatistics]] = {}
    levels: dict[Level, dict[str, AttackStatistics]] = {}
    untrained: dict[str, AttackStatistics] = {}
    for group, keys in groups.items():
        if group.permutation is not None:  # the first seed's release stands for the others
            keys = [key for key in keys if key.seed == config.seeds[0]]
        tables, seeds = cells.tables(keys, row)
        if not tables:
            continue
        judge = cells.judge_of(group.permutation)
        if group.attack in claims:
            row.claimed, row.claimed_tuned = judge.claim(tables, seeds)
            continue
        statistics = judge.attack(tables, seeds)
        if group.permutation is not None:
            nulls.setdefault(group.permutation, []).append(statistics)
        elif group.people is not None:
            row.budgets.setdefault(group.attack, {})[group.people] = statistics
        elif group.untrained:
            untrained[group.attack] = statistics
        else:
            levels.setdefault(group.level, {})[group.attack] = statistics
    _choose_level(row, levels, untrained)
    row.attacks = {spec.name: row.attacks[spec.name] for spec in config.attacks if spec.name in row.attacks}
    row.nulls = [max(suite, key=lambda s: s.on_val).point["balanced_accuracy"] for _, suite in sorted(nulls.items())]
    counting = {group.attack: keys for group, keys in groups.items() if group.counts_at(row.level)}
    for attack, statistics in row.attacks.items():
        variance = _variance(counting[attack], statistics)
        if variance is not None:
            row.variance[attack] = variance
    if row.strongest is not None:
        tables, seeds = cells.tables(counting[row.strongest], row)
        for images in pooled:
            together = _pooled(tables, cells.judge, images)
            if together is not None:
                row.pooled[images] = replace(together, seeds=tuple(seeds))
        if cells.protocol.facts["groups"] is not None:
            row.slices = slices_of(row.strongest, tables, cells.protocol, cells.judge)


def _add_growth(cells: _Cells, config: RunConfig, row: Row) -> None:
    """How the leak grows with the people that the attacker knows: the last point is the headline's first seed."""
    curves = curves_of(config, cells.protocol, row)
    keys: dict[str, dict[int | None, list[AttackKey]]] = {}
    for key in curves.cells:
        keys.setdefault(key.attack, {}).setdefault(key.people, []).append(key)
    everything = replace(cells, cells={**cells.cells, **curves.cells})
    for attack, of in keys.items():
        all_people = [replace(key, people=None) for key in next(iter(of.values()))]
        points = {}
        for people, repeats in {**of, curves.known: all_people}.items():
            tables, seeds = everything.tables(repeats, Row(row.release))
            if tables and people is not None:
                points[people] = cells.judge.attack(tables, seeds)
        if len(points) > 1:
            row.growth[attack] = Growth.of(points, 1 / cells.judge.truth.classes)


def _choose_level(
    row: Row, levels: dict[Level, dict[str, AttackStatistics]], untrained: dict[str, AttackStatistics]
) -> None:
    """Make the level whose strongest attack is the strongest on attacker-val the row's; what is not trained on any
    release stands with each.
    """
    if levels:
        row.level = max(levels, key=lambda level: max(found.on_val for found in levels[level].values()))
    row.attacks = {**levels.pop(row.level, {}), **untrained}
    row.knowledge |= {str(level): attacks for level, attacks in levels.items()}


def _variance(keys: Sequence[AttackKey], statistics: AttackStatistics) -> tuple[float, float] | None:
    """Between defense seeds and between attack seeds; None unless every pair of two or more of each has scores."""
    values = statistics.per_repeat["balanced_accuracy"]
    seeds, attack_seeds = {key.seed for key in keys}, {key.attack_seed for key in keys}
    repeats = {(key.seed, key.attack_seed) for key in keys}
    if min(len(seeds), len(attack_seeds)) < 2 or not len(values) == len(repeats) == len(seeds) * len(attack_seeds):
        return None
    return variance_components(np.reshape(values, (len(seeds), len(attack_seeds))))


def _pooled(tables: Sequence[Mapping[str, Any]], judge: Judge, images: int) -> AttackStatistics | None:
    """The strongest attack with the evidence of so many images of one person added up."""
    truth = judge.truth
    return pooled_statistics(
        [table["val"] for table in tables],
        (truth.labels["val"], truth.identity["val"]),
        [table["test"] for table in tables],
        (truth.labels["test"], truth.identity["test"]),
        images,
        judge.bootstrap.draws,
        truth.classes,
        judge.unit,
        judge.truth.fold_of_both,
        judge.truth.spread,
    )


def _add_utility(cells: _Cells, plan: Plan, name: str, row: Row) -> None:
    found = _finished(cells.store, plan.utilities, name)
    if found:
        tables = [cell.tensors("scores") for cell in found]
        similarities = scores_by_kind(cells.judge, tables)
        official = [table["official"] for table in tables if "official" in table]
        cells.judge.judge_utility(row, Scores({}, similarities=similarities, official=official))
        row.errors_by_class = errors_by_class(cells.judge.truth, similarities)
        row.templates = templates(cells.judge, found)


def _add_matches(cells: _Cells, config: RunConfig, plan: Plan, name: str, row: Row) -> None:
    found = _finished(cells.store, plan.matches, name)
    if found:
        row.matched = _matched(cells, config, found)


def _matched(cells: _Cells, config: RunConfig, found: Sequence[Cell]) -> Matched:
    """What the matcher of a run says. found : its cells on the same pictures, a seed each."""
    assert config.matcher is not None
    detects = config.matcher.params.get(DETECT) is True
    return matched(cells.judge, cells.protocol, config.matcher.name, detects, found)


def _finished(store: Store, table: Mapping[tuple[str, int], CellSpec], name: str) -> list[Cell]:
    """The finished cells of a release, a seed each."""
    found = [store.find(cell.digest) for (release, _), cell in table.items() if release == name]
    return [cell for cell in found if cell is not None]
