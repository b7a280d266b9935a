"""Tables on a terminal: as wide as it is, and where they are wider, in parts below each other. Nothing is cut."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

NONE = "–"
PADDING = 2  # blank columns after a column
GAP = PADDING + 1  # between two: the box draws a blank as well
MOST = 30  # columns that a text may take before it is folded


@dataclass(frozen=True)
class Grid:
    """A table of texts. words : headings of columns that hold no numbers. keys : leading columns that say what a row
    is of, and that every part repeats."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[str] = ()
    keys: int = 1

    def is_text(self, column: int) -> bool:
        """Whether a column holds words, which stand to the left."""
        return column < self.keys or self.headings[column] in self.words

    def filled(self) -> Grid:
        """Without the columns that say nothing."""
        kept = [
            column
            for column in range(len(self.headings))
            if column < self.keys or any(row[column] not in ("", NONE) for row in self.rows)
        ]
        rows = [[row[column] for column in kept] for row in self.rows]
        return Grid(self.title, [self.headings[column] for column in kept], rows, self.words, self.keys)


def say(out: Console, line: str, style: str = "") -> None:
    """Print a sentence as wide as the console, without a break between a number and its sign."""
    kept = textwrap.fill(line.replace(" %", "\N{NO-BREAK SPACE}%"), out.width, break_on_hyphens=False)
    out.print(Text(kept.replace("\N{NO-BREAK SPACE}", " "), style))


def print_grid(out: Console, grid: Grid) -> None:
    """Print the columns that say something, in as many parts as the width of the console asks for."""
    grid = grid.filled()
    if grid.title:
        say(out, grid.title, "bold")
    for columns in _parts(grid, out.width):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, PADDING, 0, 0))
        for column in columns:
            width, heading = _width(grid, column), grid.headings[column]
            lines = Text(heading if cell_len(heading) <= width else heading.replace(" [", "\n["))
            justify: JustifyMethod = "left" if grid.is_text(column) else "right"
            table.add_column(lines, justify=justify, overflow="fold", max_width=width)
        for row in grid.rows:
            table.add_row(*(Text(row[column]) for column in columns))
        out.print(table)
        out.print()


def _width(grid: Grid, column: int) -> int:
    """What a column needs: its texts up to a bound, its numbers whole, its heading word by word."""
    content = max((cell_len(row[column]) for row in grid.rows), default=0)
    words = max(map(cell_len, grid.headings[column].replace(" %", "%%").split()), default=0)
    return max(words, min(content, MOST) if grid.is_text(column) else content)


def _parts(grid: Grid, width: int) -> Iterator[list[int]]:
    """The columns of each part."""
    widths = [_width(grid, column) for column in range(len(grid.headings))]
    keys = list(range(grid.keys))
    part = [*keys]
    for column in range(grid.keys, len(widths)):
        if len(part) > grid.keys and sum(widths[each] + GAP for each in [*part, column]) - GAP > width:
            yield part
            part = [*keys]
        part.append(column)
    yield part


def figure(value: float | None, sign: bool = False) -> str:
    """A proportion with three decimals; a dash where there is none."""
    if value is None:
        return NONE
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def plain(value: Any) -> str:
    """A cell of any kind as text."""
    return figure(value) if value is None or isinstance(value, float) else str(value)


def measured(found: Mapping[str, Any] | None, metric: str = "balanced_accuracy") -> str:
    """``0.801 [0.780, 0.822]`` of a document; a dash where there is none."""
    if found is None or found[metric] is None:
        return NONE
    low, high = map(figure, found["ci95"])
    return f"{figure(found[metric])} [{low}, {high}]"


def difference(found: Mapping[str, Any]) -> str:
    """``+.021 [-.004, +.046]``; a dash where it has no interval."""
    if found["ci95"] is None:
        return NONE
    low, high = (figure(bound, sign=True) for bound in found["ci95"])
    return f"{figure(found['difference'], sign=True)} [{low}, {high}]"
