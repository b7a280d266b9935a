"""What releases say of who somebody is, and whether two show one person: computed from what a run has stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from aiakit.experiment.config import RunConfig
from aiakit.experiment.linking import PLAIN
from aiakit.experiment.plan import Plan
from aiakit.experiment.protocol import JUDGED, Protocol
from aiakit.experiment.risking import Compared
from aiakit.measures.identification import IdentificationStatistics
from aiakit.measures.inversion import inversion_statistics
from aiakit.measures.searching import TooFew
from aiakit.measures.statistics import AttackStatistics
from aiakit.measures.unlinkability import Linked
from aiakit.results.comparing import TRAINED, Comparison, Comparisons, Reconstruction, probes_of, search_of
from aiakit.results.judge import SPLITS, Judge, Truth
from aiakit.results.row import Inverted, Measured, Risks, Trained
from aiakit.storage.store import Store


@dataclass(frozen=True)
class RiskJudge:
    """Computes the risks that a run asks for."""

    store: Store
    plan: Plan
    config: RunConfig
    protocol: Protocol
    judge: Judge

    def of(self, name: str) -> Risks:
        """What there is to say of a release."""
        comparisons = Comparisons(self.store, self.plan, self.config, self.protocol)
        found: Risks = {risk: {} for risk in self.config.risks}
        for risk, results in found.items():
            if risk == "inversion":
                for view, made in comparisons.reconstructions(name):
                    results[view] = made if isinstance(made, str) else self._inverted(made)
                continue
            for way, compared in comparisons.of(risk, name):
                results[way] = (
                    compared if isinstance(compared, str) else _unless_too_few(partial(self._compared, compared))
                )
        return {risk: results for risk, results in found.items() if results}

    def _compared(self, made: Comparison) -> Measured:
        images, memory = made.load(), self.judge.memory
        found: IdentificationStatistics | Any
        if isinstance(images, Linked):
            found = memory.linkage_statistics(images, self.judge.bootstrap, self.config.split.seed)
        else:
            found = replace(memory.identification_statistics(images, self.judge.bootstrap), seeds=made.seeds)
        return Trained(found, *said_of_linkers(made.linkers)) if made.linkers else found

    def _inverted(self, made: Reconstruction) -> Inverted:
        images = made.load()
        statistics = inversion_statistics(images, self.judge.bootstrap)

        def searched(type_1: bool) -> IdentificationStatistics | str:
            mated = images.enrolled if type_1 else probes_of(images.shown, images.enrolled)
            try:
                return self.judge.memory.identification_statistics([search_of(images, mated)], self.judge.bootstrap)
            except TooFew as error:
                return str(error)

        return Inverted(made.decoder, searched(True), statistics, searched(False), self._read(made.key))

    def _read(self, key: Compared) -> tuple[str, AttackStatistics] | str:
        """What of the protected attribute is read from a reconstruction."""
        if key.view != "embedding":
            return "an attack reads the reconstruction of an embedding only"
        spec = self.plan.risks.readings.get(key)
        if spec is None:
            return "no attack of this run learns from embeddings"
        cell = self.store.find(spec.digest)
        if cell is None or "skipped" in cell.result:
            return "it has no result" if cell is None else str(cell.result["skipped"])
        return str(spec.inputs["attack"]["name"]), self._dealt.attack([cell.tensors("scores")])

    @cached_property
    def _dealt(self) -> Judge:
        """Who judges scores on the dealt splits."""
        if not self.protocol.folds:
            return self.judge
        rows = {split: self.protocol.rows(part) for split, part in zip(SPLITS, JUDGED, strict=True)}
        truth = Truth(
            labels={split: self.protocol.labels(chosen) for split, chosen in rows.items()},
            identity={split: self.protocol.identity(chosen) for split, chosen in rows.items()},
            classes=len(self.protocol.classes),
        )
        config = self.config
        return Judge.of(truth, config.bootstrap_draws, config.split.seed, self.judge.memory, self.judge.unit)


def _unless_too_few(compute: Callable[[], Measured]) -> Measured:
    try:
        return compute()
    except TooFew as error:
        return str(error)


def said_of_linkers(said: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], dict[str, float]]:
    """Which linkers attacker-val chose, over the seeds, and what it says of them and of a cosine."""
    names = tuple(dict.fromkeys(str(each["linker"]) for each in said))
    learned = [value for each in said for name, value in each["val"].items() if name == each["linker"]]
    plain = [each["val"][PLAIN] for each in said if PLAIN in each["val"]]
    both = {TRAINED: learned, PLAIN: plain}
    return names, {who: float(np.mean(values)) for who, values in both.items() if values}
