"""Numbers: the tables and the sentences of what is estimated of numeric attributes."""

from __future__ import annotations

from typing import Any

from aiakit.report.table import Cell, Column, Table, interval_cell, tabulated, to_cell

Row = dict[str, Any]


def numeric_tables(document: Row) -> list[Table]:
    """A row a numeric attribute of each release, and a row a regressor of each of these, where some were asked for."""
    rows = [(row, name, found, document["numeric"][name])
            for row in document["rows"] for name, found in row.get("numeric", {}).items()]  # fmt: skip
    first = [
        Column("release", lambda r: to_cell(r[0]["release"]), False),
        Column("number", lambda r: to_cell(r[1]), False),
    ]
    columns = [
        *first,
        Column("regressor", lambda r: to_cell(r[2]["strongest"]["regressor"]), False),
        Column("R² [95 %]", lambda r: _with_ends(r[2]["strongest"], "r2"), True, "0 is the mean of attacker-train"),
        Column("verdict", lambda r: to_cell(r[2]["verdict"]), False),
        Column("to undefended", lambda r: _lost(r[2]), True, "R² less that of the undefended release, same people"),
        Column("MAE [95 %]", lambda r: _with_ends(r[2]["strongest"], "mae")),
        Column("of a constant", lambda r: _with_ends(r[2]["strongest"], "constant_mae"), True,
               "MAE of the median of attacker-train"),
        Column("macro MAE [95 %]", lambda r: _with_ends(r[2]["strongest"], "macro_mae"), True,
               "The mean over the values of an order of few"),
        Column("of the middle", lambda r: _with_ends(r[2]["strongest"], "constant_macro_mae")),
        Column("τ-b [95 %]", lambda r: _with_ends(r[2]["strongest"], "kendall"), True, "Kendall's rank correlation"),
        Column("smallest detectable R²", lambda r: to_cell(r[3]["smallest_detectable"]), True,
               "Less would not be seen with these people (80 % power)"),
    ]  # fmt: skip
    each = [(*row, name, s) for row in rows for name, s in row[2]["regressors"].items()]
    of_each = [
        *first,
        Column("regressor", lambda r: to_cell(r[4]), False),
        Column("R² [95 %]", lambda r: _with_ends(r[5], "r2")),
        Column("on attacker-val", lambda r: to_cell(r[5]["on_val"])),
        Column("MAE [95 %]", lambda r: _with_ends(r[5], "mae")),
        Column("chosen", lambda r: to_cell("; ".join(r[5]["settings"])), False),
    ]
    captions = (
        "Numbers: what the strongest of several regressors, chosen on attacker-val, estimates of people of test. R² is "
        "0 for who always names the mean of attacker-train; MAE stands beside that of its median.",
        "Every regressor.",
    )
    return [tabulated("numeric-table", captions[0], columns, rows, keys=2),
            tabulated("regressor-table", captions[1], of_each, each, keys=3)]  # fmt: skip


def _with_ends(found: Row, metric: str) -> Cell:
    return interval_cell(found[metric]["value"], found[metric]["ci95"]) if metric in found else to_cell(None)


def _lost(found: Row) -> Cell:
    lost = found.get("to_undefended", {}).get("r2")
    return to_cell(None) if lost is None else interval_cell(lost["difference"], lost["ci95"], sign=True)


def numeric_readings(row: Row) -> list[str]:
    """A sentence for each numeric attribute of a release: what is estimated, beside a constant."""
    lines = []
    for name, found in row.get("numeric", {}).items():
        best = found["strongest"]
        low, high = best["r2"]["ci95"]
        said = (
            f"{row['release']}, {name}: {best['regressor']} estimates it with R² {best['r2']['value']:.3f} "
            f"[{low:.3f}, {high:.3f}] (0 is a constant), with a mean error of {best['mae']['value']:.3g} where a "
            f"constant has {best['constant_mae']['value']:.3g}: {found['verdict']}"
        )
        doubt = f" No more than a hint: {best['caution']}." if best["caution"] else ""
        lines.append(f"{said}.{doubt}")
    return lines
