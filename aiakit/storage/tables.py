"""Text tables as they circulate: byte-order marks, CRLF, stray spaces, commas or semicolons."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiakit.errors import InputError
from aiakit.storage.text import NUMBER, cleaned

# What the column of image files may be called.
FILE = ("path", "file", "image", "filename", "file_name", "image_id", "image_path", "file_path", "filepath", "img",
        "photo")  # fmt: skip
# Byte-order marks, the longer ones first: that of UTF-16 begins that of UTF-32.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NULS = 4  # a text in which one character of so many is NUL is none
SEPARATORS = ",;\t|"
LONGEST_NAME = 3  # words of a column's name; more are a remark
LOOKED_AT = 20  # lines that tell the separator


@dataclass(frozen=True)
class Table:
    """A CSV file: its column names and, for every row, its line number and its cells without outer spaces.

    notes : what had to be guessed, one line each.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()

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
    """The lines of a text file, without line ends and outer spaces; empty ones stay, to keep the count.

    Raises
    ------
    InputError : the file cannot be read, or is neither UTF-8 nor UTF-16 or UTF-32 with a byte-order mark.
    """
    return [line.strip() for line in _read_text(path).split("\n")]


def read_csv(path: Path) -> Table:
    """A table with a header, separated by commas, semicolons, tabs, bars or spaces.

    Understood besides: ``sep=;`` as the first line, comment lines before the header, and a header that is a comment
    (``# e0,e1``, as NumPy writes it). Where every cell of every line is a number there is no header: the columns are
    called e0, e1, …, and a note says so. Columns without a name and cells are left out, others are called by place.

    Raises
    ------
    InputError : unreadable, empty, two columns of one name, a row whose length is not the header's, or a first line of
        values where the header should be.
    """
    lines = _read_text(path).split("\n")
    start, separator = _announced(lines)
    start, columns = _comments(lines, start, separator)
    separator = separator or _separator(lines[start:])
    if separator == " ":
        lines = [line.strip() for line in lines]
    reader = csv.reader(lines[start:], delimiter=separator, skipinitialspace=separator != "\t", strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        for record in reader:
            if record:
                rows.append((start + reader.line_num, tuple(cell.strip() for cell in record)))
    except csv.Error as error:
        raise InputError(f"{path}:{start + reader.line_num} is not CSV: {error}") from error
    while rows and not any(rows[-1][1]):  # spreadsheets end so; in between, such a row is one of which nothing is known
        rows.pop()
    heading = [_name(cell) for cell in next(csv.reader([columns], delimiter=separator, skipinitialspace=True), [])]
    notes: tuple[str, ...] = ()
    if len(heading) < 2 or not rows or len(heading) != len(rows[0][1]) or not all(map(_is_name, heading)):
        heading = []
    if not heading and rows and _is_row(rows[0][1]):
        heading = _unnamed(path, rows)
        notes = (f"{path.name} has no header line: its columns are called {heading[0]} to {heading[-1]}",)
    if not heading and rows:
        heading = [_name(cell) for cell in rows.pop(0)[1]]
    if not rows:
        raise InputError(f"{path} is empty: expected a header line and at least one row")
    for line, cells in rows:
        if len(cells) != len(heading):
            raise InputError(f"{path}:{line} has {len(cells)} cells, the header has {len(heading)}")
    return _named(path, heading, rows, notes)


def _read_text(path: Path) -> str:
    """The text of a file, with the line ends of Unix."""
    try:
        data = path.read_bytes()
        encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8-sig")
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if text.count("\0") * NULS > len(text):
        raise InputError(f"{path} is not UTF-8 text (it is UTF-16 without its mark, or no text): save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _announced(lines: Sequence[str]) -> tuple[int, str]:
    """Where the table begins, and the separator that a first line ``sep=;`` names."""
    found = re.fullmatch(r'"?sep=(.)"?\s*', lines[0], re.IGNORECASE)
    return (1, found[1]) if found else (0, "")


def _comments(lines: Sequence[str], start: int, separator: str) -> tuple[int, str]:
    """Where the lines that are no comments begin, and the last of the comments."""
    last = ""
    while start < len(lines) - 1 and (lines[start].startswith("# ") or not lines[start].strip()):
        last = lines[start].lstrip("# ") or last
        start += 1
    return start, last


def _separator(lines: Sequence[str]) -> str:
    """What the first lines are separated by: what makes equally many cells of each, and the most."""
    first = [line for line in lines if line.strip()][:LOOKED_AT]
    best, most = "", 1
    for mark in SEPARATORS:
        try:
            widths = {len(record) for record in csv.reader(first, delimiter=mark, skipinitialspace=True)}
        except csv.Error:
            continue
        if len(widths) == 1 and max(widths) > most:
            best, most = mark, max(widths)
    if not best and len({len(line.split()) for line in first}) == 1 and len(first[0].split()) > 1:
        return " "
    return best or max(SEPARATORS, key=(first[0] if first else "").count)


def _is_row(cells: Sequence[str]) -> bool:
    """Whether a first line holds values, not names.

    Names may be numbers: the places of the columns, as pandas writes them (0, 1, 2 …).
    """
    numbers = [cell for cell in cells if NUMBER.fullmatch(cell)]
    if any(not cell.isdecimal() for cell in numbers):
        return True
    places = [whole_number(cell) for cell in numbers]
    return len(numbers) == len(cells) > 0 and (
        places[0] is None or places != list(range(places[0], places[0] + len(places)))
    )


def _unnamed(path: Path, rows: Sequence[tuple[int, tuple[str, ...]]]) -> list[str]:
    """Names for columns that have none. Raises InputError where they are not all numbers."""
    line, cells = rows[0]
    if not all(NUMBER.fullmatch(cell) for cell in cells):
        shown = next(cell for cell in cells if NUMBER.fullmatch(cell) and not cell.isdecimal())
        raise InputError(
            f"{path}:{line} holds values ({shown} for one) where the names of the columns are expected: put a header "
            "line before it"
        )
    return [f"e{place}" for place in range(len(cells))]


def _named(path: Path, heading: list[str], rows: list[tuple[int, tuple[str, ...]]], notes: tuple[str, ...]) -> Table:
    kept = [place for place, name in enumerate(heading) if name or any(cells[place] for _, cells in rows)]
    columns = tuple(heading[place] or f"column {place + 1}" for place in kept)
    folded = Counter(column.casefold() for column in columns)
    repeated = sorted(column for column in columns if folded[column.casefold()] > 1)
    if repeated:
        raise InputError(f"{path} has two columns called {repeated[0]!r}: rename one")
    if len(kept) < len(heading):
        rows = [(line, tuple(cells[place] for place in kept)) for line, cells in rows]
    return Table(path, columns, tuple(rows), notes)


def _is_name(text: str) -> bool:
    return 0 < len(text.split()) <= LONGEST_NAME


def _name(cell: str) -> str:
    return cleaned(cell.strip().lstrip("#"))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
