"""Runs every attack on every attribute and compares verification pairs: from samples to stored scores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from aiakit.auditing.config import AuditConfig
from aiakit.auditing.unfinished import AuditCheckpoint, Tensors
from aiakit.auditing.verification import verification_tensors
from aiakit.contracts import Attack, Context, IntArray, LabelledRelease
from aiakit.datasets.audited_splits import AuditedSplit
from aiakit.datasets.parallel import threads_in_all
from aiakit.datasets.samples import Samples
from aiakit.errors import AiakitError, InputError, PluginError
from aiakit.experiment.config import PluginSpec
from aiakit.experiment.engine import Observer
from aiakit.experiment.plan import combines
from aiakit.experiment.probing import TOO_FEW, combined_scores, folds_of, on_large_samples
from aiakit.experiment.runtime import check_proba
from aiakit.plugins import registry

RELEASE, REFERENCE = "attack", "reference"  # how the scores on each begin


class SilentObserver:
    """An observer that shows nothing."""

    def begin(self, cells: int, finished: int) -> None:
        """Nothing."""

    def start(self, label: str) -> None:
        """Nothing."""

    def step(self, label: str, done: int, total: int) -> None:
        """Nothing."""

    def end(self, label: str, failure: str | None) -> None:
        """Nothing."""


@dataclass
class Scored:
    """What was computed for one attribute, and all that it is judged by.

    tensors : ``rows.SPLIT``, ``identity``, ``labels``, ``group.NUMBER``; ``attack.NAME.SEED.val/test`` and
    ``reference.NAME.SEED.val/test``, float64 (N, K); pairs and similarities (see ``verification_tensors``).
    failures : what failed → why. seconds : of the release's attacks.
    """

    attribute: str
    classes: tuple[str, ...]
    split: AuditedSplit
    tensors: Tensors
    notes: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def run_audit(
    samples: Samples,
    config: AuditConfig,
    splits: dict[str, AuditedSplit],
    observer: Observer,
    memory: AuditCheckpoint | None = None,
    threads: int | None = None,
) -> list[Scored]:
    """The scores for every attribute. An attack that fails is named, and the others go on.

    memory : keeps each attack's scores, and knows those of an earlier start. threads : as ``threads_in_all``.
    Raises InputError where what the user gave cannot be used.
    """
    ctx = Context(
        device=config.device, precision=config.precision, threads=threads_in_all(threads), report=observer.step
    )
    memory = memory or AuditCheckpoint(config)
    releases = (RELEASE, REFERENCE) if config.reference else (RELEASE,)
    results = [_begun(samples, attribute, splits[attribute]) for attribute in config.attributes]
    suites = [_applicable(config, scored) for scored in results]
    tasks = [
        (scored, spec, release, seed)
        for scored, suite in zip(results, suites, strict=True)
        for spec in suite
        for seed in range(config.seed, config.seed + config.attack_seeds)
        for release in releases
    ]
    known = sum(memory.has(_inputs(memory, *task)) for task in tasks)
    observer.begin(len(tasks) + len(results), known)
    for scored, spec, release, seed in tasks:
        _try_attack(samples, scored, spec, release, replace(ctx, seed=seed), observer, memory)
    for scored in results:
        _verify(samples, scored, config, replace(ctx, seed=config.seed), observer, memory)
    return results


def _inputs(memory: AuditCheckpoint, scored: Scored, spec: PluginSpec, release: str, seed: int) -> dict[str, Any]:
    """What an attack's scores depend on; of an attack on scores also which others have given any."""
    others = sorted(_others(scored, release, seed)) if combines(spec) else []
    return memory.inputs(
        "attack", attribute=scored.attribute, attack=spec.name, release=release, seed=seed, combines=others
    )


def _begun(samples: Samples, attribute: str, split: AuditedSplit) -> Scored:
    found = samples.attributes[attribute]
    tensors: Tensors = {f"rows.{name}": rows for name, rows in split.rows.items()}
    tensors |= {"identity": samples.identity, "labels": found.values}
    tensors |= {f"group.{number}": group.values for number, group in enumerate(samples.groups.values())}
    return Scored(attribute, found.classes, split, tensors, notes=[*samples.notes, *split.notes])


