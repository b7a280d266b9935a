"""The entries of a finished run, in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit import __version__
from aiakit.contracts import MISSING
from aiakit.datasets.pairs import IMPOSTOR_KINDS
from aiakit.datasets.splits import SplitName
from aiakit.experiment.config import Chain, Level, PluginSpec, label_of
from aiakit.experiment.halving import LEFT_OUT, tried_on
from aiakit.experiment.plan import AttackKey, Plan, make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import published
from aiakit.leaderboard.accompanying import accompanying, portable
from aiakit.leaderboard.entry import (
    IN_MEMORY,
    Submission,
)
from aiakit.leaderboard.risks_of_run import risks_of_run
from aiakit.leaderboard.schema import AttackInfo, Computing, Entry, ProtocolInfo, Provenance, schema_of
from aiakit.leaderboard.scores import figures_of, statistics_row, truth_digest
from aiakit.leaderboard.tensors import FOLDS, SIDES
from aiakit.measures.halving import in_order
from aiakit.results.evaluate import evaluate
from aiakit.results.learning import people_known
from aiakit.results.remembered import StatisticsCache
from aiakit.results.repeats import repeats_of
from aiakit.results.row import Row
from aiakit.storage.documents import sound
from aiakit.storage.store import json_digest

STORED: dict[str, SplitName] = {"val": "attacker-val", "test": "test"}  # how entries call the splits that are scored


def submissions_of(run: Run, defenses: Sequence[str] = ()) -> list[Submission]:
    """An entry of every release of a finished run, or of those named.

    Raises InputError where the run is not finished, or has no such defense.
    """
    plan, store = make_plan(run.config), run.store
    run.require_finished()
    chains = tuple(map(run.chain, defenses)) or run.config.defenses
    with sound(run.folder):
        protocol = Protocol.read(store, plan.protocol.digest)
        rows = evaluate(run.store, run.config).rows
        return [_submission(run, plan, protocol, chain, rows[label_of(chain)]) for chain in chains]


def _submission(run: Run, plan: Plan, protocol: Protocol, chain: Chain, row: Row) -> Submission:
    config, label, level = run.config, label_of(chain), row.level
    counting = {spec.name: _counting(plan, label, spec, level) for spec in config.attacks}
    cells = [cell for (name, _), cell in (*plan.releases.items(), *plan.utilities.items()) if name == label]
    cells += [plan.attacks[key] for keys in counting.values() for key in keys]
    tensors = truth_of(protocol)
    attacks = tuple(_attacks(run, plan, protocol, counting, tensors))
    found = accompanying(run, plan, protocol, row)
    memory = StatisticsCache.of_user()
    others = risks_of_run(run, plan, protocol, label, memory)
    tensors |= found.tensors | others.tensors
    for repeat, (_, cell) in enumerate(item for item in plan.utilities.items() if item[0][0] == label):
        scores = run.store.read(cell.digest).tensors("scores")
        tensors |= {
            f"verifier.{repeat}.{split}.{kind}": np.asarray(scores[f"{stored}.{kind}"])
            for split, stored in STORED.items()
            for kind in IMPOSTOR_KINDS
            if f"{stored}.{kind}" in scores
        }
    facts = protocol.facts
    info = ProtocolInfo(
        dataset=facts["dataset"],
        data=config.dataset.data,
        attribute=facts["attribute"],
        classes=tuple(facts["classes"]),
        people=facts["people"],
        images=facts["images"],
        split=config.split,
        pairs=config.pairs,
        bootstrap_draws=config.bootstrap_draws,
        unit=config.unit,
        bayes_ceiling=facts["bayes_ceiling"],
        truth=truth_digest(tensors),
    )
    computing = Computing(
        aiakit=__version__,
        framework=config.framework,
        libraries=config.libraries,
        device=config.device,
        precision=config.precision,
        seeds=config.seeds,
        attack_seeds=config.attack_seeds,
        seconds=round(sum(run.store.read(cell.digest).seconds for cell in cells), 3),
    )
    entry = Entry(
        schema_version=schema_of(others.risks),
        name=_name(label, facts["dataset"], [cell.digest for cell in cells]),
        release=label,
        provenance=Provenance(command=run.command),
        stages=tuple(portable(stage) for stage in chain),
        protocol=info,
        computing=computing,
        attacks=attacks,
        level=level,
        people_known=people_known(protocol, "insider" in level),
        beside=tuple(found.attacks),
        accuracy_bound=row.accuracy_bound,
        risks=others.risks,
        scores=IN_MEMORY,
        figures={},
    )
    row = statistics_row(entry, tensors, memory)
    return Submission(entry.model_copy(update={"figures": figures_of(row)}), tensors, run.folder, row)


def _counting(plan: Plan, label: str, spec: PluginSpec, level: Level) -> list[AttackKey]:
    """The repeats of an attack that count for the headline, or that show the claim."""
    own = [key for key in plan.attacks if (key.release, key.attack) == (label, spec.name)]
    return [key for key in own if key.counts_at(level) or key.claim]


def _name(label: str, dataset: str, digests: list[str]) -> str:
    readable = re.sub(r"[^a-z0-9+.-]+", "-", f"{dataset}-{label}".lower()).strip("-.+")
    return f"{readable[:80] or 'release'}-{json_digest({'cells': digests})[:8]}"


def truth_of(protocol: Protocol) -> dict[str, NDArray[Any]]:
    """What the scores of an entry are judged by: labels, identities, folds and pairs of attacker-val and test."""
    tensors: dict[str, NDArray[Any]] = {}
    for split, stored in STORED.items():
        rows = protocol.judged(stored)
        tensors |= {f"{split}.labels": protocol.labels(rows), f"{split}.identity": protocol.identity(rows)}
        for kind in IMPOSTOR_KINDS:
            pairs = protocol.pairs(f"{stored}.{kind}", rows)
            if pairs is not None:
                tensors |= {f"pairs.{split}.{kind}.{side}": getattr(pairs, side) for side in SIDES}
    folds = protocol.fold_of(protocol.judged("test"))
    return tensors | ({} if folds is None else {FOLDS: folds})


def _attacks(
    run: Run,
    plan: Plan,
    protocol: Protocol,
    counting: dict[str, list[AttackKey]],
    tensors: dict[str, NDArray[Any]],
) -> Iterator[AttackInfo]:
    """The attacks that count, and the claim; their scores are added to ``tensors``."""
    number = 0
    for spec in run.config.attacks:
        found = [
            repeat for repeat in repeats_of(run.store, plan.attacks, counting[spec.name], protocol) if repeat.scores
        ]
        if not found:
            yield from _left_out(run, plan, protocol, spec, counting[spec.name], number, tensors)
            number += f"attack.{number}.0.val" in tensors
            continue
        for place, repeat in enumerate(found):
            tensors |= {f"attack.{number}.{place}.{split}": np.asarray(repeat.scores[split]) for split in STORED}
        number += 1
        yield AttackInfo(
            **portable(spec).model_dump(),
            repeats=tuple((repeat.key.seed, repeat.key.attack_seed) for repeat in found),
        )


def _left_out(
    run: Run,
    plan: Plan,
    protocol: Protocol,
    spec: PluginSpec,
    keys: list[AttackKey],
    number: int,
    tensors: dict[str, NDArray[Any]],
) -> Iterator[AttackInfo]:
    """An attack that was left out of later folds, with its scores of the first ones; nothing of any other."""
    cells = {key: run.store.read(plan.attacks[key].digest) for key in keys}
    if not any(cell.result.get("skipped", "").startswith(LEFT_OUT) for cell in cells.values()):
        return
    tried = {key: cell.tensors("scores")["val"] for key, cell in cells.items() if "skipped" not in cell.result}
    repeats = tuple(dict.fromkeys((key.seed, key.attack_seed) for key in tried))
    done = 1 + max(key.fold or 0 for key in tried)
    _, learned = tried_on(protocol, done)
    for place, repeat in enumerate(repeats):
        parts = [tried[key] for key in tried if (key.seed, key.attack_seed) == repeat]
        tensors[f"attack.{number}.{place}.val"] = in_order(parts, learned)
    yield AttackInfo(**portable(spec).model_dump(), repeats=repeats, left_after=done)


def release_tensors(run: Run, label: str) -> dict[str, NDArray[Any]]:
    """What the attacks learned from and were judged on: the release of three splits, with rows counted anew.

    Labels of test are MISSING: who trains an attack on it does not need them. Where people are cross-fitted those of
    everybody are, and stand beside the scores.
    """
    plan = make_plan(run.config)
    protocol = Protocol.read(run.store, plan.protocol.digest)
    splits = ("attacker-train", "attacker-val", "test")
    rows = protocol.rows(*splits)
    tensors = {f"rows.{split}": np.searchsorted(rows, protocol.rows(split)) for split in splits}
    labels = np.where(np.isin(rows, protocol.judged("test")), MISSING, protocol.labels(rows))
    tensors |= {"labels": labels, "identity": protocol.identity(rows)}
    folds = protocol.fold_of(rows)
    tensors |= {} if folds is None else {"folds": folds}
    for (name, seed), cell in plan.releases.items():
        if name == label:
            views = published(run.store.read(cell.digest).tensors("release"))
            tensors |= {f"{seed}.{view}": np.asarray(part[rows]) for view, part in views.items()}
    return tensors
