"""Tables as Markdown and LaTeX. Names that somebody chose are escaped in both."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tabulate import tabulate

from aiakit.report.grid import Grid

CONTROL = re.compile(r"[\x00-\x1f]")  # line ends, and what tabulate takes for a rule or a colour
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "–": "--",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "[": "{[}", "]": "{]}",
}  # fmt: skip


def as_markdown(tables: Sequence[Grid], lines: Sequence[str]) -> str:
    """Tables, and paragraphs below them, in GitHub's Markdown."""
    blocks = [f"### {markdown_text(grid.title)}\n\n{_drawn('pipe', markdown_text, grid)}" for grid in tables]
    return "\n\n".join([*blocks, *map(markdown_text, lines)]) + "\n"


def as_latex(tables: Sequence[Grid], lines: Sequence[str]) -> str:
    """Tables for the booktabs package, and comments below them."""
    blocks = []
    for grid in tables:
        table = _drawn("latex_raw", latex_text, grid)  # its booktabs style escapes by rules of its own
        for rule in ("top", "mid", "bottom"):
            table = table.replace(r"\hline", rf"\{rule}rule", 1)
        blocks.append("\n".join([rf"\begin{{table}}\caption{{{latex_text(grid.title)}}}", table, r"\end{table}"]))
    return "\n\n".join([*blocks, *(f"% {line}" for line in lines)]) + "\n"


FORMATS: dict[str, Callable[[Sequence[Grid], Sequence[str]], str]] = {"markdown": as_markdown, "latex": as_latex}


def _drawn(style: str, escape: Callable[[str], str], grid: Grid) -> str:
    cells = [list(map(escape, row)) for row in grid.rows]
    sides = ["left" if grid.is_text(column) else "right" for column in range(len(grid.headings))]
    return tabulate(cells, list(map(escape, grid.headings)), style, disable_numparse=True, colalign=sides)


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]#|~!$])", r"\\\1", CONTROL.sub(" ", text))
    return text.replace("://", ":\u200b//").replace("@", "@\u200b")  # no links, no mentions


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(LATEX.get(character, character) for character in CONTROL.sub(" ", text))
