"""Inversion: the table and the sentences of what is reconstructed from releases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiakit.report.conclusion import percent
from aiakit.report.table import Column, Table, interval_cell, tabulated, to_cell

Row = dict[str, Any]
TYPES = {"type_1": "the same image", "type_2": "another image"}


def inversion_table(document: Row) -> Table:
    """A row a figure of each reconstruction; no rows where none was made."""
    rows = [(row["release"], view, *figure) for row in document["rows"] for view, found in _made(row)
            for figure in _figures(found)]  # fmt: skip
    columns = [
        Column("release", lambda r: to_cell(r[0]), False),
        Column("of", lambda r: to_cell(r[1]), False),
        Column("figure", lambda r: to_cell(r[2]), False),
        Column("value [95 %]", lambda r: interval_cell(r[3], r[4])),
        Column("constant", lambda r: to_cell(r[5]), True, "What the same reconstruction for everybody reaches"),
    ]
    caption = (
        "Inversion: what a decoder that was trained on attacker-train makes of releases, beside the undefended images. "
        "An attack succeeds where the similarity reaches the threshold of a FAR (Mai et al., 2019)."
    )
    return tabulated("inversion-table", caption, columns, rows, keys=3)


def inversion_readings(row: Row) -> list[str]:
    """A sentence for each reconstruction of a release."""
    lines = []
    for view, found in _made(row):
        gain, (low, high) = found["gain"]["value"], found["gain"]["ci95"]
        said = (
            f"{row['release']}, inversion to the {view}: the reconstructions ({found['decoder']}) have a cosine of "
            f"{found['cosine']['value']:.3f} to the true ones, {gain:+.3f} [{low:+.3f}, {high:+.3f}] beside the mean "
            "of attacker-train"
        )
        again = found["type_1"]
        if "not_measured" not in again:
            size = again["gallery"]
            rate = again[f"rank_1_of_{size}"]
            said += f"; {percent(rate['rate'], rate['ci95'])} find their own image first of {size:,}"
        doubt = f" No more than a hint: {found['caution']}." if found["caution"] else ""
        lines.append(f"{said}.{doubt}")
        lines += [f"{row['release']}, inversion to the {view}, {TYPES[kind]}: not measured, because "
                  f"{found[kind]['not_measured']}." for kind in TYPES if "not_measured" in found[kind]]  # fmt: skip
    return lines


def _made(row: Row) -> Iterator[tuple[str, Row]]:
    """View and what was reconstructed of it."""
    for view, found in row.get("risks", {}).get("inversion", {}).items():
        if "not_measured" not in found:
            yield view, found


def _figures(found: Row) -> Iterator[tuple[str, float, list[float], float | None]]:
    """In words, the value, its interval, and what a constant reaches."""
    yield "cosine to the true one", found["cosine"]["value"], found["cosine"]["ci95"], found["baseline"]["value"]
    for kind, words in TYPES.items():
        again = found[kind]
        if "not_measured" not in again:
            size = again["gallery"]
            rate = again[f"rank_1_of_{size}"]
            yield f"first of {size:,}, {words}", rate["rate"], rate["ci95"], rate["chance"]
        for name, each in found["success"].items():
            if name.startswith(kind):
                far = 100 * float(name.rpartition("_")[2])
                yield f"success at FAR {far:g} %, {words}", each["value"], each["ci95"], each["chance"]
    read = found["attribute"]
    if "not_measured" not in read:
        yield f"read from it by {read['attack']}", read["balanced_accuracy"], read["ci95"], None
