"""``aiakit.audit``: the audit of arrays in memory, which the command line calls as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiakit.auditing.config import AuditConfig, make_config
from aiakit.auditing.result import AuditResult
from aiakit.auditing.runner import SilentObserver, run_audit
from aiakit.auditing.unfinished import AuditCheckpoint
from aiakit.contracts import OfficialPairs
from aiakit.datasets.audited_splits import AuditedSplit, audited_split
from aiakit.datasets.duplicates import clusters_of_duplicates
from aiakit.datasets.samples import Samples, make_samples
from aiakit.experiment.engine import Observer
from aiakit.experiment.request import split_names


@dataclass(frozen=True)
class PreparedAudit:
    """An audit that has passed every check that needs no training.

    broken : plugins that cannot be loaded. threads : that may be used; None, as many as ``aiakit run`` would.
    """

    samples: Samples
    config: AuditConfig
    splits: dict[str, AuditedSplit]
    broken: dict[str, str] = field(default_factory=dict)
    threads: int | None = None

    def execute(self, observer: Observer | None = None, folder: Path | None = None) -> AuditResult:
        """Run the attacks and compare the pairs.

        folder : where the result will be saved; what is computed is kept there until then, and an audit that was
        interrupted goes on. Raises InputError where the folder cannot be written to.
        """
        memory = None if folder is None else AuditCheckpoint.begin(folder, self.config)
        scored = run_audit(self.samples, self.config, self.splits, observer or SilentObserver(), memory, self.threads)
        return AuditResult.of(self.samples, self.config, scored, self.broken)


def prepare(
    embeddings: Any,
    *,
    attributes: Mapping[str, Any],
    identity: Any,
    attacks: str | Sequence[str] = "fast",
    score: str | None = None,
    attack_seeds: int = 1,
    seed: int = 0,
    groups: Mapping[str, Any] | None = None,
    split: Any = None,
    pairs: OfficialPairs | None = None,
    reference: Any = None,
    allow_overlap: bool = False,
    settings: Sequence[str] = (),
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    name: str = "embeddings",
    notes: Sequence[str] = (),
) -> PreparedAudit:
    """Check everything that can be checked before work begins.

    Parameters
    ----------
    embeddings : numbers (N, D), or uint8 pictures (N, H, W, 3) or (N, 3, H, W).
    attributes : name → N values (texts or whole numbers; "", NaN and None are not known) of a private attribute.
    identity : N names or numbers of who is shown. People, not rows, are split and drawn.
    attacks : names or presets ("fast", "strong", "all"), one text with commas or several texts.
    score : "cosine" (default), "euclidean", or "siamese", a verifier trained on attacker-train (default of pictures).
    attack_seeds : how many seeds of every attack. seed : the first, and that of split and pairs.
    groups : name → N values by which the strongest attack's result is broken down.
    split : N of train / val / test. None deals people 60/15/25 %, stratified by each attribute.
    pairs : official verification pairs, as row numbers.
    reference : (N, D') unprotected embeddings of the same rows: shows which attacks have power at all.
    allow_overlap : measure although splits share people or nearly equal rows, and say so in the notes.
    settings : ``"attack.option=value"``. device, precision, threads : as of
    ``aiakit run``.
    name : what messages and the document call the data. notes : put before those of the audit.

    Raises
    ------
    InputError, PluginError : as ``audit``.
    """
    samples = make_samples(name, embeddings, attributes, identity, groups or {}, split, pairs, reference, notes)
    asked = [attacks] if isinstance(attacks, str) else list(attacks)
    broken: dict[str, str] = {}
    config, remarks = make_config(
        samples, split_names(asked), settings, score, attack_seeds, seed, allow_overlap, device, precision, broken
    )
    clusters = clusters_of_duplicates(samples.values)
    splits = {}
    for attribute in samples.attributes:
        found = audited_split(samples, attribute, clusters, seed, allow_overlap)
        splits[attribute] = AuditedSplit(found.rows, found.people, (*found.notes, *remarks))
    return PreparedAudit(samples, config, splits, broken, threads)


def audit(embeddings: Any, *, observer: Observer | None = None, **options: Any) -> AuditResult:
    """Measure what a release that exists already leaks, and what it is still good for.

    Everything else is given by name, as ``prepare`` documents: ``attributes`` and ``identity``, and perhaps
    ``attacks="fast"``, ``score``, ``attack_seeds``, ``groups``, ``split``, ``pairs``, ``reference`` …
    ``observer`` is told of progress.

    Raises
    ------
    InputError : anything given that cannot be used, in one line.
    PluginError : no attack could be loaded.

    >>> result = aiakit.audit(e, attributes={"gender": g}, identity=people)  # doctest: +SKIP
    >>> result.table()[0]["balanced_accuracy"]  # doctest: +SKIP
    """
    return prepare(embeddings, **options).execute(observer)
