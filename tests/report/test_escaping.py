"""Whatever a name holds, it is shown as text: pages, LaTeX, Markdown and CSV keep their structure."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiakit.report.board_tables import csv_text
from aiakit.report.formats import CONTROL, LATEX, latex_text, markdown_text
from aiakit.report.page import Page, Section, render_page
from aiakit.report.table import Cell, Heading, Table

NASTY = (
    "<script>alert(1)</script>", '"onload=alert(1) x="', "'-->", "]]>", "{{7*7}}", "{% raw %}", "&lt;b&gt;", "</style>",
    "javascript:alert(1)", r"\input{/etc/passwd}", "$x$", "%", "^^5c", "a|b", "![x](http://x)", "=1+1", "`x`", "\x00",
)  # fmt: skip
TEXT = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), min_size=1, max_size=4).map("".join)
SPECIAL = set("\\&%$#_{}~^")


class Structure(HTMLParser):
    """The tags of a page with the names of their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", ()))


def page(text: str) -> str:
    rows = [[Cell(text, text, href="#a", id="b"), Cell(text, 1.0)]]
    table = Table("t", text, [Heading(text, hint=text), Heading(text, True)], rows, filterable=True)
    return render_page(Page(text, text, [text], [Section("s", text, [text], (), [table], [text], code=text)]))


PLAIN = Structure(page("plain"))


@settings(max_examples=60)
@given(text=TEXT)
def test_a_page_has_the_same_tags_whatever_it_says(text: str) -> None:
    text = f"x{text}"  # what is empty is left out
    found = Structure(page(text))
    assert found.tags == PLAIN.tags
    visible = text.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n").strip()
    assert " ".join(visible.split()) in " ".join(found.text.replace("\0", "\ufffd").split())


@settings(max_examples=300)
@given(text=TEXT)
def test_latex_has_no_command_that_was_not_put_there(text: str) -> None:
    written = latex_text(text)
    known = sorted(LATEX.values(), key=len, reverse=True)
    left = re.sub("|".join(map(re.escape, known)), "", written)
    assert not SPECIAL & set(left)
    back = {value: key for key, value in LATEX.items()}
    read = re.sub("|".join(map(re.escape, known)), lambda found: back[found[0]], written)
    assert read.replace("--", "–") == CONTROL.sub(" ", text).replace("--", "–")  # a dash is written as two hyphens


@settings(max_examples=300)
@given(text=TEXT)
def test_markdown_has_no_markup_that_was_not_put_there(text: str) -> None:
    written = markdown_text(text)
    assert "<" not in written
    assert ">" not in written
    assert "\n" not in written
    assert "://" not in written
    assert not re.search(r"(?<!\\)(\\\\)*[`*_{}\[\]#|~!$]", written)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_takes_no_name_for_a_formula(first: str) -> None:
    assert csv_text(f"{first}cmd|x") == f"'{first}cmd|x"
