"""Small named checks that every plugin should pass, built-in or third-party (``aiakit check``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiakit.plugins import registry
from aiakit.plugins.checks.attack import ATTACK_CHECKS, AttackSubject
from aiakit.plugins.checks.cheats import ATTACK_CHEATS, DEFENSE_CHEATS
from aiakit.plugins.checks.common import CLASS_CHECKS, CheckResult, PluginClass, run_check
from aiakit.plugins.checks.defense import DEFENSE_CHECKS, DefenseSubject
from aiakit.plugins.checks.encoder import ENCODER_CHECKS, EncoderSubject
from aiakit.plugins.checks.risks import RISK_CHECKS, RiskSubject
from aiakit.plugins.registry import Kind

__all__ = ["CheckResult", "checks_for", "run_checks"]

SUBJECTS: Mapping[Kind, type[PluginClass]] = {
    "attack": AttackSubject,
    "defense": DefenseSubject,
    "encoder": EncoderSubject,
    "linker": RiskSubject,
    "decoder": RiskSubject,
    "regressor": RiskSubject,
}
OF_KIND: Mapping[Kind, tuple[Callable[[Any], None], ...]] = {
    "attack": ATTACK_CHECKS + ATTACK_CHEATS,
    "defense": DEFENSE_CHECKS + DEFENSE_CHEATS,
    "encoder": ENCODER_CHECKS,
    "linker": RISK_CHECKS,
    "decoder": RISK_CHECKS,
    "regressor": RISK_CHECKS,
}


def checks_for(kind: Kind) -> tuple[Callable[[Any], None], ...]:
    """The check functions of a kind, in the order of running: first the class, then what it does."""
    return CLASS_CHECKS + OF_KIND.get(kind, ())


def run_checks(
    kind: Kind,
    plugin: str | type,
    options: Mapping[str, Any] | None = None,
    only: Iterable[str] = (),
    progress: Callable[[CheckResult], None] = lambda result: None,
) -> list[CheckResult]:
    """Check a plugin, given by its registered name or as a class, on made-up data.

    ``only`` names the checks to run ("same seed same bytes"), all by default. ``progress`` is called after each.
    Raises InputError for an unknown name or option and for a plugin that is not available here, PluginError where the
    plugin cannot be loaded.
    """
    if isinstance(plugin, str):
        registry.require_available(kind, plugin)
        registry.parameters(kind, plugin, options)
        cls, name = registry.load(kind, plugin), plugin
    else:
        cls, name = plugin, registry.kebab(plugin.__name__)
    subject = SUBJECTS.get(kind, PluginClass)(cls, name, options or {})
    wanted = {f"check_{name.replace(' ', '_')}" for name in only}
    results = []
    for check in checks_for(kind):
        if not wanted or check.__name__ in wanted:
            results.append(run_check(check, subject))
            progress(results[-1])
    return results
