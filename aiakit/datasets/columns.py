"""Columns of text: what arrays and table cells say, as one kind of thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiakit.datasets.labels import MOST_CLASSES, categorical
from aiakit.datasets.ordering import coded_otherwise, first_difference, keys_of_rows, same_cells, shared_columns
from aiakit.errors import InputError, unknown
from aiakit.storage.arrays import objects_refused
from aiakit.storage.embeddings import Columns, Source, read_table
from aiakit.storage.keys import Keys, agree
from aiakit.storage.tables import Table
from aiakit.storage.text import counted

MOST_DESCRIBED = 8
SURELY_CLASSES = 12  # more values than this are rather people


@dataclass(frozen=True)
class Labels:
    """The columns of a file and of the table beside it, row by row of the file.

    columns : name → N cells, "" where nothing is known. from_table : the names that the table gave.
    where : what messages call all of this. notes : what did not match. unread : as of ``Source``.
    """

    columns: Columns
    from_table: tuple[str, ...]
    where: str
    notes: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str, option: str) -> list[str]:
        """The cells of a column. Raises InputError with the nearest names where there is none, or none that is read."""
        if name not in self.columns and name in self.unread:
            raise objects_refused(self.unread[name])
        if name not in self.columns:
            raise unknown(f"column for {option}", name, sorted(self.columns), f" of {self.where}")
        return self.columns[name]

    def described(self) -> str:
        """What the columns could be: `` (of FILE: who could be --identity, 60 values; …)``; "" where there are none."""
        said = [f"{name} {_could_be(cells)}" for name, cells in list(self.columns.items())[:MOST_DESCRIBED]]
        more = "; …" if len(self.columns) > MOST_DESCRIBED else ""
        return f" (of {self.where}: {'; '.join(said)}{more})" if said else ""

    def attributes(self, names: Sequence[str], others: Sequence[str]) -> dict[str, list[str]]:
        """The named columns; of "all" every categorical column of the table (or file) that is not in ``others``."""
        if list(names) != ["all"]:
            return {name: self.column(name, "--attribute") for name in names}
        offered = self.from_table or tuple(self.columns)
        classes = {name: len(categorical(self.columns[name]).classes) for name in offered if name not in others}
        found = {name: self.columns[name] for name, count in classes.items() if 2 <= count <= MOST_CLASSES}
        if not found:
            raise InputError(f"no column of {self.where} has 2 to {MOST_CLASSES} distinct values to infer")
        return found


def _could_be(cells: Sequence[str]) -> str:
    """What a column could be, by how often its values occur."""
    distinct = len(set(cells) - {""})
    if distinct < 2:
        return "says the same in every row"
    if distinct == len(cells):
        return "names every row"
    if distinct <= SURELY_CLASSES:
        return f"could be --attribute, {distinct} values"
    return f"could be --identity, {distinct} values"


def join_labels(source: Source, labels: Path | None, join_on: str | None) -> Labels:
    """The columns of a source with those of a table (``read_table``), joined by a key or in row order.

    join_on : ``COL``, or ``COL_OF_SOURCE=COL_OF_CSV``; keys are matched in any form (``Keys``). None takes the rows in
    order, which needs equal lengths, and what both hold must agree.
    A column that both have is taken from the table.

    Raises
    ------
    InputError : no such column, repeated or foreign keys, another number of rows, or rows in another order.
    """
    if labels is None:
        if join_on is not None:
            raise InputError("--join-on says how --labels is joined: give --labels CSV as well")
        return Labels(source.columns, (), source.name, unread=source.unread)
    table = read_table(labels)
    where = f"{source.name} and {labels.name}"
    if join_on is None:
        if len(table.rows) != len(source.values):
            raise InputError(
                f"{labels} has {len(table.rows)} rows and {source.name} {len(source.values)}: give one row a sample in "
                "the same order, or name the column that both share with --join-on"
            )
        joined: list[tuple[str, ...] | None] = [cells for _, cells in table.rows]
        _require_one_order(source, table)
        notes: tuple[str, ...] = (f"the rows of {labels.name} were taken to be in the order of {source.name}",)
    else:
        joined, notes = _by_key(source, table, join_on)
    blank = ("",) * len(table.columns)
    given = {name: [(cells or blank)[place] for cells in joined] for place, name in enumerate(table.columns)}
    if join_on is not None:
        notes += _overruled(source.columns, given, source.name, table.path.name)
    key = join_on.partition("=")[2] or join_on if join_on else ""
    offered = tuple(name for name in table.columns if name != key)
    return Labels({**source.columns, **given}, offered, where, (*table.notes, *notes), source.unread)


def _require_one_order(source: Source, table: Table) -> None:
    """Refuse rows that both name, and in another order."""
    columns = source.columns
    given = {name: [cells[place] for _, cells in table.rows] for place, name in enumerate(table.columns)}
    keys = keys_of_rows(columns, given)
    sound = any(first_difference(columns[left], given[right]) is None for left, right in keys)
    named = [] if sound else [*keys, *same_cells(columns, given)]
    for left, right in [*named, *shared_columns(columns, given)]:
        row = first_difference(columns[left], given[right])
        if row is not None:
            option = f"--join-on {_join(*keys[0])}" if keys else "--join-on COL, by a column that names every row"
            other = "" if left.casefold() == right.casefold() else f"the {left} "
            raise InputError(
                f"{table.path}:{table.rows[row][0]} has the {right} {given[right][row]!r} where row {row} of "
                f"{source.name} has {other}{columns[left][row]!r}, so their rows are not in one order: join them with "
                f"{option} (or rename or remove the column, if it means something else)"
            )


def _join(left: str, right: str) -> str:
    return left if left == right else f"{left}={right}"


def _overruled(columns: Columns, given: Columns, source: str, table: str) -> tuple[str, ...]:
    """Notes on the columns of which the table says something else than the source."""
    notes = []
    for left, right in shared_columns(columns, given):
        pairs = zip(columns[left], given[right], strict=True)
        other = sum(bool(mine and theirs) and not agree(mine, theirs) for mine, theirs in pairs)
        if other and not coded_otherwise(columns[left], given[right]):
            notes.append(f"{right} of {table} differs from that of {source} in {other} rows: that of {table} was taken")
    return tuple(notes)


def _by_key(source: Source, table: Table, join_on: str) -> tuple[list[tuple[str, ...] | None], tuple[str, ...]]:
    left, _, right = join_on.partition("=")
    keys = Labels(source.columns, (), source.name, unread=source.unread).column(left, "--join-on")
    if (right or left) not in table.columns:
        raise unknown("column for --join-on", right or left, table.columns, f" of {table.path}")
    place = table.columns.index(right or left)
    lines: dict[str, tuple[int, tuple[str, ...]]] = {}
    for line, cells in table.rows:
        if cells[place] in lines:
            earlier = lines[cells[place]][0]
            raise InputError(
                f"{table.path}:{line} repeats the key {cells[place]!r} of line {earlier}: keep one of them"
            )
        if cells[place]:
            lines[cells[place]] = (line, cells)
    matching = Keys(list(lines), table.path.name).match(keys)
    offered = [cells for _, cells in lines.values()]
    joined = [None if at < 0 else offered[at] for at in matching.places]
    if not any(joined):
        raise InputError(
            f"{table.path} shares no key with {source.name}: {left} is {keys[0]!r} for one, and {right or left} "
            f"{next(iter(lines), '')!r}, and no other form of them (endings, folders, capitals, Unicode) agrees"
        )
    notes = list(matching.notes)
    absent = [key for key, cells in zip(keys, joined, strict=True) if cells is None]
    if absent:
        what = f"rows have no row in {table.path.name} and are left out"
        notes.append(counted(len(absent), len(keys), what, dict.fromkeys(absent)))
    unused = len(table.rows) - len(set(matching.places.tolist()) - {-1})
    if unused:
        notes.append(f"{unused} of {len(table.rows)} rows of {table.path.name} have no row in {source.name}")
    return joined, tuple(notes)
