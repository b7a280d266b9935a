"""``aiakit check``: does a plugin keep its contract?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import rich_click as click

from aiakit.cli.common import console, emit_json, json_option, plugin_option

if TYPE_CHECKING:
    from aiakit.plugins.checks import CheckResult
    from aiakit.plugins.registry import Entry, Kind

SCHEMA = 1
KINDS = ["attack", "defense", "encoder", "dataset", "linker", "decoder", "regressor"]
COLOURS = {"pass": "green", "fail": "bold red", "warn": "bold yellow", "skip": "yellow"}


@click.command("check")
@click.argument("plugins", nargs=-1, required=True, metavar="NAME|FILE…")
@click.option("--kind", type=click.Choice(KINDS), help="Where a name is of two.")
@click.option("--set", "settings", multiple=True, metavar="NAME.OPTION=VALUE", help="Check with this option.")
@plugin_option
@json_option
def command(plugins: tuple[str, ...], kind: str | None, settings: tuple[str, ...], as_json: bool) -> int:
    """Run small named checks on registered plugins, or on all that a Python file defines.

    Attacks, defenses and encoders are trained on made-up people. The exit code is 1 where any check fails.
    """
    from aiakit.plugins import registry
    from aiakit.plugins.checks import run_checks
    from aiakit.plugins.options import parse_settings, require_in_use

    entries = [entry for plugin in plugins for entry in _find(plugin, cast("Kind | None", kind))]
    options = parse_settings(settings)
    require_in_use(options, {entry.name for entry in entries})
    for entry in entries:  # a bad option is said before the first training starts
        registry.require_available(entry.kind, entry.name)
        registry.parameters(entry.kind, entry.name, options.get(entry.name))
    reports = []
    for entry in entries:
        if not as_json:
            console().print(f"[bold]{entry.kind} {entry.name}[/bold]")
        progress = (lambda result: None) if as_json else _print
        results = run_checks(entry.kind, entry.name, options.get(entry.name), progress=progress)
        reports.append((entry, results))
    failed = sum(result.status == "fail" for _, results in reports for result in results)
    if as_json:
        emit_json({"schema": SCHEMA, "failed": failed, "plugins": [_document(*report) for report in reports]})
    else:
        total = sum(len(results) for _, results in reports)
        warned = sum(result.status == "warn" for _, results in reports for result in results)
        doubts = f", {warned} warned" if warned else ""
        console().print((f"{failed} of {total} checks failed" if failed else f"no check failed of {total}") + doubts)
    return 1 if failed else 0


def _find(plugin: str, kind: Kind | None) -> list[Entry]:
    """The entries meant by a name or a file."""
    from aiakit.errors import InputError, unknown
    from aiakit.plugins import registry

    if plugin.endswith(".py") or Path(plugin).is_file():
        return [entry for entry in registry.register_file(plugin) if kind in (None, entry.kind)]
    kinds = [kind] if kind else list(registry.GROUPS)
    found = [registry.entry(each, plugin) for each in kinds if plugin in registry.names(each)]
    if not found:
        raise unknown(kind or "plugin", plugin, [name for each in kinds for name in registry.names(each)])
    if len(found) > 1:
        raise InputError(f"{plugin!r} is the name of {' and '.join(f'a {e.kind}' for e in found)}: say --kind")
    return found


def _print(result: CheckResult) -> None:
    from rich.text import Text

    line = Text.assemble((f"  {result.status}  ", COLOURS[result.status]), result.name)
    if result.reason:
        line.append(f": {result.reason}", "dim" if result.status == "skip" else "")
    console().print(line.append(f"  {result.seconds:.1f} s", "dim"))


def _document(entry: Entry, results: list[CheckResult]) -> dict[str, object]:
    from dataclasses import asdict

    origin = entry.package or str(entry.file)
    failed = sum(result.status == "fail" for result in results)
    checks = [asdict(result) for result in results]
    return {"kind": entry.kind, "name": entry.name, "package": origin, "failed": failed, "checks": checks}
