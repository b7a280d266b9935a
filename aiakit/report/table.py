"""The one model of a table: a page draws it with links and hints, a terminal and text formats print its texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from aiakit.report.grid import NONE, Grid

Key = TypeVar("Key")


@dataclass(frozen=True)
class Cell:
    """A cell of a table. value : what it is sorted by (None sorts last); href : where it leads; id : to be led to.

    interval : what stands behind the text, and below it where there is little room.
    """

    text: str
    value: float | str | None = None
    href: str | None = None
    id: str | None = None
    interval: str = ""


@dataclass(frozen=True)
class Heading:
    """A column: its name, whether it holds numbers, and a sentence that explains it."""

    text: str
    number: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Choice:
    """A field above a table to choose one of some names. values : for each row the names under which it is shown."""

    label: str
    values: Sequence[Sequence[str]]

    @property
    def options(self) -> list[str]:
        """The names that can be chosen, in the order in which rows first have them."""
        return list(dict.fromkeys(name for names in self.values for name in names))


@dataclass(frozen=True)
class Floor:
    """A field above a table for the least proportion that is shown. values : that of each row; None is never enough."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Table:
    """A sortable table with a sentence that says what it shows; ``filterable`` adds a field to filter rows by.

    filters : further fields to filter rows by, all of which a row has to pass. keys : leading columns that say what a
    row is of.
    """

    id: str
    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    filterable: bool = False
    filters: Sequence[Choice | Floor] = ()
    keys: int = 1

    def filled(self) -> Table:
        """Without the columns in which no row says anything."""
        kept = [at for at in range(len(self.headings)) if any(row[at].value is not None for row in self.rows)]
        rows = [[row[at] for at in kept] for row in self.rows]
        return replace(self, headings=[self.headings[at] for at in kept], rows=rows)

    def texts(self) -> Grid:
        """The table for a terminal and for text formats."""
        rows = [[f"{cell.text} {cell.interval}".rstrip() for cell in row] for row in self.rows]
        words = [heading.text for heading in self.headings if not heading.number]
        return Grid(self.caption, [heading.text for heading in self.headings], rows, words, self.keys)


@dataclass(frozen=True)
class Column:
    """A column of a table of records: its heading, the cell that it makes of a record, a sentence that explains it."""

    heading: str
    cell: Callable[[Any], Cell]
    number: bool = True
    hint: str = ""


def a_column_each(
    headings: Mapping[Key, str], cell: Callable[[Any, Key], Cell], hints: Mapping[Key, str] | None = None
) -> list[Column]:
    """A column of numbers for each key of ``headings``. cell : record, key → the cell."""

    def at(key: Key) -> Callable[[Any], Cell]:
        return lambda record: cell(record, key)

    return [Column(heading, at(key), True, (hints or {}).get(key, "")) for key, heading in headings.items()]


def tabulated(
    name: str,
    caption: str,
    columns: Sequence[Column],
    records: Iterable[Any],
    *,
    keys: int = 1,
    filterable: bool = False,
    filters: Sequence[Choice | Floor] = (),
) -> Table:
    """The table of records, a row each, without the columns that say nothing."""
    headings = [Heading(column.heading, column.number, column.hint) for column in columns]
    rows = [[column.cell(record) for column in columns] for record in records]
    return Table(name, caption, headings, rows, filterable, filters, keys).filled()


def to_cell(value: Any, digits: int = 3, sign: bool = False, **links: Any) -> Cell:
    """A cell of a number (with so many decimals), of text, or a dash for None."""
    if value is None:
        return Cell(NONE, None, **{**links, "href": None})
    if isinstance(value, float):
        return Cell(f"{value:{'+' if sign else ''}.{digits}f}", value, **links)
    return Cell(str(value), value if isinstance(value, int) else str(value), **links)


def interval_cell(
    value: float | None, interval: Sequence[float | None] | None, mark: str = "", sign: bool = False, **links: Any
) -> Cell:
    """A cell of a proportion with its interval: ``0.801 [0.780, 0.822]``."""
    cell = to_cell(value, sign=sign, **links)
    if value is None or interval is None:
        return cell
    low, high = (to_cell(bound, sign=sign).text for bound in interval)
    return replace(cell, interval=f"[{low}, {high}]{mark}")
