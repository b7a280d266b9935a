"""Statistics that were computed before: pages and boards that are made again need no second bootstrap.

What is remembered goes by the content of the scores, labels and bootstrap, and by the code that computes it, so nothing
stale is ever taken for fresh. It lies in the user's own folder for caches and never in a run or beside an entry, which
may be somebody else's: their statistics are believed by nobody. The folder may be deleted at any time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aiakit.datasets.fingerprint import array_digest
from aiakit.experiment.config import library_versions
from aiakit.experiment.threads import limited
from aiakit.measures.bootstrap import IdentityBootstrap, Statistics
from aiakit.measures.identification import IdentificationStatistics, identification_statistics
from aiakit.measures.intervals import Estimate
from aiakit.measures.searching import Search
from aiakit.measures.statistics import AttackStatistics, Folds, attack_statistics
from aiakit.measures.units import Unit
from aiakit.measures.unlinkability import LinkageStatistics, Linked, linkage_statistics
from aiakit.measures.verification import VerificationStatistics, verification_statistics
from aiakit.plugins.fingerprint import source_digest
from aiakit.storage.cache import cache_folder
from aiakit.storage.store import Cell, Draft, Store, json_digest

FOLDER = "statistics"  # in the user's folder for caches
MOST = 8192  # cells, of some 100 KiB each; beyond them the oldest go
S = TypeVar("S", bound=Statistics)
Arrays = dict[str, NDArray[Any]]


class StatisticsCache:
    """Computes statistics as the functions of their names do, or reads what they gave before.

    folder : where results are kept; None remembers nothing, and neither does a folder that cannot be written to.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._store = None if folder is None else Store(folder)
        self._pruned = False

    @classmethod
    def of_user(cls) -> StatisticsCache:
        """What this user has computed before."""
        return cls(cache_folder() / FOLDER)

    def attack_statistics(
        self,
        val_proba: Sequence[NDArray[Any]],
        val_labels: NDArray[Any],
        test_proba: Sequence[NDArray[Any]],
        test_labels: NDArray[Any],
        bootstrap: IdentityBootstrap,
        classes: int,
        decide_on_val: bool = True,
        val_identity: NDArray[Any] | None = None,
        unit: Unit = "person",
        folds: Folds | None = None,
        spread: float = 1.0,
    ) -> AttackStatistics:
        """As ``aiakit.measures.statistics.attack_statistics``."""
        parts = [*val_proba, val_labels, *test_proba, test_labels, len(val_proba), classes, decide_on_val]
        parts += [val_identity, unit, *(folds or ()), spread]

        def compute() -> AttackStatistics:
            return attack_statistics(
                val_proba, val_labels, test_proba, test_labels, bootstrap, classes, decide_on_val, val_identity, unit,
                folds, spread,
            )  # fmt: skip

        def restore(cell: Cell, common: dict[str, Any]) -> AttackStatistics:
            balanced, auc = cell.tensors("statistics")["val"].tolist()
            return AttackStatistics(
                **common, classes=classes, val_balanced_accuracy=balanced, val_auc=auc, cross_fitted=folds is not None
            )

        def extra(found: AttackStatistics) -> dict[str, NDArray[Any]]:
            return {"val": np.array([found.val_balanced_accuracy, found.val_auc])}

        return self._remembered("attack", parts, bootstrap, compute, restore, extra)

    def verification_statistics(
        self,
        val: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]],
        test: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]],
        bootstrap: IdentityBootstrap,
    ) -> VerificationStatistics:
        """As ``aiakit.measures.verification.verification_statistics``."""
        parts = [len(val), *(part for repeat in (*val, *test) for part in repeat)]
        return self._remembered(
            "verification",
            parts,
            bootstrap,
            lambda: verification_statistics(val, test, bootstrap),
            lambda cell, common: VerificationStatistics(**common),
            lambda found: {},
        )

    def identification_statistics(
        self, repeats: Sequence[Search], bootstrap: IdentityBootstrap
    ) -> IdentificationStatistics:
        """As ``aiakit.measures.identification.identification_statistics``."""
        return self._remembered(
            "identification",
            [len(repeats), *(part for search in repeats for part in search)],
            bootstrap,
            lambda: identification_statistics(repeats, bootstrap),
            lambda cell, common: IdentificationStatistics(**common, gallery=int(cell.tensors("statistics")["gallery"])),
            lambda found: {"gallery": np.array(found.gallery)},
        )

    def linkage_statistics(self, linked: Linked, bootstrap: IdentityBootstrap, seed: int) -> LinkageStatistics:
        """As ``aiakit.measures.unlinkability.linkage_statistics``, with a generator of this seed."""

        def restore(cell: Cell, common: dict[str, Any]) -> LinkageStatistics:
            tensors = cell.tensors("statistics")
            mean, high = tensors["null"].tolist()
            edges, local = (np.asarray(tensors[name]) for name in ("edges", "local"))
            return LinkageStatistics(**common, null=(mean, high), edges=edges, local=local)

        return self._remembered(
            "linkage",
            [*linked, seed],
            bootstrap,
            lambda: linkage_statistics(linked, bootstrap, np.random.default_rng(seed)),
            restore,
            lambda found: {"null": np.array(found.null), "edges": found.edges, "local": found.local},
        )

    def arrays(self, kind: str, parts: Sequence[Any], compute: Callable[[], Arrays]) -> Arrays:
        """Named arrays that are computed of these parts. kind : by what."""
        if self._store is None or not _writable(self._store.folder):
            return compute()
        inputs = {"kind": kind, "of": _digest(parts), "code": _code()}
        digest = json_digest(inputs)
        cell = self._store.find(digest)
        if cell is not None:
            return {name: np.asarray(part) for name, part in cell.tensors("arrays").items()}
        found = compute()
        self._store.open()
        self._prune()
        with self._store.draft(digest, inputs) as draft:
            draft.save("arrays", found)
        return found

    def _remembered(
        self,
        kind: str,
        parts: Sequence[Any],
        bootstrap: IdentityBootstrap,
        compute: Callable[[], S],
        restore: Callable[[Cell, dict[str, Any]], S],
        extra: Callable[[S], dict[str, NDArray[Any]]],
    ) -> S:
        if self._store is None or not _writable(self._store.folder):
            return _by_one_thread(compute)
        inputs = {"kind": kind, "of": _digest([bootstrap.key, bootstrap.rows, *parts]), "code": _code()}
        digest = json_digest(inputs)
        cell = self._store.find(digest)
        if cell is None:
            found = _by_one_thread(compute)
            self._store.open()
            self._prune()
            with self._store.draft(digest, inputs) as draft:
                _write(draft, found, extra(found))
            return found
        tensors = cell.tensors("statistics")
        names = cell.result["metrics"]
        return restore(
            cell,
            {
                "point": dict(zip(names, tensors["point"].tolist(), strict=True)),
                "draws": {name: np.asarray(tensors["draws"][row]) for row, name in enumerate(names)},
                "per_repeat": dict(zip(names, tensors["per_repeat"].tolist(), strict=True)),
                "bootstrap_key": bootstrap.key,
                "seeds": (),
                "counts": cell.result["counts"],
                "estimates": {
                    name: Estimate(point, low, high, influence, people)
                    for name, (point, low, high, people), influence in zip(
                        cell.result["estimates"], tensors["ends"].tolist(), tensors["influence"], strict=True
                    )
                },
            },
        )

    def _prune(self) -> None:
        """Make room, once an instance."""
        if self._store is None or self._pruned:
            return
        self._pruned = True
        found = []
        with os.scandir(self._store.cells) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # a draft that another process has finished since
                    found.append((entry.stat().st_mtime, entry.path))
        found.sort()
        for _, path in found[: max(0, len(found) - MOST)]:
            shutil.rmtree(path, ignore_errors=True)


