"""What a finished run has measured of risks, in the compact form in which an entry holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.experiment.config import Risk
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.risking import RELEASED, SEEDS
from aiakit.experiment.run import Run
from aiakit.leaderboard.risks import PREFIX, ROWS
from aiakit.leaderboard.schema import RiskInfo
from aiakit.measures.searching import Search, TooFew, first_places
from aiakit.measures.unlinkability import Linked, binned
from aiakit.results.comparing import Comparison, Comparisons, Reconstruction, search_of
from aiakit.results.glance import risks_at_a_glance
from aiakit.results.remembered import StatisticsCache
from aiakit.results.risks import said_of_linkers

Arrays = dict[str, NDArray[Any]]


@dataclass
class MeasuredRisks:
    """risks, tensors : as ``aiakit.leaderboard.risks`` reads them."""

    risks: dict[Risk, tuple[RiskInfo, ...]] = field(default_factory=dict)
    tensors: Arrays = field(default_factory=dict)


def risks_of_run(run: Run, plan: Plan, protocol: Protocol, label: str, memory: StatisticsCache) -> MeasuredRisks:
    """The risks of a release that a run was asked for; of each the comparisons that a report has at a glance.

    memory : where it may be remembered whom each search of these finds.
    """
    found, comparisons = MeasuredRisks(), Comparisons(run.store, plan, run.config, protocol)
    for risk in run.config.risks:
        infos = []
        for number, (info, arrays) in enumerate(_measured(comparisons, risk, label, memory)):
            infos.append(info)
            found.tensors |= {f"{PREFIX}{risk}.{number}.{name}": part for name, part in arrays.items()}
        found.risks[risk] = tuple(infos) or (_nothing(risk, label),)
    if protocol.folds and found.tensors:
        found.tensors[ROWS] = np.searchsorted(protocol.judged("test"), protocol.rows("test"))
    return found


def _nothing(risk: Risk, label: str) -> RiskInfo:
    (said,) = risks_at_a_glance({"release": label}, [risk])
    return RiskInfo(not_measured=said["not_measured"])


def _measured(
    comparisons: Comparisons, risk: Risk, label: str, memory: StatisticsCache
) -> Iterator[tuple[RiskInfo, Arrays]]:
    """How each was measured, and its scores; or why it was not, and none."""
    seed = comparisons.config.split.seed
    if risk == "inversion":
        for view, decoded in comparisons.reconstructions(label):
            yield _reason(view, decoded) if isinstance(decoded, str) else _inverted(view, decoded, memory)
        return
    ways = dict(comparisons.of(risk, label))
    two = {way: made for way, made in ways.items() if way.split(" ")[0] == (RELEASED if risk == "identity" else SEEDS)}
    if risk == "identity" or any(isinstance(made, Comparison) for made in two.values()):
        ways = two
    for way, made in ways.items():
        yield _reason(way, made) if isinstance(made, str) else _compared(way, made, seed, memory)


def _reason(way: str, why: str) -> tuple[RiskInfo, Arrays]:
    return RiskInfo(way=way, not_measured=why), {}


def _compared(way: str, made: Comparison, seed: int, memory: StatisticsCache) -> tuple[RiskInfo, Arrays]:
    images = made.load()
    names, val = said_of_linkers(made.linkers)
    try:
        arrays = _of_pairs(images, seed, memory) if isinstance(images, Linked) else _of_searches(images, memory)
    except TooFew as error:
        return _reason(way, str(error))
    return RiskInfo(way=way, seeds=made.seeds, by=names, val=val), arrays


def _inverted(view: str, made: Reconstruction, memory: StatisticsCache) -> tuple[RiskInfo, Arrays]:
    images = made.load()
    try:
        arrays = _of_searches([search_of(images, images.enrolled)], memory)
    except TooFew as error:
        return _reason(view, str(error))
    return RiskInfo(way=view, seeds=(made.key.seed,), by=(made.decoder,)), arrays


def _of_searches(searches: list[Search], memory: StatisticsCache) -> Arrays:
    found: Arrays = {}
    for repeat, search in enumerate(searches):
        places = memory.arrays("first places", search, partial(_first_places, search))
        found |= {f"{repeat}.{name}": part for name, part in places.items()}
    return found


def _first_places(search: Search) -> Arrays:
    places = first_places(search)
    return {name: getattr(places, name) for name in ("above", "level", "ahead")}


def _of_pairs(linked: Linked, seed: int, memory: StatisticsCache) -> Arrays:
    return memory.arrays("bins", [*linked, seed], lambda: binned(linked, np.random.default_rng(seed))._asdict())
