"""An audit: a run over releases that exist already, so that nothing is trained but the attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import View
from aiakit.datasets.audited_splits import audited_split
from aiakit.datasets.duplicates import clusters_of_duplicates
from aiakit.datasets.fingerprint import array_digest
from aiakit.datasets.official import why_unjudgeable
from aiakit.datasets.samples import Samples
from aiakit.datasets.splits import Split, require_pairs
from aiakit.errors import InputError, unknown
from aiakit.experiment.config import (
    REFERENCE,
    RELEASE,
    AttributeSpec,
    Chain,
    DatasetSpec,
    PluginSpec,
    RunConfig,
    Score,
    SplitSpec,
)
from aiakit.experiment.given import add_numbers, add_release, add_truth
from aiakit.experiment.numeric import numeric_attributes
from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import drawn_pairs, official_pairs
from aiakit.experiment.request import Probing, levels, make_config, named_levels, named_risks
from aiakit.experiment.run import Run
from aiakit.experiment.selection import Stage, attack_names, named, not_run, reading, split_names
from aiakit.plugins import registry
from aiakit.plugins.options import require_in_use
from aiakit.storage.store import Store

SCORES: dict[View, tuple[Score, ...]] = {"embedding": ("cosine", "euclidean", "siamese"), "image": ("siamese",)}
SHARES = SplitSpec(defender=0.0, defender_val=0.0, attacker_train=0.60, attacker_val=0.15, test=0.25)


@dataclass(kw_only=True)
class AuditRequest(Probing):
    """What ``aiakit audit`` was asked for.

    score : how verification compares; None is a cosine, or of pictures a Siamese verifier trained on attacker-train.
    allow_overlap : measure although splits share people or nearly equal rows, and say so in the notes.
    """

    samples: Samples
    score: str | None = None
    allow_overlap: bool = False


@dataclass(frozen=True)
class PreparedAudit:
    """An audit that has passed every check that needs no training.

    broken : plugins that cannot be loaded. splits : attribute → its own. pairs : of verification, as ``Protocol``
    reads them.
    """

    config: RunConfig
    broken: dict[str, str]
    samples: Samples
    splits: dict[str, Split]
    pairs: dict[str, NDArray[Any]]

    def begin(self, folder: Path, command: Sequence[str] | None = None) -> Run:
        """The run folder of this audit, made or found again, with all that need not be computed.

        command : the arguments of ``aiakit``. Raises InputError as ``Run.create``.
        """
        run = Run.create(folder, self.config, command)
        run.store.open()
        self._add_cells(run.store)
        return run

    def _add_cells(self, store: Store) -> None:
        """Write what exists already: who is in which split, labels, pairs, the release, and the reference."""
        plan, samples = make_plan(self.config), self.samples
        first = self.splits[self.config.attribute]
        groups = {f"group.{number}": group.values for number, group in enumerate(samples.groups.values())}
        truth = {"identity": samples.identity, **_labels(samples, first), **groups, **self.pairs}
        add_truth(store, plan.protocol, truth, {"dataset": samples.name, **_facts(samples, first)})
        for name, further in plan.further.items():
            split = self.splits[name]
            add_truth(store, further.labels, _labels(samples, split), _facts(samples, split))
        for name, cell in plan.numeric.numbers.items():
            add_numbers(store, cell, samples.numbers[name])
        for (name, _), cell in plan.releases.items():
            add_release(store, cell, samples.tensors(reference=name == REFERENCE))


def prepare_audit(request: AuditRequest) -> PreparedAudit:
    """Check everything that can be checked before work begins.

    Raises
    ------
    InputError : anything given that cannot be used. PluginError : no attack could be loaded.
    """
    samples, broken = request.samples, dict[str, str]()
    if "lazy" in split_names(request.knowledge):
        raise InputError("--knowledge lazy needs a second release by the same defense, and this one exists once only")
    if {"query", "insider+query"} & set(named_levels(request.knowledge)):
        raise InputError("--knowledge query asks the fitted defense, and a release from a file has none: leave it out, "
                         "or measure the defense by aiakit run")  # fmt: skip
    knowledge = levels(request.knowledge, samples.reference is not None)
    if request.samples.split is not None and request.folds not in (None, 1):
        raise InputError(f"--folds {request.folds} would test people whom --split has for training: the test people of "
                         "a given split stay the test, leave out one of the two")  # fmt: skip
    asked, unread, notes = _attacks(request, broken)
    measuring, left_out = request.measuring(broken)
    in_use: list[Stage] = [*(("attack", name) for name in asked), *request.matching(), *measuring]
    require_in_use(request.options, [name for _, name in in_use])
    first, *others = samples.attributes
    unable = {name: _unable(asked, attribute.classes) for name, attribute in samples.attributes.items()}
    unread |= unable[first]
    notes += [f"{name} not run: {reason}" for name, reason in unable[first].items()]
    usable = [name for name in asked if name not in unable[first]]
    splits = _splits(request)
    request.require_people(min(split.taught(samples.identity) for split in splits.values()))
    if "insider" in knowledge and not all(len(split.rows["defender-train"]) for split in splits.values()):
        raise InputError("--knowledge insider learns from the defender's people, and there are none here: name them in "
                         "--split as defender-train, or leave out insider")  # fmt: skip
    releases = _releases(samples)
    settings, score = request.settings(releases), _score(request.score, samples.view)
    pairs: dict[str, NDArray[Any]] = {}
    if settings["pairs"] is not None:
        try:
            pairs = _pairs(samples, splits[first], settings, score, request.seed)
        except InputError as error:  # leakage can be told of people with a single picture, verification cannot
            notes.append(f"verification was not measured: {error}")
            settings |= {"pairs": None, "matcher": None}
    config = make_config(
        **settings,
        dataset=DatasetSpec(
            kind="file",
            name=samples.name,
            params={
                "view": samples.view,
                "split": "dealt" if samples.split is None else "given",
                "allow_overlap": request.allow_overlap,
                **_beside(samples),
            },
            data=_who(samples, splits[first]),
        ),
        attribute=first,
        split=SHARES.model_copy(update={"seed": request.seed, "folds": splits[first].number_of_folds}),
        score=score,
        defenses=releases,
        attacks=request.attack_specs(usable, in_use),
        seeds=(request.seed,),
        knowledge=knowledge,
        further=tuple(
            AttributeSpec(name=name, without=tuple(unable[name]), data=_who(samples, splits[name])) for name in others
        ),
        risks=named_risks(request.risks),
        numeric=numeric_attributes(samples.numbers, request.numeric, samples.identity, splits[first], samples.name),
        risk_attacks=request.risk_attack_specs(measuring, in_use),
        risk_notes=tuple(left_out),
        notes=tuple(notes),
        named=named(request.attacks, unread),
    )
    return PreparedAudit(config, broken, samples, splits, pairs)


def _splits(request: AuditRequest) -> dict[str, Split]:
    """Attribute → its split, all with one number of folds: the usual one, where each has people enough for it."""
    samples, clusters = request.samples, clusters_of_duplicates(request.samples.values)
    found = {name: audited_split(samples, name, clusters, request.seed, request.allow_overlap, request.folds)
             for name in samples.attributes}  # fmt: skip
    single = [name for name, split in found.items() if split.number_of_folds == 1]
    if len(single) in (0, len(found)):
        return found
    note = f"people were dealt to one split, and not to folds, which cannot be made for {', '.join(single)}"
    return {name: split if name in single else replace(split, folds=None, notes=(*split.notes, note))
            for name, split in found.items()}  # fmt: skip


def _releases(samples: Samples) -> tuple[Chain, ...]:
    """The reference, where there is one, and what is audited."""
    given = {REFERENCE: True, RELEASE: False} if samples.reference is not None else {RELEASE: False}
    chains = []
    for name, reference in given.items():
        views = samples.tensors(reference)
        params = {"views": list(views), "data": array_digest(*views.values())}
        chains.append((PluginSpec(kind="file", name=name, params=params),))
    return tuple(chains)


def _attacks(request: AuditRequest, broken: dict[str, str]) -> tuple[list[str], dict[str, str], list[str]]:
    """The attacks that read this view, those that combine the others last; those asked for that do not → why; and what
    was left out, a line each.
    """
    samples, asked = request.samples, request.attacks
    loadable = attack_names(asked, broken, split_names(request.knowledge))
    views, combining = reading(loadable)
    reading_it = [name for name, view in views.items() if view == samples.view]
    adaptive = [name for name in reading_it if registry.load("attack", name).knowledge == "adaptive"]
    left_out = adaptive if samples.reference is None else []
    kept = [name for name in reading_it if name not in left_out]
    why = "adaptive attacks need the undefended --reference"
    notes = [f"{', '.join(left_out)} not run: {why}"] if left_out else []
    others = {
        name: f"it reads {views[name]}, and this release is {samples.view}"
        for name in split_names(asked)
        if views.get(name, samples.view) != samples.view
    }
    notes += [f"{name} not run: {reason}" for name, reason in others.items()]
    notes += not_run(asked, kept, [samples.view])
    if not kept:
        raise InputError(
            f"none of the attacks asked for ({', '.join(asked)}) can be run on this {samples.view} release"
            + (f": {notes[0]}" if notes else ": aiakit list attacks shows what each reads")
        )
    return kept + (combining if len(kept) > 1 else []), dict.fromkeys(left_out, why) | others, notes


def _unable(attacks: Sequence[str], classes: tuple[str, ...]) -> dict[str, str]:
    """The attacks that cannot infer an attribute of these classes → why."""
    found = {}
    for name in attacks:
        with registry.guard(registry.entry("attack", name)):
            reason = registry.load("attack", name).unavailable(classes)
        if reason:
            found[name] = reason
    return found


def _score(asked: str | None, view: View) -> Score:
    for name in SCORES[view]:
        if asked in (None, name):
            return name
    if asked in SCORES["embedding"]:
        raise InputError(f"--score {asked} compares embeddings, and these are pictures: use --score siamese")
    raise unknown("score", str(asked), SCORES[view])


def _pairs(
    samples: Samples, split: Split, settings: dict[str, Any], score: Score, seed: int
) -> dict[str, NDArray[Any]]:
    """Drawn pairs, and the official ones that the verifier may be judged by, where they are enough for folds."""
    require_pairs(samples, split)
    labels = samples.attributes[split.attribute].values
    tensors = drawn_pairs(samples.identity, labels, split.rows, settings["pairs"], seed)
    if samples.pairs is not None:
        official = official_pairs(samples.pairs, split.rows["test"] if score == "siamese" else None)
        if not why_unjudgeable(official["pairs.official.same"], official["pairs.official.fold"]):
            tensors |= official
    return tensors


def _labels(samples: Samples, split: Split) -> dict[str, NDArray[Any]]:
    rows = {f"rows.{name}": chosen for name, chosen in split.rows.items()}
    folds = {} if split.folds is None else {"folds": split.folds}
    return {"labels": samples.attributes[split.attribute].values, **rows, **folds}


def _facts(samples: Samples, split: Split) -> dict[str, Any]:
    return {
        "attribute": split.attribute,
        "classes": list(samples.attributes[split.attribute].classes),
        "people": sum(split.people.values()),
        "images": sum(len(rows) for rows in split.rows.values()),
        "splits": {name: dict(counts) for name, counts in split.summary().items()},
        "bayes_ceiling": None,
        "absence": samples.absence.get(split.attribute),
        "notes": [*samples.notes, *split.notes],
        "groups": [{"name": name, "classes": list(group.classes)} for name, group in samples.groups.items()],
        "test_people": array_digest([samples.people[code] for code in np.unique(samples.identity[split.tested()])]),
    }


def _who(samples: Samples, split: Split) -> str:
    """A digest of the people, their attribute and their splits: equal for two releases of the same people."""
    attribute = samples.attributes[split.attribute]
    parts: list[Any] = [samples.identity, samples.people, attribute.classes, attribute.values]
    parts += [part for name, rows in split.rows.items() for part in (name, rows)]
    return array_digest(*parts, *([] if split.folds is None else [split.folds]))


def _beside(samples: Samples) -> dict[str, str]:
    """A digest of what else stands in the cell of the protocol: groups and official pairs; nothing without any."""
    parts: list[Any] = []
    for name, group in samples.groups.items():
        parts += [name, group.classes, group.values]
    if samples.pairs is not None:
        parts += [samples.pairs.left, samples.pairs.right, samples.pairs.same, samples.pairs.fold]
    return {"groups_and_pairs": array_digest(*parts)} if parts else {}
