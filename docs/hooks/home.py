"""The name of the documentation leads to the first page of the site, where there is one above it: a hook of MkDocs."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

FIRST = "../index.html"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Tell the theme, which puts the address under the name and the picture at the head of every page."""
    if (Path(config.site_dir) / FIRST).is_file():
        config.extra["homepage"] = FIRST
    return config
