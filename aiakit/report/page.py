"""One offline HTML page: sections of text, charts and tables, rendered with everything inline.

Whatever is put into a page is text and is escaped; the only markup that enters unescaped is the page's own style and
script, and charts that went through ``aiakit.report.svg``.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aiakit import __version__
from aiakit.report.svg import inline_svg
from aiakit.report.table import Cell, Table
from aiakit.report.theme import Chart


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
    """A page: its title, the sentences that a hurried reader must see, and the sections. home : a link above them."""

    title: str
    subtitle: str
    lead: Sequence[str]
    sections: Sequence[Section]
    home: Cell | None = None

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
