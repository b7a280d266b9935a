"""What plugins are built from, beside the contracts, the networks and the measures."""

from __future__ import annotations

from aiakit.plugins.extras import not_installed as not_installed
