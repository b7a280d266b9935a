"""aiakit: privacy-attack evaluation for face representations."""

from __future__ import annotations

__version__ = "0.1.0"
