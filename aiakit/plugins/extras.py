"""Optional packages: what to say where a plugin's are not installed."""

from __future__ import annotations

from importlib.util import find_spec


def not_installed(extra: str, *modules: str) -> str | None:
    """For ``Plugin.unavailable``: which of the modules are missing and which extra of aiakit installs them; else None.

    >>> not_installed("judges", "json", "no_such_module")
    "no_such_module is not installed: pip install 'aiakit[judges]'"
    """
    missing = [module for module in modules if find_spec(module) is None]
    if not missing:
        return None
    return (
        f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed: pip install 'aiakit[{extra}]'"
    )
