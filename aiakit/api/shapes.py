"""Results in the shapes that Python users know: a DataFrame, an altair chart, a table of HTML."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import altair
from tabulate import tabulate

from aiakit.errors import InputError
from aiakit.report.grid import plain
from aiakit.report.svg import printed
from aiakit.report.theme import Chart

MOST_ROWS = 60  # of a table in a notebook


def as_frame(records: Sequence[dict[str, Any]]) -> Any:
    """A pandas DataFrame of flat records. Raises InputError where pandas is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise InputError("pandas is not installed: pip install pandas, or use .table()") from None
    return pd.DataFrame.from_records(records)


def as_altair(chart: Chart) -> Any:
    """The chart as an ``altair.Chart``, black on white."""
    return altair.Chart.from_dict(printed(chart.spec))


def html_table(records: Sequence[dict[str, Any]], without: Collection[str] = ()) -> str:
    """Flat records as an HTML table; texts are escaped, and long tables cut with a word about it."""
    columns = [name for name in (records[0] if records else {}) if name not in without]
    rows = [[plain(record[name]) for name in columns] for record in records[:MOST_ROWS]]
    table = str(tabulate(rows, columns, tablefmt="html", disable_numparse=True))
    more = len(records) - MOST_ROWS
    return table + (f"<p>… {more} rows more: .table()</p>" if more > 0 else "")
