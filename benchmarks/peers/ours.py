"""aiakit's side of the comparisons."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from numpy.typing import NDArray

from aiakit.calibration.score import Trial
from aiakit.contracts import Context
from aiakit.experiment.probing import combined_scores
from aiakit.experiment.selection import attack_names, reading
from aiakit.plugins import registry
from benchmarks.peers.data import Case

T = TypeVar("T")
BRIDGES = ("art", "tabicl", "tabpfn")  # attacks by other tools: the peers, or no part of aiakit's own


def suite(preset: str) -> list[str]:
    """aiakit's own attacks of a preset, or those named (a,b), that read embeddings; those on scores last."""
    views, combining = reading([name for name in attack_names([preset], {}) if name not in BRIDGES])
    return [name for name, view in views.items() if view == "embedding"] + combining


def run(case: Case, names: Collection[str], ctx: Context) -> Trial:
    """Every attack's scores on the case; seconds are the processor's, over all threads."""
    val: dict[str, NDArray[Any]] = {}
    test: dict[str, NDArray[Any]] = {}
    seconds: dict[str, float] = {}
    for name in names:
        began = time.process_time()
        attack = registry.make("attack", name)
        if attack.combines:
            tables = [{"val": val[other], "test": test[other]} for other in val]
            known = case.val.labels, case.val.identity
            entry = registry.entry("attack", name)
            scores = combined_scores(tables, known, case.train.classes, attack, entry, ctx)
        else:
            attack.fit(case.train, case.val, ctx)
            scores = {part: attack.predict_proba(getattr(case, part).release) for part in ("val", "test")}
        val[name], test[name] = scores["val"], scores["test"]
        seconds[name] = time.process_time() - began
    return Trial(val, test, {"val": case.val.labels, "test": case.test.labels}, case.test.identity, seconds)


def part_of(trial: Trial, names: Collection[str]) -> Trial:
    """The trial as if these attacks alone had run."""

    def of(table: Mapping[str, T]) -> dict[str, T]:
        return {name: table[name] for name in names}

    return replace(trial, val=of(trial.val), test=of(trial.test), seconds=of(trial.seconds))
