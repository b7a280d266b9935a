"""The attacks that come with aiakit, one file each. ``from_sklearn`` makes one more of a scikit-learn classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiakit.plugins.bases import from_sklearn as from_sklearn


def names() -> list[str]:
    """The names of all attacks: built in, installed, and of registered files."""
    from aiakit.plugins import registry

    return registry.names("attack")


def __getattr__(name: str) -> Any:
    if name != "from_sklearn":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Only now, since a start must not load scikit-learn.
    from aiakit.plugins.bases import from_sklearn

    return from_sklearn
