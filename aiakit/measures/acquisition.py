"""Verification where no face is found in some pictures: a pair with such a picture is a non-match, and no comparison.

ISO/IEC 19795-1 knows two families of rates. FNMR and FMR are errors of the matcher, of comparisons that took place. FRR
and FAR are errors of the system: whoever is not acquired is not accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import FloatArray, IdentityBootstrap, number, numbers
from aiakit.measures.influence import pair_weights, people_share
from aiakit.measures.intervals import Estimate
from aiakit.measures.verification import OPERATING_POINTS, VerificationStatistics

COUNTS_OF_SYSTEM = {"false_non_matches_at_fmr": "false_rejects_at_far", "false_matches_at_fmr": "false_accepts_at_far"}


@dataclass(frozen=True)
class Acquisition:
    """Released pictures in which no face is found.

    rate : their share (failure to acquire), the mean over people, with its interval. pictures, people : that were
    looked at. failures : pictures without a face, the mean over seeds.
    """

    rate: Estimate
    pictures: int
    people: int
    failures: float

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "rate": number(self.rate.point),
            "ci95": numbers((self.rate.low, self.rate.high)),
            "pictures": self.pictures,
            "people": self.people,
            "failures": round(self.failures, 1),
        }


def acquisition(repeats: Sequence[NDArray[np.bool_]], identity: NDArray[Any]) -> Acquisition:
    """How often no face is found. repeats : (N,) whether one is, of each seed. identity : (N,), who is shown.

    The pictures of a person count once together; the interval is Wilson's over people.
    """
    failed: FloatArray = 1 - np.mean(repeats, axis=0)
    people, rows = np.unique(identity, return_inverse=True)
    weights = pair_weights(np.ones(len(rows), bool), rows)
    rate = people_share(failed, weights, rows, None, len(people), len(repeats), few_decide=True)
    return Acquisition(rate, len(rows), len(people), float(failed.sum()))


def with_failures(
    everything: VerificationStatistics, compared: Sequence[VerificationStatistics | None], bootstrap: IdentityBootstrap
) -> VerificationStatistics:
    """The statistics of a matcher that does not acquire every picture.

    FNMR and FMR are of the pairs that were compared, FRR and FAR of all, each at a threshold that was set on val for a
    rate of FMR, or of FAR. Accuracy, AUC, EER and TAR are of all: a pair that was not compared is the least similar.

    everything : of all pairs, those without a comparison at the lowest score. compared : of the others, a repeat each
    (they may be others in each); None where these are not of both kinds.
    """
    undefined = np.full(bootstrap.draws, np.nan)
    point, draws, per_repeat = dict(everything.point), dict(everything.draws), dict(everything.per_repeat)
    for at in OPERATING_POINTS:
        for error, of_system in (("fnmr", "frr"), ("fmr", "far")):
            metric, renamed = f"{error}_at_{at}", f"{of_system}_at_{at.replace('fmr', 'far')}"
            point[renamed], draws[renamed] = point[metric], draws[metric]
            per_repeat[renamed] = per_repeat[metric]
            values = [np.nan if each is None else each.point[metric] for each in compared]
            per_repeat[metric], point[metric] = values, float(np.mean(values))
            draws[metric] = np.mean([undefined if each is None else each.draws[metric] for each in compared], axis=0)
    return replace(everything, point=point, draws=draws, per_repeat=per_repeat, counts=_counts(everything, compared))


def _counts(everything: VerificationStatistics, compared: Sequence[VerificationStatistics | None]) -> dict[str, float]:
    counts = {}
    for name, value in everything.counts.items():
        start = next((old for old in COUNTS_OF_SYSTEM if name.startswith(old)), None)
        counts[name if start is None else name.replace(start, COUNTS_OF_SYSTEM[start])] = value
    known = [{} if each is None else each.counts for each in compared]
    for kind in ("genuine_pairs", "impostor_pairs"):
        counts[f"compared_{kind}"] = float(np.mean([each.get(kind, 0.0) for each in known]))
    names = dict.fromkeys(name for each in known for name in each if name.startswith(tuple(COUNTS_OF_SYSTEM)))
    return counts | {
        name: float(np.mean([each[name] for each in known])) for name in names if all(name in each for each in known)
    }
