"""The examples in README.md, CONTRIBUTING.md and docs/: which are run, and every command that is shown.

A fenced block after the line ``<!-- run -->`` is run. In a ``console`` block a line that begins with ``$ `` is a
command, and what follows must be in what it prints, as doctest compares (``...`` stands for anything); a ``python``
block is executed. The blocks of a page are run in order, in one folder.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(
    r"^(?P<run><!-- run -->\n+)?```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of a page. line : where it begins in the file."""

    language: str
    text: str
    run: bool
    line: int

    def commands(self) -> Iterator[tuple[list[str], str]]:
        """(words, expected output) of every aiakit command that the block shows."""
        lines = self.text.replace("\\\n", "").splitlines()
        for number, line in enumerate(lines):
            command = line.strip().removeprefix("$ ")
            if re.match(r"(\w+=\S+ )*aiakit( |$)", command):
                after = (text for text in lines[number + 1 :])
                expected = [] if self.language != "console" else list(_until_command(after))
                words = shlex.split(command, comments=True)
                yield words[words.index("aiakit") + 1 :], "".join(f"{text}\n" for text in expected)


def _until_command(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith("$ "):
            return
        yield line


def blocks(text: str) -> list[Block]:
    """The fenced and indented blocks of a page, in order."""
    found = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        found.append(Block(match["language"], match["text"], match["run"] is not None, line))
    rest = BLOCK.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in INDENTED.finditer(rest):
        dedented = re.sub(r"^    ", "", match[0], flags=re.MULTILINE)
        found.append(Block("", dedented, False, rest.count("\n", 0, match.start()) + 1))
    return sorted(found, key=lambda block: block.line)
