"""What is said of releases, all that stand in one document together: with many of them one alone is soon by chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from aiakit.measures.comparison import holm
from aiakit.measures.intervals import p_value
from aiakit.measures.statistics import chance_p_value, exceeds_chance
from aiakit.results.evaluate import Evaluation
from aiakit.results.row import Row

METRIC = "balanced_accuracy"
SIGNIFICANCE = 0.05  # two-sided, and over everything that is tested together
LEAKS = "leaks"
INVERTED = "inverted: leaks, or a broken protocol"
IMPOSSIBLE = "impossible: a plugin or the protocol is broken"
SHOWN = (LEAKS, INVERTED, IMPOSSIBLE)  # which say that something is told of people, or that something is broken
NOT_FOUND = "no leak found"
NO_POWER = "no power"
POWER_UNKNOWN = "power not known"

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Evidence:
    """What the strongest attack on a release is evidence of. better : than a guess. p_value : two-sided, of a guess.

    power : whether the attack that is strongest on the undefended release beats chance there; None: not known.
    beyond : p-value, over all of its attacks, of none of them being better than any attack can be; 1 where no limit
    is known.
    """

    better: bool
    p_value: float
    power: bool | None
    beyond: float = 1.0


@dataclass(frozen=True)
class Verdict:
    """text : what is said. p_value : of a guess, corrected for all that was tested together (Holm, 1979)."""

    text: str
    p_value: float

    @property
    def ranks(self) -> bool:
        """Whether the release can stand in an order: not where it is read worse than by guessing, which no release can
        be for want of information, and not where it is read better than is possible.
        """
        return self.text not in (INVERTED, IMPOSSIBLE)


def limit_of(row: Row, ceiling: float | None) -> float | None:
    """What no attack on a release can exceed: the Bayes ceiling of the data, or what its defense proves."""
    return min((limit for limit in (ceiling, row.accuracy_bound) if limit is not None), default=None)


def evidence_of(row: Row, power: bool | None, ceiling: float | None = None) -> Evidence | None:
    """The evidence of a release; None where no attack on it was measured. ceiling : the Bayes ceiling of the data."""
    strongest = row.headline
    if strongest is None:
        return None
    better = strongest.point["balanced_accuracy"] > strongest.chance("balanced_accuracy")
    return Evidence(better, chance_p_value(strongest), power, _beyond(row, limit_of(row, ceiling)))


def _beyond(row: Row, limit: float | None) -> float:
    """The least p-value of an attack that exceeds the limit, times the number of attacks (Bonferroni)."""
    if limit is None:
        return 1.0
    found = [p_value(s.point[METRIC], *s.people_ci95(METRIC), limit)
             for s in row.attacks.values() if s.point[METRIC] > limit]  # fmt: skip
    return min((len(row.attacks) * value for value in found if not math.isnan(value)), default=1.0)


def evidence_of_numbers(row: Row, attribute: str, power: bool | None) -> Evidence | None:
    """The same of a numeric attribute; None where no regressor has a result. What is ordered wrongly is no leak."""
    found = row.numeric.get(attribute)
    return None if found is None else Evidence(True, found.headline.p_value, power)


def verdicts_of(evidence: Mapping[K, Evidence | None]) -> dict[K, Verdict | None]:
    """What is said of each release, tested together; of one without evidence nothing."""
    tested = {key: found for key, found in evidence.items() if found is not None}
    corrected = dict(zip(tested, holm([found.p_value for found in tested.values()]), strict=True))
    beyond = dict(zip(tested, holm([found.beyond for found in tested.values()]), strict=True))
    return {
        key: None if found is None else _said(found, corrected[key], beyond[key]) for key, found in evidence.items()
    }


def _said(evidence: Evidence, corrected: float, beyond: float) -> Verdict:
    if beyond <= SIGNIFICANCE:
        return Verdict(IMPOSSIBLE, corrected)
    if corrected <= SIGNIFICANCE:
        return Verdict(LEAKS if evidence.better else INVERTED, corrected)
    return Verdict({True: NOT_FOUND, False: NO_POWER, None: POWER_UNKNOWN}[evidence.power], corrected)


def shown_power(reference: Row) -> dict[str, bool]:
    """Attack → whether it beats chance on the undefended release, all of its attacks tested together."""
    found = reference.attacks
    corrected = holm([chance_p_value(statistics) for statistics in found.values()])
    better = [
        statistics.point["balanced_accuracy"] > statistics.chance("balanced_accuracy") for statistics in found.values()
    ]
    return {
        name: above and p_value <= SIGNIFICANCE for name, above, p_value in zip(found, better, corrected, strict=True)
    }


def power_of(reference: Row | None) -> bool | None:
    """Whether the suite has power: whether the attack that is selected on the undefended release beats chance there."""
    headline = None if reference is None else reference.headline
    return None if headline is None else exceeds_chance(headline, alpha=SIGNIFICANCE)


def numeric_key(attribute: str) -> str:
    """What a numeric attribute is called among those of classes, of which one may have the same name."""
    return f"{attribute}, a number"


def _power_of_numbers(evaluation: Evaluation, attribute: str) -> bool | None:
    """Whether the strongest regressor on the undefended release reads anything there."""
    reference = evaluation.rows.get(evaluation.config.reference)
    found = None if reference is None else reference.numeric.get(attribute)
    return None if found is None else found.headline.p_value <= SIGNIFICANCE


def tested_together(evaluation: Evaluation) -> int:
    """How many releases × attributes of a run are tested together; the undefended release is the control."""
    defended = [name for name in evaluation.rows if name != evaluation.config.reference]
    numeric = [spec for spec in evaluation.config.numeric if not spec.left_out]
    return max(1, len(defended)) * (1 + len(evaluation.further) + len(numeric))


def verdicts_of_run(evaluation: Evaluation) -> dict[tuple[str, str], Verdict | None]:
    """(attribute, release) → what is said, over everything that the document holds; see ``numeric_key``."""
    family: dict[tuple[str, str], Evidence | None] = {}
    controls: dict[tuple[str, str], Verdict | None] = {}
    for of in (evaluation, *evaluation.further.values()):
        attribute, reference = of.protocol.facts["attribute"], evaluation.config.reference
        power = power_of(of.rows.get(reference))
        for name, row in of.rows.items():
            found = {(attribute, name): evidence_of(row, power, of.protocol.facts["bayes_ceiling"])}
            if name == reference:
                controls |= verdicts_of(found)
            else:
                family |= found
    for spec in evaluation.config.numeric:
        power = _power_of_numbers(evaluation, spec.name)
        for name, row in evaluation.rows.items():
            found = {(numeric_key(spec.name), name): evidence_of_numbers(row, spec.name, power)}
            if name == evaluation.config.reference:
                controls |= verdicts_of(found)
            else:
                family |= found
    return controls | verdicts_of(family)
