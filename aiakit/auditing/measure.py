"""From an audit's stored scores to the document that ``run --json`` prints as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.auditing.config import AuditConfig
from aiakit.experiment.config import DatasetSpec, PluginSpec, RunConfig
from aiakit.experiment.protocol import Protocol
from aiakit.measures.bootstrap import IdentityBootstrap, number, numbers
from aiakit.measures.statistics import attack_statistics
from aiakit.results.document import document_of
from aiakit.results.evaluate import Evaluation, truth_of
from aiakit.results.judge import SPLITS, Judge, Scores, Tables, Truth
from aiakit.results.row import Row
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
    judge = Judge.of(truth_of(protocol), config.bootstrap_draws, config.seed)
    release = judge.row(RELEASE, _scores_of_release(config, protocol, judge.truth))
    release.seconds = facts["seconds"]
    rows = {RELEASE: release}
    if config.reference:
        rows[REFERENCE] = judge.row(REFERENCE, Scores(_tables(config, protocol, "reference")))
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
        attack_seeds=config.attack_seeds,
        reference=REFERENCE,
        bootstrap_draws=config.bootstrap_draws,
    )


def _tables(config: AuditConfig, protocol: Protocol, release: str) -> dict[str, Tables]:
    """Attack → the scores of its finished repeats on a release."""
    seeds = range(config.seed, config.seed + config.attack_seeds)
    found: dict[str, Tables] = {}
    for spec in config.attacks:
        prefixes = [f"{release}.{spec.name}.{seed}" for seed in seeds]
        done = [prefix for prefix in prefixes if f"{prefix}.test" in protocol.tensors]
        if done:
            found[spec.name] = [{part: protocol.tensors[f"{each}.{part}"] for part in SPLITS} for each in done]
    return found


def _scores_of_release(config: AuditConfig, protocol: Protocol, truth: Truth) -> Scores:
    tensors = protocol.tensors
    return Scores(
        attacks=_tables(config, protocol, "attack"),
        similarities={
            kind: [{"val": tensors[f"similarity.attacker-val.{kind}"], "test": tensors[f"similarity.test.{kind}"]}]
            for kind in truth.pairs
        },
        official=[tensors["similarity.official"]] if "similarity.official" in tensors else (),
    )


def slices(config: AuditConfig, facts: dict[str, Any], protocol: Protocol, row: Row) -> dict[str, Any]:
    """The strongest attack on parts of test: its recall of each class, its balanced accuracy in each group.

    {"attack": NAME, "classes": {CLASS: figures}, "groups": {COLUMN: {VALUE: figures}}} with figures people, images,
    balanced_accuracy (of the classes that occur: for a class its recall) and ci95.
    """
    if row.strongest is None:
        return {"attack": None, "classes": {}, "groups": {}}
    tables = _tables(config, protocol, "attack")[row.strongest]
    val, val_labels = [table["val"] for table in tables], protocol.labels(protocol.rows("attacker-val"))
    test = protocol.rows("test")
    labels, identity = protocol.labels(test), protocol.identity(test)

    def figures(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        bootstrap = IdentityBootstrap(identity[chosen], config.bootstrap_draws, config.seed)
        part = attack_statistics(
            val, val_labels, [t["test"][chosen] for t in tables], labels[chosen], bootstrap, len(protocol.classes)
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
