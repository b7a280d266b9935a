"""Docstrings as Markdown: an extension of Griffe, which reads them for mkdocstrings.

The project writes ``name : what it is`` in one line, and often several names together, which readers of NumPy's style
take for a type. Here such lines become the items of a list, and the words over dashes become bold.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ITEM = re.compile(r"(?P<names>\w+(?:, \w+)*) : (?P<text>.*)")
LATER = re.compile(r"(?<=[.;] )(\w+(?:, \w+)*) : ")


class Markdown(griffe.Extension):
    """Rewrites the docstring of every object that is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """The docstring, its first line included, with sections and parameters marked for Markdown."""
    lines: list[str] = []
    for line in text.splitlines():
        item = ITEM.fullmatch(line)
        if lines and lines[-1] and re.fullmatch("-{3,}", line):
            lines[-1:] = [f"**{lines[-1]}**", ""]
        elif item is not None:
            if lines and lines[-1] and not lines[-1].startswith(("- ", "    ")):
                lines.append("")
            lines.append(f"- {_code(item['names'])}: {LATER.sub(_named, item['text'])}")
        else:
            lines.append(LATER.sub(_named, line))
    return "\n".join(lines)


def _named(found: re.Match[str]) -> str:
    return f"{_code(found[1])}: "


def _code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))
