"""The sentences that stand beside the figures of a run, on a terminal and on a page alike: limits, notes, failures."""

from __future__ import annotations

from typing import Any

from aiakit.report.conclusion import percent
from aiakit.report.inversion import inversion_readings
from aiakit.report.numbers import numeric_readings
from aiakit.report.risks import readings
from aiakit.results.verdicts import IMPOSSIBLE

Row = dict[str, Any]


def bounds(document: Row) -> list[str]:
    """Whom attackers know, what no attack can exceed on these data, and what is too small to be seen on them."""
    lines = [_known(document)]
    if document["bayes_ceiling"] is not None:
        lines.append(
            f"No attack on {document['attribute']} can exceed {document['bayes_ceiling']:.3f} on any release of this "
            "data set (Bayes ceiling)."
        )
    if document["smallest_detectable"] is not None:
        lines.append(
            f"The smallest leak that this test set would show (80 % power): {document['smallest_detectable']:.3f} "
            "balanced accuracy. Below it, 'private' is not shown."
        )
    return lines


def _known(document: Row) -> str:
    """How many people attackers learned from: who knows more people reads more."""
    known = document["attacker_people"]
    said = ", ".join(f"{people:,} people ({level})" for level, people in known.items())
    folds = document["folds"]
    how = "" if folds == 1 else f"; {folds} folds tested everybody once"
    return f"Attackers learned from {said}{how}. One who knows more people may read more."


def certified(row: Row) -> list[str]:
    """What bounds every attacker of a release of few values, and whom it is about."""
    found = row.get("certificate")
    if found is None:
        return []
    several = [
        f"{each['images']} images of one person {each['bound']:.3f} ({_people(each)} with so many)"
        for each in found.get("images", ())
    ]
    more = f"Of {', of '.join(several)}; more" if several else "Several"
    return [
        f"{row['release']} takes {found['values']} values: of one image of a fresh person of this population no attack "
        f"whatsoever exceeds {found['bound']:.3f} balanced accuracy ({found['level']:.0%} confidence; {_people(found)} "
        f"people by class, none of whom it was fitted to). {more} images of one person may say more."
    ]


def _people(found: Row) -> str:
    return " + ".join(f"{count:,}" for count in found["people"])


def growth(row: Row) -> list[str]:
    """What an attacker who knows more people is predicted to read of a release."""
    lines = []
    for name, curve in row.get("growth", {}).items():
        said = [
            f"{percent(each['balanced_accuracy'], each['ci95'])} at {each['people']:,} people"
            for each in curve.get("predicted", [])
        ]
        if said:
            lines.append(f"{row['release']}, {name}: {_rising(curve)}; predicted {', '.join(said)}: no ceiling")
    return lines


def rising(document: Row) -> list[str]:
    """A line for each release of which an attacker who knows more people reads more."""
    lines = []
    for row in document["rows"]:
        curves = [(name, curve) for name, curve in row.get("growth", {}).items() if curve.get("still_rising")]
        if curves:
            name, curve = curves[0]
            twice = curve["predicted"][0]
            said = percent(twice["balanced_accuracy"], twice["ci95"])
            known = f"{twice['people']:,} people known, about {said}"
            lines.append(f"What {name} reads of {row['release']} is still rising: with {known}.")
    return lines


def _rising(curve: Row) -> str:
    gain, (low, high) = 100 * curve["gain"], (100 * end for end in curve["gain_ci95"])
    said = "still rising" if curve["still_rising"] else "not shown to be rising"
    return f"{said} ({gain:+.1f} points [{low:+.1f}, {high:+.1f}] for twice the people)"


def nulls(row: Row) -> list[str]:
    """What the attacks reached where there is nothing to be found."""
    if "null" not in row:
        return []
    null = row["null"]
    return [
        f"{row['release']}: with labels permuted between people the selected attack reached at most "
        f"{max(null['balanced_accuracy']):.3f} in {null['permutations']} runs (p = {null['p']:.3f})"
    ]


def skipped(row: Row) -> list[str]:
    """The attacks that could not be applied to a release."""
    return [f"{row['release']}: skipped: {what}: {why}" for what, why in row.get("skipped", {}).items()]


def failed(document: Row) -> list[str]:
    """The cells that failed."""
    return [f"failed: {failure['cell']}: {failure['reason']}" for failure in document["failures"]]


def remarks(document: Row) -> list[str]:
    """The sentences below the tables: limits of the data, what was left out, notes and failures."""
    lines = bounds(document)
    for row in document["rows"]:
        official = row["utility"].get("official")
        if official:
            lines.append(
                f"{row['release']}: official folds {official['accuracy']:.3f} ± {official['standard_error']:.3f} "
                f"on {official['pairs']:,} official pairs of {official['people']:,} people, of which "
                f"{official['genuine_pairs']:,} are genuine pairs of {official['genuine_people']:,} people; "
                f"{official['errors']:.0f} errors"
            )
        lines += [*certified(row), *growth(row), *numeric_readings(row), *readings(row), *inversion_readings(row)]
        lines += [*nulls(row), *skipped(row)]
    return [*lines, *problems(document), *document["limits"]]


def problems(document: Row) -> list[str]:
    """What is wrong or peculiar: impossible results, notes, failures, what is missing."""
    lines = [*impossible(document), *(f"note: {note}" for note in document["notes"]), *failed(document)]
    missing = sum(len(row["missing"]) for row in document["rows"])
    if not document["complete"]:
        lines.append(f"INCOMPLETE: {missing} cells have no result.")
    return lines


def impossible(document: Row) -> list[str]:
    """A line for each release that is read better than any attack can read it."""
    lines = []
    for of in (document, *document.get("further", {}).values()):
        for row in of["rows"]:
            if row["verdict"] != IMPOSSIBLE:
                continue
            best, bound, ceiling = row["strongest"], row.get("accuracy_bound"), of["bayes_ceiling"]
            proven = bound is not None and (ceiling is None or bound < ceiling)
            limit = (
                f"its defense proves that none exceeds {bound:.3f}, and the code does not do what the proof says"
                if proven
                else f"none can exceed {ceiling:.3f} on any release of these data (Bayes ceiling)"
            )
            lines.append(
                f"{row['release']}: IMPOSSIBLE: {of['attribute']} is read at {best['balanced_accuracy']:.3f} by "
                f"{best['attack']}, or better by another attack, but {limit}: believe none of its figures"
            )
    return lines
