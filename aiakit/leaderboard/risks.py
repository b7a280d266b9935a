"""What an entry holds of the risks besides attributes, and the statistics that this gives.

Stored is what decides the figures that a report has at a glance, and no similarity. Tensors, beside those of
``aiakit.leaderboard.scores``, of comparison C of a risk in the entry's ``risks``: of identity and inversion, for the M
images of seed S that look for their own person, ``risk.RISK.C.S.above`` and ``.level`` (M,), how many other people of
the gallery are more alike, and how many as alike; and ``.ahead`` (K,), who these are wherever one is above, as
positions in the gallery. Of linkage ``risk.linkage.C.mated`` (N,), the bin of similarity of each probe and its person,
``.strangers`` (S, N), that of the probe and somebody else, S times, and ``.edges``, those of the bins.
Who is enrolled, who looks for whom and who meets whom follow from ``test.identity`` and the seed of the split.
``risk.rows``, where people are cross-fitted: the samples of the dealt test, which alone decoders and linkers may be
judged by; they are positions among those of test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import IntArray
from aiakit.experiment.config import RISKS, Risk
from aiakit.leaderboard.schema import Entry, RiskInfo
from aiakit.leaderboard.tensors import FOLDS, Tensors, tensor
from aiakit.measures.identification import IdentificationStatistics, first_statistics
from aiakit.measures.searching import FirstPlaces
from aiakit.measures.unlinkability import Binned, linkage_of_bins
from aiakit.results.comparing import enrolled_of, probes_of
from aiakit.results.document import risks_as_json
from aiakit.results.glance import risks_at_a_glance
from aiakit.results.judge import Judge
from aiakit.results.row import Inverted, Measured, Risks, Row, Trained

PREFIX = "risk."
ROWS = f"{PREFIX}rows"
STATED = ("way", "value", "ci95", "upper", "chance", "smallest_detectable")


def risk_figures(row: Row) -> dict[str, Any]:
    """Risk → the figure that a report has at a glance; of those that have one."""
    shown = risks_at_a_glance({"release": row.release, "risks": risks_as_json(row.risks)}, row.risks)
    return {each["risk"]: {key: each[key] for key in STATED} for each in shown if "value" in each}


def add_risks(row: Row, entry: Entry, tensors: Tensors, judge: Judge) -> None:
    """Fill in what was measured of risks. Raises ValueError where scores are missing, too many or do not fit."""
    stated = {f"{PREFIX}{risk}.{number}." for risk, ways in entry.risks.items() for number in range(len(ways))}
    for name in tensors:
        if name.startswith(PREFIX) and name != ROWS and not any(name.startswith(one) for one in stated):
            raise ValueError(f"the entry says nothing of {name}, which is among the scores")
    row.risks = _Judged(entry, tensors, judge).risks() if entry.risks else {}


@dataclass(frozen=True)
class _Judged:
    """The risks of an entry, computed from its scores."""

    entry: Entry
    tensors: Tensors
    judge: Judge

    def risks(self) -> Risks:
        compute: dict[Risk, Callable[[str, RiskInfo], Measured]] = {
            "identity": self._identity,
            "linkage": self._linkage,
            "inversion": self._inversion,
        }
        found: Risks = {}
        for risk in RISKS:
            if risk not in self.entry.risks:
                continue
            ways = self.entry.risks[risk]
            if len({info.way for info in ways}) < len(ways):
                raise ValueError(f"{risk} was measured twice in one way")
            found[risk] = {
                info.way: info.not_measured or compute[risk](f"{PREFIX}{risk}.{number}", info)
                for number, info in enumerate(ways)
            }
        return found

    def _identity(self, name: str, info: RiskInfo) -> Measured:
        shown, enrolled = self._people(info)
        found = self._first(name, info, shown[enrolled], shown[probes_of(shown, enrolled)])
        return Trained(found, info.by, info.val) if info.trained else found

    def _inversion(self, name: str, info: RiskInfo) -> Measured:
        shown, enrolled = self._people(info)
        return Inverted(" ".join(info.by), self._first(name, info, shown[enrolled], shown[enrolled]))

    def _linkage(self, name: str, info: RiskInfo) -> Measured:
        shown, enrolled = self._people(info)
        mated, strangers = (self._integers(f"{name}.{which}") for which in ("mated", "strangers"))
        pairs = Binned(mated, strangers, np.asarray(tensor(self.tensors, f"{name}.edges"), np.float64))
        rng = np.random.default_rng(self.entry.protocol.split.seed)
        found = linkage_of_bins(pairs, shown[probes_of(shown, enrolled)], self.judge.bootstrap, rng)
        return Trained(found, info.by, info.val) if info.trained else found

    def _first(self, name: str, info: RiskInfo, enrolled: IntArray, people: IntArray) -> IdentificationStatistics:
        """How often the first of everybody is the right one. enrolled : (G,), people : (M,), who is looked for."""
        if not info.seeds:
            raise ValueError(f"{name} is of no seed")
        searches = [self._places(f"{name}.{repeat}", enrolled, people) for repeat in range(len(info.seeds))]
        return replace(first_statistics(searches, self.judge.bootstrap), seeds=info.seeds)

    def _places(self, name: str, enrolled: IntArray, people: IntArray) -> FirstPlaces:
        above, level, ahead = (self._integers(f"{name}.{which}") for which in ("above", "level", "ahead"))
        if above.shape != people.shape or level.shape != people.shape or (above + level >= len(enrolled)).any():
            raise ValueError(f"{name} does not place {len(people)} images among {len(enrolled)} people")
        if ahead.shape != ((1 + level[above == 1]).sum(),) or (ahead >= len(enrolled)).any():
            raise ValueError(f"{name}.ahead does not say who is ahead where one is")
        return FirstPlaces(enrolled, people, above, level, ahead)

    def _integers(self, name: str) -> NDArray[Any]:
        found = np.asarray(tensor(self.tensors, name))
        if found.dtype.kind != "i" or (found < 0).any():
            raise ValueError(f"{name} must be numbers from 0")
        return found.astype(np.int64)

    def _people(self, info: RiskInfo) -> tuple[IntArray, NDArray[np.bool_]]:
        """Who is on the images of a comparison, and which are enrolled."""
        shown = np.asarray(self.tensors["test.identity"], np.int64)
        shown = shown[self._dealt] if info.dealt else shown
        return shown, enrolled_of(shown, self.entry.protocol.split.seed)

    @cached_property
    def _dealt(self) -> IntArray:
        count = len(self.tensors["test.identity"])
        if FOLDS not in self.tensors:
            return np.arange(count)
        rows = self._integers(ROWS)
        if rows.ndim != 1 or len(rows) == 0 or rows[-1] >= count or (np.diff(rows) <= 0).any():
            raise ValueError(f"{ROWS} must be samples of test, ascending")
        return rows
