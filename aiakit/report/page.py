"""One offline HTML page: sections of text, charts and tables, rendered with everything inline.

Whatever is put into a page is text and is escaped; the only markup that enters unescaped is the page's own style and
script, and charts that went through ``aiakit.report.svg``.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aiakit import __version__
from aiakit.report.svg import inline_svg
from aiakit.report.theme import Chart


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
class Table:
    """A sortable table with a sentence that says what it shows; ``filterable`` adds a field to filter rows by.

    choose : of a table of pairs, whose first two columns hold their names, the names of which two can be chosen.
    """

    id: str
    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    filterable: bool = False
    choose: Sequence[str] = ()

    def filled(self) -> Table:
        """Without the columns in which no row says anything."""
        kept = [at for at in range(len(self.headings)) if any(row[at].value is not None for row in self.rows)]
        rows = [[row[at] for at in kept] for row in self.rows]
        return replace(self, headings=[self.headings[at] for at in kept], rows=rows)


@dataclass(frozen=True)
class Section:
    """A part of a page, in this order: paragraphs, charts, tables, a list, preformatted text, folded tables.

    folded : tables that are shown when somebody asks for them, under these words.
    items : texts, or cells of which only text and address count.
    listed : whether the navigation at the head of the page names it.
    """

    id: str
    title: str
    paragraphs: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    items: Sequence[str | Cell] = ()
    code: str = ""
    listed: bool = True
    folded: tuple[str, Sequence[Table]] = ("", ())


@dataclass(frozen=True)
class Page:
    """A page: its title, the sentences that a hurried reader must see, and the sections."""

    title: str
    subtitle: str
    lead: Sequence[str]
    sections: Sequence[Section]

    def charts(self) -> list[Chart]:
        """Every chart of the page, in order."""
        return [chart for section in self.sections for chart in section.charts]


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("aiakit.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(page: Page) -> str:
    """The page as HTML that asks no host for anything (its content security policy forbids it)."""
    environment = _environment()
    script, style = (_source(environment, name) for name in ("page.js", "page.css"))
    prefixes: Iterator[str] = (f"c{number}-" for number in itertools.count())

    def svg(chart: Chart) -> Markup:
        return Markup(inline_svg(chart.spec, next(prefixes), chart.caption))  # noqa: S704 - checked element by element

    return environment.get_template("page.html.j2").render(
        page=page,
        script=Markup(script),  # noqa: S704 - the package's own file
        style=Markup(style),  # noqa: S704 - the package's own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        svg=svg,
        version=__version__,
    )


def _source(environment: Environment, name: str) -> str:
    loader: Any = environment.loader
    source, _, _ = loader.get_source(environment, name)
    return str(source)


def to_cell(value: Any, digits: int = 3, sign: bool = False, **links: Any) -> Cell:
    """A cell of a number (with so many decimals), of text, or a dash for None."""
    if value is None:
        return Cell("–", None, **{**links, "href": None})
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
