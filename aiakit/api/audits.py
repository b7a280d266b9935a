"""``aiakit.audit``: what embeddings or pictures in memory leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiakit.api.alignment import aligned
from aiakit.api.keywords import fields_of, listed, numbers, with_known_keywords
from aiakit.api.progress import shown
from aiakit.api.result import Result
from aiakit.contracts import OfficialPairs
from aiakit.datasets.samples import make_samples
from aiakit.experiment.audit import AuditRequest, PreparedAudit, prepare_audit
from aiakit.experiment.engine import Observer
from aiakit.experiment.local import Local
from aiakit.experiment.runtime import Runtime
from aiakit.plugins.options import Options
from aiakit.results.computing import compute
from aiakit.storage.cache import cache_folder


def prepare_arrays(
    embeddings: Any,
    *,
    attributes: Mapping[str, Any],
    identity: Any,
    attacks: str | Sequence[str] = "fast",
    groups: Mapping[str, Any] | None = None,
    split: Any = None,
    official_pairs: OfficialPairs | None = None,
    reference: Any = None,
    numbers: Mapping[str, Any] | None = None,
    name: str = "embeddings",
    notes: Sequence[str] = (),
    **settings: Any,
) -> PreparedAudit:
    """Check arrays and what is asked of them before work begins; the parameters are those of ``audit``."""
    groups, numbers = groups or {}, numbers or {}
    named = {"identity": identity, **attributes, **{f"group {each}": column for each, column in groups.items()}}
    named |= {f"numeric {each}": column for each, column in numbers.items()}
    named |= {} if split is None else {"split": split}
    named |= {} if reference is None else {"the reference": reference}
    found = aligned(embeddings, named)
    samples = make_samples(
        name,
        embeddings,
        {each: found[each] for each in attributes},
        found["identity"],
        {each: found[f"group {each}"] for each in groups},
        found.get("split"),
        official_pairs,
        found.get("the reference"),
        notes,
        numbers={each: found[f"numeric {each}"] for each in numbers},
    )
    return prepare_audit(AuditRequest(samples=samples, attacks=listed(attacks), **settings))


@with_known_keywords
def audit(
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
    official_pairs: OfficialPairs | None = None,
    pairs: int = 25_000,
    utility: bool = True,
    matcher: str | None = None,
    risks: str | Sequence[str] = (),
    numeric: Mapping[str, Any] | None = None,
    reference: Any = None,
    allow_overlap: bool = False,
    options: Options | None = None,
    knowledge: str | Sequence[str] = "informed",
    budgets: Sequence[int] = (),
    pooled: Sequence[int] = (),
    permutations: int = 0,
    folds: int | None = None,
    forecast: bool | None = None,
    halving: bool = False,
    device: str = "auto",
    precision: str = "auto",
    name: str = "embeddings",
    notes: Sequence[str] = (),
    folder: str | Path | None = None,
    jobs: int = 1,
    observer: Observer | None = None,
) -> Result:
    """Measure what a release that exists already leaks, and what it is still good for.

    Parameters
    ----------
    embeddings : numbers (N, D), or uint8 pictures (N, H, W, 3) or (N, 3, H, W). Where they are a DataFrame, a Series
        is put into their order by index, and refused where it is of other rows.
    attributes : name → N values (texts or whole numbers; "", NaN and None are not known) of a private attribute. The
        first is measured in full, the others beside it.
    identity : N names or numbers of who is shown. People, not rows, are split and drawn.
    numeric : name → N numbers (NaN is not known) of an attribute whose value is estimated, such as an age.
    attacks : names or presets ("fast", "strong", "all"), one text with commas or several texts.
    score : "cosine" (default), "euclidean", or "siamese", a verifier trained on attacker-train (default of pictures).
    attack_seeds : how many seeds of every attack. seed : that of split and pairs.
    groups : name → N values by which the strongest attack's result is broken down.
    split : N of train / val / test. None deals people 60/15/25 %, stratified by each attribute.
    official_pairs : verification pairs, as row numbers. pairs : how many more are drawn. utility : whether any are.
    reference : the undefended release of the same rows: shows which attacks have power at all. Of pandas, it is put
        into order by index as well.
    allow_overlap : measure although splits share people or nearly equal rows, and say so in the notes.
    options : plugin → option → value. knowledge, budgets, pooled, permutations, halving, matcher, risks, device,
        precision : as of ``aiakit run``. folds : for cross-fitting; None is 5 where every class has people enough, 1
        for a split.
    name : what messages and the document call the data. notes : put before those of the audit.
    folder : where scores are kept, so that an audit which was interrupted goes on; None keeps them with the result.
    jobs : as of ``aiakit run``. observer : is told of progress; None shows a bar in a notebook.

    Raises
    ------
    InputError : anything given that cannot be used, in one line.
    PluginError : no attack could be loaded.

    >>> result = aiakit.audit(e, attributes={"gender": g}, identity=people)  # doctest: +SKIP
    >>> result.table()[0]["balanced_accuracy"]  # doctest: +SKIP
    """
    settings = fields_of(AuditRequest, locals()) | {
        "options": options or {},
        "knowledge": listed(knowledge),
        "budgets": numbers(budgets),
        "pooled": numbers(pooled),
        "risks": listed(risks),
        "numeric": tuple(numeric or {}),
    }
    prepared = prepare_arrays(
        embeddings,
        attributes=attributes,
        identity=identity,
        groups=groups,
        split=split,
        official_pairs=official_pairs,
        reference=reference,
        numbers=numeric or {},
        name=name,
        notes=notes,
        **settings,
    )
    kept = TemporaryDirectory(prefix="aiakit-audit-") if folder is None else None
    run = prepared.begin(Path(kept.name if kept is not None else str(folder)))
    compute(run, Runtime(cache_folder()), shown(observer), Local(jobs), prepared.broken)
    return Result(run, kept)
