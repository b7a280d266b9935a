"""aiakit: privacy-attack evaluation for face representations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiakit.results.audit import audit as audit

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``aiakit.audit``, imported when it is used: a bare ``import aiakit`` stays light."""
    if name == "audit":
        from aiakit.results.audit import audit

        return audit
    raise AttributeError(f"module 'aiakit' has no attribute {name!r}")
