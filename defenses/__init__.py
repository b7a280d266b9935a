"""The defenses that come with aiakit, one file each."""

from __future__ import annotations


def names() -> list[str]:
    """The names of all defenses: built in, installed, and of registered files."""
    from aiakit.plugins import registry

    return registry.names("defense")
