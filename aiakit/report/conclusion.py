"""What was found, in one plain sentence: for the end of a command and for the head of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiakit.experiment.config import REFERENCE
from aiakit.results.verdicts import IMPOSSIBLE, INVERTED, LEAKS, NO_POWER, NOT_FOUND, POWER_UNKNOWN

Row = Mapping[str, Any]
HALF = 0.5  # chance among two classes
# Who reads most of a release, where that is not who learned from the release of his own people alone.
WHO = {
    "ignorant": "ignorant of the defense",
    "lazy": "lazy, and learned from a release of another seed",
    "insider": "an insider",
    "query": "able to query",
    "insider+query": "an insider and able to query",
}


def conclusion_of(document: Mapping[str, Any]) -> str:
    """The conclusion of the document of a run or an audit.

    >>> conclusion_of({"attribute": "gender", "chance": 0.5, "dataset": "lfw", "rows": [
    ...     {"release": "original", "verdict": "leaks", "claimed": None,
    ...      "strongest": {"balanced_accuracy": 0.81, "ci95": [0.78, 0.84]}},
    ...     {"release": "aia", "verdict": "leaks", "claimed": {"balanced_accuracy": 0.47},
    ...      "strongest": {"balanced_accuracy": 0.79, "ci95": [0.75, 0.84]}}]})
    "Gender is read from aia at 79 % [75, 84]; undefended 81 %; chance 50 %; the defense's own attacker claims 47 %."
    """
    defended, undefended = divided(document["rows"])
    if "protected" in document:
        names = document["protected"]
        defended = [{**row, **row["worst"], "claimed": None} for row in defended if "worst" in row]
        undefended = None if undefended is None else {**undefended, **undefended.get("worst", {}), "claimed": None}
        return conclude(" or ".join(names), None, defended, undefended)
    if "audit" in document:  # its one release has no name of its own
        defended = [{**row, "release": document["dataset"]} for row in defended]
    return conclude(document["attribute"], document["chance"], defended, undefended)


def conclusion_of_sweep(document: Mapping[str, Any]) -> str:
    """The conclusion of the document of a sweep: the points that say most and least."""
    return conclude(document["attribute"], document["chance"], document["points"], document["reference"])


def divided(rows: Sequence[Row]) -> tuple[list[Row], Row | None]:
    """The rows of defended releases, and that of the undefended one where there is one."""
    undefended = next((row for row in rows if row["release"] == REFERENCE), None)
    return [row for row in rows if row is not undefended], undefended


def conclude(attribute: str, chance: float | None, defended: Sequence[Row], undefended: Row | None) -> str:
    """The conclusion about some releases, of which each row says release, strongest, claimed and verdict.

    Of several releases it names the one that says least and the one that says most. chance : None where each row says
    its own, and of which attribute it is.
    """
    found = sorted((row for row in defended if row["strongest"] is not None), key=_advantage)
    name = attribute[:1].upper() + attribute[1:]
    beside = [] if chance is None else [f"chance {percent(chance)}"]
    if undefended is not None and undefended["strongest"] is not None:
        if not found:
            return _sentence(_of_one(name, {**undefended, "release": "the undefended release"}), *beside)
        beside.insert(0, f"undefended {percent(_reached(undefended))}{_of_which(undefended)}")
    if not found:
        return f"No attack has a result, so nothing is known of {attribute}."
    # a release that is read worse than by guessing is not the one that says least
    least, most = next((row for row in found if row["verdict"] not in (INVERTED, IMPOSSIBLE)), found[0]), found[-1]
    if len(found) == 1:
        return _sentence(_of_one(name, most), *beside, *_claim(most, "the defense's own attacker", chance))
    said = (
        f"Of {len(found)} releases {attribute} is read best from {most['release']}, at {_figure(most)}{_doubt(most)}, "
        f"and least from {least['release']}, at {_figure(least)}{_doubt(least)}"
    )
    return _sentence(said, *beside, *_claim(most, f"{most['release']}'s own attacker", chance))


def _of_one(name: str, row: Row) -> str:
    release = row["release"]
    if row["verdict"] == NOT_FOUND:
        return f"{name} is not read from {release} beyond chance: {_figure(row)}"
    if row["verdict"] == POWER_UNKNOWN:
        return f"No leak is found in {release}, and what these attacks can find is not known: {_figure(row)}"
    if row["verdict"] == NO_POWER:
        return f"Nothing is known of {release}, since these attacks have shown no power: {_figure(row)}"
    return f"{name} is read from {release} at {_figure(row)}{_doubt(row)}"


def _doubt(row: Row) -> str:
    """What must be said of a figure that is no plain leak."""
    return "" if row["verdict"] in (LEAKS, None) else f" ({row['verdict']})"


def _claim(row: Row, who: str, chance: float | None) -> list[str]:
    """An attacker surely below chance of two classes reads as much as one above it: its answers are turned round."""
    claimed = row["claimed"]
    if claimed is None:
        return []
    said = f"{who} claims {percent(claimed['balanced_accuracy'])}"
    if row.get("chance", chance) == HALF and claimed.get("ci95", (0, 1))[1] < HALF:
        said += f", which turned round is {percent(1 - claimed['balanced_accuracy'])}"
    return [said]


def _sentence(*parts: str) -> str:
    return "; ".join(parts) + "."


def _reached(row: Row) -> float:
    return float(row["strongest"]["balanced_accuracy"])


def _advantage(row: Row) -> float:
    """What is read, and where rows are of attributes with different chances, relative to these."""
    chance = row.get("chance", 0.0)
    return float((_reached(row) - chance) / (1 - chance))


def _of_which(row: Row) -> str:
    """Where several attributes are protected, which of them it is."""
    return f" ({row['attribute']}, chance {percent(row['chance'])})" if "attribute" in row else ""


def _figure(row: Row) -> str:
    knows = row.get("level", "informed")
    by = "" if knows == "informed" else f" by an attacker who is {WHO[knows]}"
    return percent(_reached(row), row["strongest"]["ci95"]) + _of_which(row) + by


def percent(value: float, interval: Sequence[float | None] | None = None) -> str:
    """``79 %``, with an interval ``79 % [75, 84]``; an end that is not known is a dash."""
    text = f"{100 * value:.0f} %"
    if interval is None:
        return text
    low, high = ("–" if end is None else f"{100 * end:.0f}" for end in interval)
    return f"{text} [{low}, {high}]"


def reads(name: str, measured: Row) -> str:
    """``aia: xgboost reads 79 % [75, 84]``; of a part of test, accuracy where there is no other figure."""
    reached = measured.get("balanced_accuracy", measured.get("accuracy"))
    return f"{name}: {measured.get('attack', 'the strongest attack')} reads {percent(reached, measured['ci95'])}"


def largest_gap(rows: Sequence[Row], of: str) -> list[str]:
    """Of several releases with a claim the one that claims most beyond what holds. of : what they are all of."""
    gaps = [row for row in rows if row["gap"] is not None]
    if len(gaps) < 2:
        return []
    worst = max(gaps, key=lambda row: float(row["gap"]))
    return [
        f"{worst['release']} claims {percent(worst['claimed']['balanced_accuracy'])} and leaks "
        f"{percent(_reached(worst))} to {worst['strongest']['attack']}: the largest illusion gap of this {of}."
    ]
