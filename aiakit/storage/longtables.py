"""CSV files of millions of rows: read a row at a time, so that only what is wanted is kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from aiakit.errors import InputError
from aiakit.storage.tables import Table
from aiakit.storage.text import cleaned


def read_rows(path: Path) -> tuple[Table, Iterator[tuple[int, list[str]]]]:
    """The header, as a table without rows, and an iterator of line numbers and cells without outer spaces.

    Raises InputError for a file that cannot be read or is empty; the iterator, for a row whose length is not the
    header's and for bytes that are no text.
    """
    rows = _records(path)
    header = next(rows, (0, []))[1]
    if not header:
        raise InputError(f"{path} is empty: expected a header line and at least one row")
    return Table(path, tuple(map(cleaned, header)), ()), _checked(path, rows, len(header))


def _checked(path: Path, rows: Iterator[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    for line, cells in rows:
        if len(cells) != width:
            raise InputError(f"{path}:{line} has {len(cells)} cells, the header has {width}")
        yield line, cells


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True)
            for record in reader:
                if record:
                    yield reader.line_num, [cell.strip() for cell in record]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path} cannot be read as CSV: {reason}") from error
