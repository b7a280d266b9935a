"""What is said of releases, all that stand in one document together: with many of them one alone is soon by chance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from aiakit.measures.comparison import holm
from aiakit.measures.statistics import chance_p_value, exceeds_chance
from aiakit.results.evaluate import Evaluation
from aiakit.results.row import Row

SIGNIFICANCE = 0.05  # two-sided, and over everything that is tested together
LEAKS = "leaks"
INVERTED = "inverted: leaks, or a broken protocol"
NOT_FOUND = "no leak found"
NO_POWER = "no power"

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Evidence:
    """What the strongest attack on a release is evidence of. better : than a guess. p_value : two-sided, of a guess.

    power : whether the attack that is strongest on the undefended release beats chance there; None: not known.
    """

    better: bool
    p_value: float
    power: bool | None


@dataclass(frozen=True)
class Verdict:
    """text : what is said. p_value : of a guess, corrected for all that was tested together (Holm, 1979)."""

    text: str
    p_value: float

    @property
    def inverted(self) -> bool:
        """Whether the release is read worse than by guessing, which no release can be for want of information."""
        return self.text == INVERTED


def evidence_of(row: Row, power: bool | None) -> Evidence | None:
    """The evidence of a release; None where no attack on it was measured."""
    if row.strongest is None:
        return None
    strongest = row.attacks[row.strongest]
    better = strongest.point["balanced_accuracy"] > strongest.chance("balanced_accuracy")
    return Evidence(better, chance_p_value(strongest), power)


def verdicts_of(evidence: Mapping[K, Evidence | None]) -> dict[K, Verdict | None]:
    """What is said of each release, tested together; of one without evidence nothing."""
    tested = {key: found for key, found in evidence.items() if found is not None}
    corrected = dict(zip(tested, holm([found.p_value for found in tested.values()]), strict=True))
    return {key: None if found is None else _said(found, corrected[key]) for key, found in evidence.items()}


def _said(evidence: Evidence, p_value: float) -> Verdict:
    if p_value <= SIGNIFICANCE:
        return Verdict(LEAKS if evidence.better else INVERTED, p_value)
    return Verdict(NOT_FOUND if evidence.power else NO_POWER, p_value)


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
    if reference is None or reference.strongest is None:
        return None
    return exceeds_chance(reference.attacks[reference.strongest], alpha=SIGNIFICANCE)


def tested_together(evaluation: Evaluation) -> int:
    """How many releases × attributes of a run are tested together; the undefended release is the control."""
    defended = [name for name in evaluation.rows if name != evaluation.config.reference]
    return max(1, len(defended)) * (1 + len(evaluation.further))


def verdicts_of_run(evaluation: Evaluation) -> dict[tuple[str, str], Verdict | None]:
    """(attribute, release) → what is said, over everything that the document holds."""
    family: dict[tuple[str, str], Evidence | None] = {}
    controls: dict[tuple[str, str], Verdict | None] = {}
    for of in (evaluation, *evaluation.further.values()):
        attribute, reference = of.protocol.facts["attribute"], evaluation.config.reference
        power = power_of(of.rows.get(reference))
        for name, row in of.rows.items():
            found = {(attribute, name): evidence_of(row, power)}
            if name == reference:
                controls |= verdicts_of(found)
            else:
                family |= found
    return controls | verdicts_of(family)
