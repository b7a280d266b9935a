"""Every risk of a release at a glance: one figure each, what chance is, what would not be seen, and how it is read.

The readings are by ISO/IEC 24745 (irreversibility, unlinkability, renewability) and by the three questions of the
Article 29 Working Party's Opinion 05/2014 on anonymisation (WP 216): singling out, linkability, inference.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from aiakit.experiment.config import REFERENCE, RISKS, Risk
from aiakit.measures.detectable import smallest_linkage, smallest_share
from aiakit.results.verdicts import LEAKS, SHOWN

Row = Mapping[str, Any]
TRAINED, PLAIN = "trained", "cosine"
ATTRIBUTE, NUMERIC = "attribute", "numeric"


class Reading(NamedTuple):
    """A sentence by either document, where a risk is seen and where it is not."""

    iso: tuple[str, str]
    wp29: tuple[str, str]


NOT_SHOWN = "nothing above the smallest detectable leak was found"
NO_REQUIREMENT = "ISO/IEC 24745 states no requirement of its own about this"
READINGS: Mapping[str, Reading] = {
    ATTRIBUTE: Reading(
        (NO_REQUIREMENT, NO_REQUIREMENT),
        ("inference is possible: the attribute is read from a release", f"inference: {NOT_SHOWN}"),
    ),
    "identity": Reading(
        (NO_REQUIREMENT, NO_REQUIREMENT),
        ("singling out is possible: a person is found again among others", f"singling out: {NOT_SHOWN}"),
    ),
    "seeds": Reading(
        (
            "unlinkability and renewability do not hold: a release under a new key is linked to the one it replaces",
            f"unlinkability and renewability: {NOT_SHOWN}",
        ),
        ("linkability: two releases are told to be of one person", f"linkability: {NOT_SHOWN}"),
    ),
    "undefended": Reading(
        (
            "unlinkability does not hold towards who has an undefended image; two releases were not compared",
            f"unlinkability towards who has an undefended image: {NOT_SHOWN}; two releases were not compared",
        ),
        ("linkability: a release is told to be of a person whose image is known", f"linkability: {NOT_SHOWN}"),
    ),
    NUMERIC: Reading(
        (NO_REQUIREMENT, NO_REQUIREMENT),
        ("inference is possible: the number is estimated from a release", f"inference: {NOT_SHOWN}"),
    ),
    "inversion": Reading(
        (
            "irreversibility does not hold: what is reconstructed finds its person among undefended images",
            f"irreversibility: {NOT_SHOWN}, by these decoders",
        ),
        (
            "singling out and inference are possible from what is reconstructed",
            f"singling out from what is reconstructed: {NOT_SHOWN}",
        ),
    ),
}


def at_a_glance(row: Row, of: Row, asked: Collection[Risk]) -> list[dict[str, Any]]:
    """The attribute, each numeric one, and each risk that was asked for: its figure, or why there is none.

    row : of a document, with its ``risks``. of : the document's attribute, smallest detectable leak and ``numeric``.
    """
    numeric = [{"risk": NUMERIC, "of": name, **_numeric(row, name, about)} for name, about in of["numeric"].items()]
    return [_attribute(row, of), *numeric, *risks_at_a_glance(row, asked)]


def risks_at_a_glance(row: Row, asked: Collection[Risk]) -> list[dict[str, Any]]:
    """The same without the attribute. row : with its ``release``, and its ``risks`` as a document has them."""
    return [{"risk": risk, **_RISKS[risk](row, row.get("risks", {}).get(risk, {}))} for risk in RISKS if risk in asked]


def _attribute(row: Row, of: Row) -> dict[str, Any]:
    best = row["strongest"]
    if best is None:
        return {"risk": ATTRIBUTE, "not_measured": f"no attack on {of['attribute']} has a result"}
    seen = row["verdict"] in SHOWN
    high = max((end for end in (best["ci95"][1], row["simultaneous_upper"]) if end is not None), default=None)
    return {
        "risk": ATTRIBUTE,
        "figure": f"balanced accuracy of {of['attribute']}, {best['attack']}",
        **_figure(best["balanced_accuracy"], best["ci95"], high, of["chance"], of["smallest_detectable"]),
        **_read(ATTRIBUTE, seen),
    }


def _numeric(row: Row, name: str, about: Row) -> dict[str, Any]:
    found = row.get("numeric", {}).get(name)
    if found is None:
        return {"not_measured": f"no regressor of {name} has a result"}
    best = found["strongest"]
    r2, ends = best["r2"]["value"], best["r2"]["ci95"]
    high = max(ends[1], found["simultaneous_upper"])
    return {
        "figure": f"R² of {name}, {best['regressor']}",
        **_figure(r2, ends, high, about["chance"], about["smallest_detectable"]),
        **_read(NUMERIC, found["verdict"] == LEAKS),
    }


def _identity(row: Row, ways: Row) -> dict[str, Any]:
    return _found_again(_compared(ways, "released"), "identity", "a released gallery")


def _linkage(row: Row, ways: Row) -> dict[str, Any]:
    """Between two seeds, and where there are none with the undefended release."""
    two, compared = "seeds", _compared(ways, "seeds")
    if not compared.kinds:
        two, others = "undefended", compared.reason
        compared = _compared(ways, "undefended")
        if not compared.kinds:
            both = dict.fromkeys([others, compared.reason])
            return {"not_measured": ", and ".join(reason for reason in both if reason != NO_RESULT) or NO_RESULT}
    strongest = compared.kinds[0]
    found = strongest.found
    high = max(each.found["ci95"][1] for each in compared.kinds)
    between = "two seeds" if two == "seeds" else "a released and an undefended image"
    detectable = smallest_linkage(*found["null"])
    return {
        "figure": f"D_sys between {between}, {strongest.by}",
        "way": strongest.way,
        **_figure(found["d_sys"], found["ci95"], high, found["chance"], detectable),
        **_read(two, found["ci95"][0] > 0),
    }


def _inversion(row: Row, views: Row) -> dict[str, Any]:
    if row["release"] == REFERENCE:
        return {"not_measured": "it is the undefended release"}
    kinds = [_Kind(view, f"{view}, {found['decoder']}", found["type_1"]) for view, found in views.items()
             if "not_measured" not in found and "not_measured" not in found["type_1"]]  # fmt: skip
    reasons = [each["not_measured"] for each in (*views.values(), *(v.get("type_1", {}) for v in views.values()))
               if "not_measured" in each]  # fmt: skip
    return _found_again(_Compared(kinds[:1], reasons[0] if reasons else NO_RESULT), "inversion",
                        "an undefended gallery, by the reconstruction")  # fmt: skip


NO_RESULT = "it has no result"
_RISKS = {"identity": _identity, "linkage": _linkage, "inversion": _inversion}


class _Kind(NamedTuple):
    """way : its name in the document. by : in words. found : what was found."""

    way: str
    by: str
    found: Row


class _Compared(NamedTuple):
    """What was found by each kind of comparison, the stronger on attacker-val first; or why nothing was."""

    kinds: list[_Kind]
    reason: str


def _compared(ways: Row, two: str) -> _Compared:
    """What was found of these two releases, by every view, by a cosine and by a linker."""
    val, kinds, reason = dict[str, float](), list[_Kind](), NO_RESULT
    for way, found in ways.items():
        which, *view = way.split(" ")
        if which != two:
            continue
        if "not_measured" in found:
            reason = found["not_measured"]
            continue
        learned = view[-1] == TRAINED
        sibling = found if learned else ways.get(f"{way} {TRAINED}", {})
        val[way] = sibling.get("val", {}).get(TRAINED if learned else PLAIN, 0.0)
        kinds.append(_Kind(way, f"{view[0]}, {'trained matcher' if learned else PLAIN}", found))
    return _Compared(sorted(kinds, key=lambda kind: -val[kind.way]), reason)


def _found_again(compared: _Compared, risk: str, where: str) -> dict[str, Any]:
    """Whether the first of a gallery of everybody is the right one."""
    if not compared.kinds:
        return {"not_measured": compared.reason}
    way, by, found = compared.kinds[0]
    size, rate = found["gallery"], _first_of_all(found)
    high = max(_first_of_all(each.found)["ci95"][1] for each in compared.kinds)
    detectable = smallest_share(rate["chance"], round(found["counts"]["mated_people"]))
    return {
        "figure": f"first of {size:,} in {where}, {by}",
        "way": way,
        "gallery": size,
        **_figure(rate["rate"], rate["ci95"], high, rate["chance"], detectable),
        **_read(risk, rate["ci95"][0] > rate["chance"]),
    }


def _first_of_all(found: Row) -> Row:
    """The share that finds its person first of everybody."""
    rate: Row = found[f"rank_1_of_{found['gallery']}"]
    return rate


def _figure(
    value: float, interval: Sequence[float | None], high: float | None, chance: float, detectable: float | None
) -> dict[str, Any]:
    """upper : the highest that any way of measuring it leaves possible."""
    upper = None if high is None else max(high, value)
    return {"value": value, "ci95": list(interval), "upper": upper, "chance": chance, "smallest_detectable": detectable}


def _read(which: str, seen: bool) -> dict[str, Any]:
    reading = READINGS[which]
    return {"seen": seen, "iso_24745": reading.iso[not seen], "wp29": reading.wp29[not seen]}
