"""Nothing that the built pages load comes from another host: a hook of MkDocs that looks at what was built.

Links to follow may lead anywhere; scripts, styles, fonts, pictures and frames may not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

log = logging.getLogger("mkdocs.hooks.offline")  # a warning on it ends a strict build

LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background", "xlink:href"}
FOLLOWED = {"canonical", "alternate", "author", "license", "next", "prev", "help", "search", "bookmark"}
FOREIGN = re.compile(r"(?:^|[\s,])(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(\s*|@import\s*)["']?\s*((?:[a-z]+:)?//[^"')\s]+)""", re.IGNORECASE)
# The theme's script loads a library for diagrams from a foreign host where a page has one.
DIAGRAM = "mermaid"


class Loads(HTMLParser):
    """The addresses that a page loads by itself from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._style = tag == "style"
        for name, value in given.items():
            loads = name in LOADING or (tag in ("image", "use") and name == "href")
            if tag == "link" and name == "href":
                loads = not set(given.get("rel", "").lower().split()) <= FOLLOWED
            if (loads and FOREIGN.search(value)) or (name == "class" and DIAGRAM in value.split()):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name == "style":
                self.found += IN_STYLE.findall(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._style = False

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if self._style:
            self.found += IN_STYLE.findall(data)


def foreign(folder: Path) -> Iterator[tuple[Path, str]]:
    """(file, what it loads from another host) of every page and style sheet below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".html":
            page = Loads()
            page.feed(path.read_text("utf-8"))
            page.close()
            yield from ((path, address) for address in page.found)
        elif path.suffix == ".css":
            yield from ((path, address) for address in IN_STYLE.findall(path.read_text("utf-8")))


def on_post_build(config: Any) -> None:
    """Warn of every foreign address; without any page the check would be idle, which is a mistake too."""
    folder = Path(config.site_dir)
    if not (folder / "index.html").is_file():
        log.warning("no page was built in %s", folder)
    for path, address in foreign(folder):
        log.warning("%s loads %s from another host", path.relative_to(folder), address)
