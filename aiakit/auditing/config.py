"""What an audit was asked for, with every default spelled out: all that its scores depend on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from aiakit.auditing.verification import SCORES, Score
from aiakit.contracts import Precision, View
from aiakit.datasets.fingerprint import array_digest
from aiakit.datasets.samples import Samples
from aiakit.errors import InputError
from aiakit.experiment.computing import choose_device, choose_precision
from aiakit.experiment.config import PluginSpec, Record, library_versions, plugin_spec
from aiakit.experiment.plan import view_of
from aiakit.experiment.request import attack_names, not_run
from aiakit.plugins import registry
from aiakit.plugins.fingerprint import source_digest
from aiakit.plugins.options import parse_settings, require_in_use
from aiakit.plugins.suggest import unknown
from aiakit.storage.store import json_digest


class AuditConfig(Record):
    """An audit. ``data`` is a digest of the rows, labels, people, groups, split, pairs and reference."""

    name: str
    view: View
    data: str
    attributes: tuple[str, ...]
    groups: tuple[str, ...]
    split: Literal["dealt", "given"]
    allow_overlap: bool
    reference: bool
    score: Score
    attacks: tuple[PluginSpec, ...]
    attack_seeds: int
    seed: int
    device: str
    precision: Precision
    bootstrap_draws: int = 2000
    framework: str
    libraries: dict[str, str]

    def equals(self, other: AuditConfig) -> bool:
        """Whether both say the same as JSON, where a list is what a tuple was before it was stored."""
        return self.model_dump(mode="json") == other.model_dump(mode="json")

    def folder_name(self) -> str:
        """A readable name that changes with the configuration: the same command finds its folder again."""
        readable = re.sub(r"[^a-z0-9-]+", "-", f"audit-{self.name}".lower()).strip("-")
        return f"{readable[:60]}-{json_digest(self.model_dump(mode='json'))[:8]}"


def make_config(
    samples: Samples,
    attacks: Sequence[str],
    settings: Sequence[str],
    score: str | None,
    attack_seeds: int,
    seed: int,
    allow_overlap: bool,
    device: str,
    precision: str,
    broken: dict[str, str],
) -> tuple[AuditConfig, list[str]]:
    """The configuration, and notes on attacks that were left out. Plugins that cannot be loaded go to ``broken``.

    Raises InputError for unknown names, bad options, or where no attack is left.
    """
    names, notes = _attacks(samples, attacks, broken)
    options = parse_settings(settings)
    require_in_use(options, names)
    if attack_seeds < 1 or seed < 0:
        raise InputError(
            f"the number of seeds must be at least 1 and the seed at least 0, not {attack_seeds} and {seed}"
        )
    config = AuditConfig(
        name=samples.name,
        view=samples.view,
        data=fingerprint(samples),
        attributes=tuple(samples.attributes),
        groups=tuple(samples.groups),
        split="dealt" if samples.split is None else "given",
        allow_overlap=allow_overlap,
        reference=samples.reference is not None,
        score=_score(score, samples.view),
        attacks=tuple(PluginSpec(**plugin_spec("attack", name, options.get(name, {}))) for name in names),
        attack_seeds=attack_seeds,
        seed=seed,
        device=choose_device(device),
        precision=choose_precision(precision, device),
        framework=source_digest(["aiakit.auditing.runner"]),
        libraries=library_versions(),
    )
    return config, notes


def _score(score: str | None, view: View) -> Score:
    known = SCORES if view == "embedding" else ("siamese",)
    if score is None:
        return known[0]
    for name in known:
        if name == score:
            return name
    if score in SCORES:
        raise InputError(f"--score {score} compares embeddings, and these are pictures: use --score siamese")
    raise unknown("score", score, known)


def _attacks(samples: Samples, asked: Sequence[str], broken: dict[str, str]) -> tuple[list[str], list[str]]:
    """The attacks that read this view, those that combine the others last.

    Presets hold no adaptive attacks, since these may need photographs; one that is named runs where there is a
    reference for it to learn from.
    """
    loadable = attack_names(asked, broken, ("informed", "ignorant"))
    views = {name: view_of(PluginSpec(name=name)) for name in loadable}
    left_out = [n for n in loadable if _knowledge(n) == "adaptive" and samples.reference is None]
    kept = [name for name in loadable if views[name] == samples.view and name not in left_out]
    notes = [f"{', '.join(left_out)} not run: adaptive attacks need the unprotected --reference"] if left_out else []
    notes += not_run(asked, kept, [samples.view])
    if not kept:
        raise InputError(
            f"none of the attacks asked for ({', '.join(asked)}) can be run on this {samples.view} release"
            + (f": {notes[0]}" if notes else ": aiakit list attacks shows what each reads")
        )
    if len(kept) > 1:
        kept += [name for name in loadable if views[name] == "scores"]
    return kept, notes


def _knowledge(name: str) -> str:
    return registry.load("attack", name).knowledge


def fingerprint(samples: Samples) -> str:
    """A digest of all that is audited."""
    parts: list[Any] = [samples.values, samples.identity, samples.people, samples.split]
    for attribute in (*samples.attributes.values(), *samples.groups.values()):
        parts += [attribute.classes, attribute.values]
    if samples.pairs is not None:
        parts += [samples.pairs.left, samples.pairs.right, samples.pairs.same, samples.pairs.fold]
    if samples.reference is not None:
        parts.append(samples.reference)
    return array_digest(*parts)