def _digest(parts: Sequence[Any]) -> str:
    return array_digest(*(np.asarray(part) if isinstance(part, np.ndarray) else part for part in parts))


def _by_one_thread(compute: Callable[[], S]) -> S:
    """Statistics are thousands of small sums, in which threads do little but wait for one another."""
    with limited(1):
        return compute()


def _write(draft: Draft, found: Statistics, extra: dict[str, NDArray[Any]]) -> None:
    names = list(found.point)
    estimates = list(found.estimates.values())
    draft.result = {"metrics": names, "estimates": list(found.estimates), "counts": found.counts}
    tensors = {
        "point": np.array([found.point[name] for name in names]),
        "draws": np.stack([found.draws[name] for name in names]),
        "per_repeat": np.array([found.per_repeat[name] for name in names]),
        "ends": np.array([[one.point, one.low, one.high, one.people] for one in estimates]),
        "influence": np.stack([one.influence for one in estimates]),
    }
    draft.save("statistics", tensors | extra)


def _writable(folder: Path) -> bool:
    """Whether the folder, or the nearest one above it that exists, can be written to."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)


@cache
def _code() -> str:
    """A digest of the code and the libraries that compute statistics."""
    computed_by = (attack_statistics, verification_statistics, identification_statistics, linkage_statistics)
    return array_digest(source_digest([each.__module__ for each in computed_by]), library_versions())
