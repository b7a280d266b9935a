"""Text tables as they circulate: byte-order marks, CRLF, stray spaces, commas or semicolons."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiakit.errors import InputError


@dataclass(frozen=True)
class Table:
    """A CSV file: its column names and, for every row, its line number and its cells without outer spaces."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def position(self, names: Sequence[str], what: str) -> int:
        """The column called by one of these names, capitals aside. Raises InputError with the columns there are."""
        found = self.find(names)
        if found is None:
            raise InputError(f"{self.path} has no column {' or '.join(names)} for {what}: it has {_list(self.columns)}")
        return found

    def find(self, names: Sequence[str]) -> int | None:
        """As ``position``, or None where there is no such column."""
        folded = [column.casefold() for column in self.columns]
        return next((folded.index(name) for name in names if name in folded), None)


def find_file(folders: Sequence[Path], names: Sequence[str], what: str) -> Path:
    """The first of these files that exists. Raises InputError, with what was looked for, where none does."""
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise InputError(f"there is no {' or '.join(names)} in {folders[0]}: {what}")


def require_root(root: str) -> Path:
    """The folder of a data set. Raises InputError where there is none."""
    if not root:
        raise InputError("this data set is read from a folder: give it with --data-root DIR")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise InputError(f"the data folder {folder} does not exist or is no folder: give it with --data-root")
    return folder


def whole_number(text: str) -> int | None:
    """The number that at most 18 decimal digits spell; None for any other text."""
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file, without line ends and outer spaces; empty ones stay, to keep the count.

    Raises
    ------
    InputError : the file cannot be read, or is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    return [line.strip() for line in text.split("\n")]


def read_csv(path: Path) -> Table:
    """A CSV file with a header, separated by commas, semicolons or tabs.

    Raises
    ------
    InputError : unreadable, empty, two columns of one name, or a row whose length is not the header's.
    """
    lines = read_lines(path)
    header = next((line for line in lines if line), "")
    separator = max(",;\t", key=header.count)
    columns: tuple[str, ...] = ()
    rows = []
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for record in reader:
            cells = tuple(cell.strip() for cell in record)
            if not any(cells):
                continue
            if not columns:
                columns = cells
            elif len(cells) != len(columns):
                raise InputError(f"{path}:{reader.line_num} has {len(cells)} cells, the header has {len(columns)}")
            else:
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num} is not CSV: {error}") from error
    if not rows:
        raise InputError(f"{path} is empty: expected a header line and at least one row")
    folded = [column.casefold() for column in columns]
    repeated = sorted({column for column in columns if folded.count(column.casefold()) > 1})
    if repeated:
        raise InputError(f"{path} has two columns called {repeated[0]!r}: rename one")
    return Table(path, columns, tuple(rows))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
