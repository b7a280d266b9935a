"""The tables of verification: by the retrained verifier, by a fixed matcher, and with templates of several images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aiakit.measures.bootstrap import FEWEST_ERRORS
from aiakit.report.links import Links, verification_id
from aiakit.report.table import Cell, Column, Table, a_column_each, interval_cell, tabulated, to_cell

Row = dict[str, Any]
RESTS_ON = {
    "genuine_pairs": "genuine pairs",
    "distinct_genuine_pairs": "of these distinct",
    "genuine_people": "of people",
    "impostor_pairs": "impostor pairs",
    "impostor_people": "of people",
    "false_non_matches": "false non-matches",
    "false_matches": "false matches",
}
VERIFICATION = {
    "accuracy": "accuracy [95 %]",
    "auc": "AUC [95 %]",
    "eer": "EER [95 %]",
    "fnmr_at_fmr_1pct": "FNMR at FMR 1 % [95 %]",
    "fnmr_at_fmr_0_1pct": "FNMR at FMR 0.1 % [95 %]",
}
OF_SYSTEM = {"frr_at_far_1pct": "FRR at FAR 1 % [95 %]", "frr_at_far_0_1pct": "FRR at FAR 0.1 % [95 %]"}
PAIRS = {
    "genuine_pairs": "genuine pairs",
    "compared_genuine_pairs": "of these compared",
    "genuine_people": "of people",
    "impostor_pairs": "impostor pairs",
    "compared_impostor_pairs": "of these compared",
}
ENROLLED = {"genuine_people": "people", "genuine_pairs": "genuine pairs", "impostor_pairs": "impostor pairs"}
WORTH = {"accuracy": "accuracy", "fnmr_at_fmr_1pct": "FNMR at FMR 1 %"}
COUNTED = {"fnmr": ("false_non_matches", "false_matches"), "frr": ("false_rejects", "false_accepts")}
FEW = "†"  # of a figure that rests on too few errors


def _impostors(document: Row, links: Links) -> tuple[list[Column], list[tuple[int, Row, str]]]:
    """The first columns of a table of verification, and its records: a release and a kind of impostors each."""
    meanings = impostors(document)
    records = [
        (number, row, kind)
        for number, row in enumerate(document["rows"])
        for kind in meanings
        if kind in row["utility"]
    ]
    first = [
        Column("release", lambda r: to_cell(r[1]["release"]), False),
        Column("impostors", lambda r: to_cell(meanings[r[2]], id=verification_id(r[0], r[2]) if links.cells else None),
               False),
    ]  # fmt: skip
    return first, records


def impostors(document: Row) -> dict[str, str]:
    """Kind of impostors → in words."""
    return {"random": "random impostors", "same_attribute": f"impostors of the same {document['attribute']}"}


def verification_table(document: Row, links: Links) -> Table:
    """What a verifier, trained afresh on each release, still tells apart."""

    def cell(record: tuple[int, Row, str], metric: str) -> Cell:
        found = record[1]["utility"][record[2]]
        mark = few_errors(found["counts"], metric)
        return interval_cell(found[metric], found[f"{metric}_ci95"], mark, href=links.verifier(record[1]["release"]))

    first, records = _impostors(document, links)
    columns = [*first, *a_column_each(VERIFICATION, cell)]
    caption = (
        "1:1 verification of test people; the thresholds of accuracy and of FNMR are chosen on attacker-val. "
        f"{FEW} fewer than {FEWEST_ERRORS} false matches or false non-matches: no more than a hint."
    )
    return tabulated("verification-table", caption, columns, records, keys=2)


def few_errors(counts: Mapping[str, float], metric: str) -> str:
    """The mark of a rate at an operating point that rests on too few errors (Rule of 30, ISO/IEC 19795-1)."""
    error, _, point = metric.partition("_at_")
    found = [counts.get(f"{each}_at_{point}") for each in COUNTED.get(error, ())]
    return FEW if any(count is not None and count < FEWEST_ERRORS for count in found) else ""


def counts_table(document: Row, links: Links) -> Table:
    """Pairs, people and errors of verification."""
    first, records = _impostors(document, Links())
    columns = [
        *first,
        *a_column_each(RESTS_ON, lambda r, each: to_cell(round(r[1]["utility"][r[2]]["counts"][each]),
                                                         href=links.verifier(r[1]["release"]))),
    ]  # fmt: skip
    caption = "What verification rests on: pairs, people and errors at the threshold of accuracy, means over seeds."
    return tabulated("verification-counts-table", caption, columns, records, keys=2)


def matcher_tables(document: Row, links: Links) -> Iterator[Table]:
    """What a fixed public encoder still tells apart on the pictures of each release, and what that rests on."""
    meanings = impostors(document)
    found = {row["release"]: row["utility"]["matcher"] for row in document["rows"] if "matcher" in row["utility"]}
    if "photographs" in document:
        found = {"(photographs)": document["photographs"], **found}
    records = [(release, kind, of) for release, of in found.items() for kind in meanings]
    first = [
        Column("release", lambda r: to_cell(r[0]), False),
        Column("impostors", lambda r: to_cell(meanings[r[1]]), False),
    ]
    columns = [
        *first,
        *a_column_each(VERIFICATION | OF_SYSTEM, lambda r, key: _rate(r[2][r[1]], key, links.matcher(r[0]))),
    ]
    encoder = records[0][2]["encoder"] if records else ""
    caption = (
        f"1:1 verification of released pictures by {encoder}, which nobody trained here. A picture in which no face is "
        "found is a non-match in FRR and FAR, accuracy, AUC and EER; FNMR and FMR leave it out. "
        f"{FEW} fewer than {FEWEST_ERRORS} errors: no more than a hint."
    )
    yield tabulated("matcher-table", caption, columns, records, keys=2)
    columns = [
        *first,
        Column(
            "no face found [95 %]", lambda r: _failures(r[2]), True, "Failure to acquire: of pictures of test people"
        ),
        Column("pictures", lambda r: to_cell((r[2]["failure_to_acquire"] or {}).get("pictures"))),
        *a_column_each(PAIRS, lambda r, key: to_cell(_whole(r[2][r[1]]["counts"].get(key)))),
    ]
    yield tabulated("matcher-counts-table", f"What the figures of {encoder} rest on.", columns, records, keys=2)


def template_table(document: Row) -> Table:
    """Several images of the enrolled person beside one, on the same pairs."""
    meanings = impostors(document)
    records = [
        (row["release"], who, each["images"], kind, each)
        for row in document["rows"]
        for who, found in {"verifier": row["utility"], "matcher": row["utility"].get("matcher", {})}.items()
        for each in found.get("templates", ())
        for kind in meanings
    ]

    def several(record: tuple[str, str, int, str, Row]) -> Row:
        return record[4].get(record[3], {})  # type: ignore[no-any-return]

    def single(record: tuple[str, str, int, str, Row]) -> Row:
        return record[4]["single"].get(record[3], {})  # type: ignore[no-any-return]

    columns = [
        Column("release", lambda r: to_cell(r[0]), False),
        Column("compared by", lambda r: to_cell(r[1]), False),
        Column("images enrolled", lambda r: to_cell(r[2])),
        Column("impostors", lambda r: to_cell(meanings[r[3]]), False),
        *a_column_each({key: f"{name} [95 %]" for key, name in WORTH.items()}, lambda r, key: _rate(several(r), key)),
        *a_column_each({key: f"{name}, one image" for key, name in WORTH.items()},
                       lambda r, key: _rate(single(r), key)),
        *a_column_each(ENROLLED, lambda r, key: to_cell(_whole(several(r).get("counts", {}).get(key, 0)))),
    ]  # fmt: skip
    caption = (
        "Verification with the mean of several images of the enrolled person, and with one of them on the same pairs: "
        "of people who have one image more. Without such people on attacker-val and test there is nothing to say."
    )
    return tabulated("template-table", caption, columns, records, keys=4)


def _rate(found: Row, metric: str, href: str | None = None) -> Cell:
    if found.get(metric) is None:
        return to_cell(None)
    return interval_cell(found[metric], found[f"{metric}_ci95"], few_errors(found["counts"], metric), href=href)


def _failures(matcher: Row) -> Cell:
    found = matcher["failure_to_acquire"] or {}
    return interval_cell(found.get("rate"), found.get("ci95"))


def _whole(count: float | None) -> int | None:
    return None if count is None else round(count)
