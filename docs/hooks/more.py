"""Pages that the navigation of mkdocs.yml does not name stand at its end, so that none is lost: a hook of MkDocs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Append the section More, where there are such pages."""
    assert config.nav is not None
    here = {str(path.relative_to(config.docs_dir)) for path in Path(config.docs_dir).rglob("*.md")}
    unnamed = sorted(here - set(named(config.nav)))
    if unnamed:
        config.nav = [*config.nav, {"More": unnamed}]
    return config


def named(nav: Any) -> Iterator[str]:
    """The paths in a navigation, at whatever depth."""
    if isinstance(nav, str):
        yield nav
    else:
        for item in nav.values() if isinstance(nav, dict) else nav:
            yield from named(item)
