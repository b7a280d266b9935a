"""Risks: the tables and the sentences of what releases say besides attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiakit.measures.identification import ranks_of
from aiakit.report.conclusion import percent
from aiakit.report.grid import Grid, figure, measured
from aiakit.report.table import Choice, Column, Table, interval_cell, tabulated, to_cell

Row = dict[str, Any]
COMPARED = {
    "identity": {"released": "in a released gallery", "undefended": "in an undefended gallery"},
    "linkage": {"seeds": "between two seeds", "undefended": "with the undefended"},
}
TRAINED = "trained matcher"
OTHERS = {"cosine": "one that is trained may find more", TRAINED: "another one may find more"}
LINKED = {
    COMPARED["linkage"][
        "seeds"
    ]: "who holds both can tell that they show one person, so that another does not replace one that leaked",
    COMPARED["linkage"]["undefended"]: "who holds a picture of somebody can tell which release is of them",
}


def risk_tables(document: Row) -> list[Table]:
    """Identity and linkage, a table each, where they were asked for."""
    identity = [
        (release, two, view, by, words, found[name])
        for release, two, view, by, found in _measured(document, "identity")
        for name, words in _identity_figures(found["gallery"]).items()
        if found[name]["rate"] is not None
    ]
    linkage = [
        (release, two, view, by, round(found["counts"]["mated_people"]), found)
        for release, two, view, by, found in _measured(document, "linkage")
    ]
    first = [
        Column("release", lambda r: to_cell(r[0]), False),
        Column("compared", lambda r: to_cell(r[1]), False),
        Column("view", lambda r: to_cell(r[2]), False),
        Column("by", lambda r: to_cell(r[3]), False),
    ]
    of_identity = [
        *first,
        Column("figure", lambda r: to_cell(r[4]), False),
        Column("share [95 %]", lambda r: interval_cell(r[5]["rate"], r[5]["ci95"])),
        Column("chance", lambda r: to_cell(r[5]["chance"])),
    ]
    of_linkage = [
        *first,
        Column("D_sys [95 %]", lambda r: interval_cell(r[5]["d_sys"], r[5]["ci95"])),
        Column("chance", lambda r: to_cell(r[5]["chance"])),
        Column("in noise", lambda r: to_cell(r[5]["null"][1]), True,
               "As much or more is found in one case of twenty where nothing is linked"),
        Column("people", lambda r: to_cell(r[4])),
    ]  # fmt: skip
    captions = (
        "Identity: how often the nearest of a gallery with an image of each person is the right one (1:N), by a cosine "
        "or by a matcher that was trained on attacker-train. FNIR is the share that is not found at a threshold at "
        "which 1 % of strangers raise an alarm.",
        "Linkage: whether two images can be told to show one person, 0 never to 1 always (Gomez-Barrero et al., 2018).",
    )
    return [
        tabulated("identity-table", captions[0], of_identity, identity, keys=5),
        tabulated("linkage-table", captions[1], of_linkage, linkage, keys=4),
    ]


def glance_table(document: Row, choice: bool = False) -> Table:
    """A row a risk of each release; no rows where no risk was asked for. choice : with a field to choose a risk."""
    rows = [(row["release"], each) for row in document["rows"] for each in row.get("at_a_glance", ())]
    columns = [
        Column("release", lambda r: to_cell(r[0]), False),
        Column("risk", lambda r: to_cell(r[1]["risk"]), False),
        Column("what", lambda r: to_cell(r[1].get("figure", "not measured")), False),
        Column("value [95 %]", lambda r: interval_cell(r[1].get("value"), r[1].get("ci95"))),
        Column("chance", lambda r: to_cell(r[1].get("chance"))),
        Column("smallest detectable", lambda r: to_cell(r[1].get("smallest_detectable")), True,
               "Less would not be seen with these people (80 % power)"),
        Column("ISO/IEC 24745", lambda r: to_cell(r[1].get("iso_24745") or _because(r[1])), False),
        Column("WP29", lambda r: to_cell(r[1].get("wp29")), False),
    ]  # fmt: skip
    caption = (
        "Every risk that was asked for, numbers among them, with one figure each: the stronger of a cosine and a "
        "trained matcher, or regressor, on attacker-val, reported on test. A lower bound, as every figure here."
    )
    filters = [Choice("Risk", [[each["risk"]] for _, each in rows])] if choice else []
    return tabulated("glance-table", caption, columns, rows, keys=2, filterable=choice, filters=filters)


def _because(found: Row) -> str:
    return f"not measured, because {found['not_measured']}"


def risk_summary(document: Row) -> list[Grid]:
    """Every risk at a glance, a line each; none where none was asked for."""
    rows = [
        [row["release"], each["risk"], each.get("figure") or _because(each), measured(each if "value" in each else None,
         "value"), figure(each.get("chance")), figure(each.get("smallest_detectable"))]
        for row in document["rows"]
        for each in row.get("at_a_glance", ())
    ]  # fmt: skip
    headings = ("release", "risk", "what", "value [95 %]", "chance", "smallest detectable")
    return [Grid("Risks", headings, rows, ("what",), 2)] if rows else []


def _measured(document: Row, risk: str) -> Iterator[tuple[str, str, str, str, Row]]:
    """Release, which two are compared in words, the view, by what, and what was found."""
    for row in document["rows"]:
        for way, found in row.get("risks", {}).get(risk, {}).items():
            if "not_measured" not in found:
                two, view, *trained = way.split(" ")
                yield row["release"], COMPARED[risk][two], view, TRAINED if trained else "cosine", found


def _identity_figures(gallery: int) -> dict[str, str]:
    """Metric → in words."""
    ranks = {name: f"among the first {rank} of {size:,}" if rank > 1 else f"first of {size:,}"
             for name, (rank, size) in ranks_of(gallery).items()}  # fmt: skip
    return ranks | {"fnir": f"FNIR at FPIR 1 %, {gallery:,} enrolled"}


def readings(row: Row) -> list[str]:
    """A sentence for each risk of a release: what was found, beside chance, and how it is to be read."""
    lines = []
    for risk in COMPARED:
        for release, two, view, by, found in _measured({"rows": [row]}, risk):
            said = _identified(found, by) if risk == "identity" else _linked(found, two, by)
            doubt = f" No more than a hint: {found['caution']}." if found["caution"] else ""
            how = ", a trained matcher" if by == TRAINED else ""
            lines.append(f"{release}, {risk} {two}, by {view}{how}: {said}{doubt}")
    return lines


def _identified(found: Row, by: str) -> str:
    size = found["gallery"]
    rate = found[f"rank_1_of_{size}"]
    said = (
        f"of {size:,} people the nearest is the right one for {percent(rate['rate'], rate['ci95'])} (chance 1 "
        f"in {size:,})"
    )
    if rate["ci95"][0] > rate["chance"]:
        return (
            f"{said}: people can be found again. Where the release is there to recognise them that is its utility, as "
            "verification is; where it is there to hide them, the leak."
        )
    return f"{said}: no better than chance by this comparison; {OTHERS[by]}."


def _linked(found: Row, two: str, by: str) -> str:
    low, high = found["ci95"]
    said = f"D_sys {found['d_sys']:.3f} [{low:.3f}, {high:.3f}] (0 is chance)"
    if low > 0:
        return f"{said}: {LINKED[two]}."
    return f"{said}: no link was found by this comparison; {OTHERS[by]}."