def _applicable(config: AuditConfig, scored: Scored) -> list[PluginSpec]:
    """The attacks that can infer an attribute of these classes; the notes name the others."""
    suite, val, many = [], scored.split.rows["attacker-val"], len(scored.split.rows["attacker-train"])
    approximations: dict[str, str] = {}
    for spec in config.attacks:
        entry = registry.entry("attack", spec.name)
        cls = registry.load("attack", spec.name)
        with registry.guard(entry):
            reason = cls.unavailable(scored.classes)
        if combines(spec) and not folds_of(scored.tensors["labels"][val], scored.tensors["identity"][val]):
            reason = TOO_FEW
        if reason:
            scored.notes.append(f"{spec.name} not run: {reason}")
            continue
        suite.append(spec)
        try:
            with registry.guard(entry):
                said = registry.make("attack", spec.name, spec.params).approximation(many)
        except PluginError:  # it fails again, and is named, when its turn comes
            continue
        if said:
            approximations[spec.name] = said
    scored.notes += on_large_samples(many, approximations)
    return suite


def _try_attack(
    samples: Samples,
    scored: Scored,
    spec: PluginSpec,
    release: str,
    ctx: Context,
    observer: Observer,
    memory: AuditCheckpoint,
) -> None:
    label = f"{spec.name} on {scored.attribute}, seed {ctx.seed}" + (", reference" if release == REFERENCE else "")
    inputs = _inputs(memory, scored, spec, release, ctx.seed)
    fresh = not memory.has(inputs)
    if fresh:
        observer.start(label)
    try:
        scores, seconds = memory.remember(inputs, lambda: _attack(samples, scored, spec, release, ctx))
    except InputError:
        raise
    except AiakitError as error:
        scored.failures[label] = str(error)
        observer.end(label, str(error))
        return
    scored.tensors |= {f"{release}.{spec.name}.{ctx.seed}.{part}": proba for part, proba in scores.items()}
    if release == RELEASE:
        scored.seconds += seconds
    if fresh:
        observer.end(label, None)


def _attack(samples: Samples, scored: Scored, spec: PluginSpec, release: str, ctx: Context) -> Tensors:
    """Train on attacker-train, score attacker-val and test. Raises PluginError where the attack fails."""
    entry = registry.entry("attack", spec.name)
    attack: Attack = registry.make("attack", spec.name, spec.params)
    rows, on_reference = scored.split.rows, release == REFERENCE
    if attack.view == "scores":
        val = rows["attacker-val"]
        tables = list(_others(scored, release, ctx.seed).values())
        if len(tables) < 2:
            raise PluginError("it combines other attacks, and fewer than two of them gave scores")
        truth = scored.tensors["labels"][val], samples.identity[val]
        return dict(combined_scores(tables, truth, scored.classes, attack, entry, ctx))

    def evidence(chosen: IntArray) -> LabelledRelease:
        adaptive = attack.knowledge == "adaptive" and samples.reference is not None
        return LabelledRelease(
            samples.release(chosen, on_reference),
            scored.tensors["labels"][chosen],
            samples.identity[chosen],
            scored.classes,
            unprotected=samples.release(chosen, reference=True) if adaptive else None,
        )

    scores = {}
    with registry.guard(entry):
        attack.fit(evidence(rows["attacker-train"]), evidence(rows["attacker-val"]), ctx)
        for name, chosen in (("val", rows["attacker-val"]), ("test", rows["test"])):
            proba = attack.predict_proba(samples.release(chosen, on_reference))
            scores[name] = check_proba(proba, len(chosen), len(scored.classes), entry)
    return scores


def _others(scored: Scored, release: str, seed: int) -> dict[str, Tensors]:
    """The scores of the attacks that one on scores combines, by name: of the same seed on the same release."""
    names = [
        key.split(".")[1] for key in scored.tensors if key.startswith(f"{release}.") and key.endswith(f".{seed}.val")
    ]
    return {
        name: {part: scored.tensors[f"{release}.{name}.{seed}.{part}"] for part in ("val", "test")}
        for name in names
        if not combines(PluginSpec(name=name))
    }


def _verify(
    samples: Samples, scored: Scored, config: AuditConfig, ctx: Context, observer: Observer, memory: AuditCheckpoint
) -> None:
    label = f"verification beside {scored.attribute}"
    inputs = memory.inputs("verification", attribute=scored.attribute)
    observer.start(label)
    try:
        scored.tensors |= memory.remember(
            inputs, lambda: verification_tensors(samples, scored.attribute, scored.split, config.score, ctx)
        )[0]
    except InputError as error:  # leakage can be told of people with a single picture, verification cannot
        scored.notes.append(f"verification was not measured: {error}")
    observer.end(label, None)
