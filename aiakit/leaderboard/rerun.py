"""Trains the attacks of an entry again, on the release that was submitted with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from aiakit.errors import AiakitError, InputError
from aiakit.experiment.cells import COMPUTE
from aiakit.experiment.runtime import Runtime
from aiakit.experiment.workers import execute
from aiakit.leaderboard.entry import Submission, read_tensors
from aiakit.leaderboard.schema import AttackInfo
from aiakit.leaderboard.scores import statistics_row
from aiakit.plugins import registry
from aiakit.storage.store import Store, json_digest

RETRAINABLE = ("embedding", "image")


@dataclass(frozen=True)
class Retrained:
    """An attack of an entry and what it reaches when trained again; ``reason`` where it was not."""

    attack: str
    submitted: float
    again: float | None
    reason: str = ""


def rerun(submission: Submission, runtime: Runtime) -> Iterator[Retrained]:
    """Balanced accuracy of every attack, as submitted and trained again with the entry's seeds and options.

    The adaptive attacks need photographs, the combined ones the scores of all others, and external ones are not ours:
    these are named with the reason. Raises InputError where the entry has no release.
    """
    entry = submission.entry
    if entry.submitted_release is None:
        raise InputError(f"{submission.path} holds no release: submit it with --with-release")
    release = read_tensors(submission.path, entry.submitted_release)
    with tempfile.TemporaryDirectory(prefix="aiakit-rerun-") as folder:
        store = Store(Path(folder))
        store.open()
        protocol = _add_protocol(store, submission, release)
        cells = {seed: _add_release(store, release, seed) for seed in entry.computing.seeds}
        for attack in entry.attacks:
            if attack.claim:
                continue
            submitted = entry.figures["attacks"][attack.name]["balanced_accuracy"]
            reason = _not_retrainable(attack)
            if reason:
                yield Retrained(attack.name, submitted, None, reason)
                continue
            scores = [
                _train(store, submission, attack, protocol, cells[seed], attack_seed, runtime)
                for seed, attack_seed in attack.repeats
            ]
            tensors = dict(submission.tensors)
            for repeat, table in enumerate(scores):
                tensors |= {f"attack.0.{repeat}.{split}": table[split] for split in ("val", "test")}
            row = statistics_row(entry.protocol.model_copy(update={"bootstrap_draws": 100}), [attack], tensors)
            yield Retrained(attack.name, submitted, row.attacks[attack.name].point["balanced_accuracy"])


def _not_retrainable(attack: AttackInfo) -> str:
    if attack.external:
        return "external: somebody else trained it"
    if attack.knowledge == "adaptive":
        return "it needs the photographs, which an entry does not hold"
    if attack.files:
        return f"it needs the file of its option {next(iter(attack.files))}"
    if attack.view not in RETRAINABLE:
        return f"it learns from {attack.view}, not from the release"
    try:
        own = registry.fingerprint("attack", attack.name)
    except AiakitError as error:
        return str(error)
    return "" if own == attack.fingerprint else "this version of the attack is another than the one submitted"


def _add_protocol(store: Store, submission: Submission, release: dict[str, NDArray[Any]]) -> str:
    inputs = {"kind": "protocol", "entry": submission.entry.name}
    digest = json_digest(inputs)
    names = ("rows.attacker-train", "rows.attacker-val", "rows.test", "labels", "identity")
    lacking = [name for name in names if name not in release]
    if lacking:
        raise InputError(f"the release of {submission.path} lacks {lacking[0]}")
    with store.draft(digest, inputs) as draft:
        draft.save("protocol", {name: release[name] for name in names})
        told = ("dataset", "attribute", "classes", "people", "images", "bayes_ceiling")
        stated = submission.entry.protocol.model_dump(mode="json")
        draft.result = {**{name: stated[name] for name in told}, "splits": {}, "notes": []}
    return digest


def _add_release(store: Store, release: dict[str, NDArray[Any]], seed: int) -> str:
    inputs = {"kind": "release", "seed": seed}
    digest = json_digest(inputs)
    views = {name.partition(".")[2]: part for name, part in release.items() if name.partition(".")[0] == str(seed)}
    if not views:
        raise InputError(f"the submitted release has nothing of seed {seed}")
    with store.draft(digest, inputs) as draft:
        draft.save("release", views)
        first = {name: list(part.shape[1:]) for name, part in views.items() if "." not in name}
        draft.result = {"views": first, "draws": len(views) // len(first)}
    return digest


def _train(
    store: Store,
    submission: Submission,
    attack: AttackInfo,
    protocol: str,
    release: str,
    seed: int,
    runtime: Runtime,
) -> dict[str, NDArray[Any]]:
    computing = submission.entry.computing
    inputs = {
        "kind": "attack",
        "protocol": protocol,
        "trained_on": release,
        "applied_to": release,
        "unprotected": None,
        "attack": {"name": attack.name, "params": attack.params},
        "knowledge": attack.knowledge,
        "people": None,
        "permutation": None,
        "framework": computing.framework,
        "libraries": computing.libraries,
        "seed": seed,
        "device": computing.device,
        "precision": computing.precision,
    }
    execute(store, inputs, runtime, COMPUTE)
    return store.read(json_digest(inputs)).tensors("scores")
