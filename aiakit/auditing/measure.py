"""From an audit's stored scores to the document that ``run --json`` prints as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.auditing.config import AuditConfig
from aiakit.experiment.config import DatasetSpec, PluginSpec, RunConfig
from aiakit.experiment.protocol import PROTOCOLS, Protocol
from aiakit.measures.bootstrap import IdentityBootstrap, number, numbers
from aiakit.measures.statistics import AttackStatistics, attack_statistics
from aiakit.measures.verification import ten_fold_accuracy, verification_statistics
from aiakit.results.document import document_of
from aiakit.results.judge import Evaluation, OfficialFolds, Row
from aiakit.storage.store import Cell

RELEASE, REFERENCE = "release", "reference"
NO_REFERENCE = (
    "no unprotected --reference was given, so that the power of these attacks is not known: where nothing was found, "
    "only the smallest detectable leak says what that means"
)


def measure(config: AuditConfig, facts: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The document of one attribute: the keys of ``run --json``, one row, and three keys more.

    reference : the row of the unprotected release, or None. slices : the strongest attack by class and by group.
    audit : what was audited.

    facts : what ``AuditResult`` keeps beside the tensors of the attribute.
    """
    protocol = Protocol(Cell(Path(), {"inputs": {}, "result": facts, "seconds": facts["seconds"]}), tensors)
    identity = protocol.identity(protocol.rows("test"))
    bootstrap = IdentityBootstrap(identity, config.bootstrap_draws, config.seed)
    release = Row(RELEASE, attacks=_attacks(config, protocol, "attack", bootstrap), seconds=facts["seconds"])
    _add_utility(protocol, bootstrap, release)
    rows = {RELEASE: release}
    if config.reference:
        rows[REFERENCE] = Row(REFERENCE, attacks=_attacks(config, protocol, "reference", bootstrap))
    document = document_of(Evaluation(_run_config(config, facts), protocol, rows), facts["failures"])
    shown, *reference = document["rows"]
    notes = document["notes"] if config.reference else [*document["notes"], NO_REFERENCE]
    return document | {
        "rows": [shown],
        "notes": notes,
        "reference": reference[0] if reference else None,
        "slices": slices(config, facts, protocol, release),
        "audit": config.model_dump(
            mode="json", include={"name", "view", "score", "split", "allow_overlap", "seed", "data"}
        ),
    }


def _run_config(config: AuditConfig, facts: dict[str, Any]) -> RunConfig:
    """The audit as the run that it would be: two releases that nobody trained."""
    return RunConfig(
        dataset=DatasetSpec(name=config.name, data=config.data),
        attribute=facts["attribute"],
        pairs=None,
        defenses=tuple((PluginSpec(name=name),) for name in (RELEASE, REFERENCE)),
        attacks=config.attacks,
        seeds=(config.seed,),
        attack_seeds=config.seeds,
        reference=REFERENCE,
        bootstrap_draws=config.bootstrap_draws,
    )


def _scores(
    config: AuditConfig, protocol: Protocol, release: str, attack: str
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """The finished repeats of an attack on attacker-val and test."""
    prefixes = [f"{release}.{attack}.{seed}" for seed in range(config.seed, config.seed + config.seeds)]
    done = [prefix for prefix in prefixes if f"{prefix}.test" in protocol.tensors]
    val, test = ([protocol.tensors[f"{prefix}.{part}"] for prefix in done] for part in ("val", "test"))
    return val, test


def _attacks(
    config: AuditConfig, protocol: Protocol, release: str, bootstrap: IdentityBootstrap
) -> dict[str, AttackStatistics]:
    labels = [protocol.labels(protocol.rows(split)) for split in ("attacker-val", "test")]
    found = {}
    for spec in config.attacks:
        val, test = _scores(config, protocol, release, spec.name)
        if val:
            classes = len(protocol.classes)
            found[spec.name] = attack_statistics(val, labels[0], test, labels[1], bootstrap, classes)
    return found


def _add_utility(protocol: Protocol, bootstrap: IdentityBootstrap, row: Row) -> None:
    tensors, identity = protocol.tensors, protocol.tensors["identity"]
    for kind in PROTOCOLS:
        if f"similarity.test.{kind}" not in tensors:
            continue
        val, test = ({n: tensors[f"pairs.{s}.{kind}.{n}"] for n in ("left", "right", "same")} for s in _JUDGED)
        row.utility[kind] = verification_statistics(
            [(tensors[f"similarity.attacker-val.{kind}"], val["same"])],
            [(tensors[f"similarity.test.{kind}"], test["same"], identity[test["left"]], identity[test["right"]])],
            bootstrap,
        )
    if "similarity.official" in tensors:
        same, fold = tensors["pairs.official.same"], tensors["pairs.official.fold"]
        row.official = OfficialFolds(*ten_fold_accuracy(tensors["similarity.official"], same, fold), len(same))


_JUDGED = ("attacker-val", "test")


def slices(config: AuditConfig, facts: dict[str, Any], protocol: Protocol, row: Row) -> dict[str, Any]:
    """The strongest attack on parts of test: its recall of each class, its balanced accuracy in each group.

    {"attack": NAME, "classes": {CLASS: figures}, "groups": {COLUMN: {VALUE: figures}}} with figures people, images,
    balanced_accuracy (of the classes that occur: for a class its recall) and ci95.
    """
    if row.strongest is None:
        return {"attack": None, "classes": {}, "groups": {}}
    scores = _scores(config, protocol, "attack", row.strongest)
    val_labels = protocol.labels(protocol.rows("attacker-val"))
    test = protocol.rows("test")
    labels, identity = protocol.labels(test), protocol.identity(test)

    def figures(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        bootstrap = IdentityBootstrap(identity[chosen], config.bootstrap_draws, config.seed)
        part = attack_statistics(
            scores[0], val_labels, [p[chosen] for p in scores[1]], labels[chosen], bootstrap, len(protocol.classes)
        )
        return {
            "people": len(bootstrap.people),
            "images": int(chosen.sum()),
            "balanced_accuracy": number(part.point["balanced_accuracy"]),
            "ci95": numbers(part.ci95("balanced_accuracy")),
        }

    def each(codes: NDArray[Any], names: list[str]) -> dict[str, Any]:
        return {name: figures(codes == code) for code, name in enumerate(names) if (codes == code).any()}

    return {
        "attack": row.strongest,
        "classes": each(labels, list(protocol.classes)),
        "groups": {
            group["name"]: each(protocol.tensors[f"group.{place}"][test], group["classes"])
            for place, group in enumerate(facts["groups"])
        },
    }
