"""``aiakit list``: the plugins, their options, and those that are broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option

if TYPE_CHECKING:
    from aiakit.plugins.registry import Entry, Kind

SCHEMA = 1
KINDS = ("attacks", "defenses", "datasets", "encoders")
# Class attributes that say what a plugin reads, produces or needs, in the order of printing.
TRAITS = ("view", "knowledge", "produces", "stochastic", "needs_pairs", "needs_root", "presets")


@click.command("list")
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS), metavar="[attacks|defenses|datasets|encoders]…")
@plugin_option
@json_option
def command(kinds: tuple[str, ...], as_json: bool) -> None:
    """List the plugins with their options, and those that cannot be used with the reason."""
    from aiakit.plugins import registry

    listing: dict[str, list[dict[str, Any]]] = {}
    for plural in kinds or KINDS:
        kind = cast("Kind", plural.removesuffix("s"))
        listing[plural] = [describe(registry.entry(kind, name)) for name in registry.names(kind)]
    if as_json:
        emit_json({"schema": SCHEMA, **listing})
    else:
        _print(listing)


def describe(entry: Entry) -> dict[str, Any]:
    """What there is to know of a plugin. One that cannot be used has the reason under "broken" instead of options; one
    that lacks something on this machine has it under "unavailable" beside them."""
    from aiakit.errors import PluginError
    from aiakit.plugins import registry
    from aiakit.plugins.options import options_of

    known: dict[str, Any] = {"name": entry.name, "package": entry.package or str(entry.file)}
    try:
        cls = entry.load()
        options = options_of(cls, entry.name)
        unavailable = registry.unavailable(entry.kind, entry.name)
    except PluginError as error:
        return {**known, "broken": str(error)}
    if unavailable is not None:
        known["unavailable"] = unavailable
    known["summary"] = getattr(cls, "summary", "")
    known |= {trait: getattr(cls, trait) for trait in TRAITS if hasattr(cls, trait)}
    known["options"] = [{"name": name, "text": o.in_words(), **o.describe()} for name, o in options.items()]
    return known


def _print(listing: dict[str, list[dict[str, Any]]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for plural, plugins in listing.items():
        table = Table(box=box.HORIZONTALS, title=plural, title_justify="left", show_header=False, show_lines=True)
        for plugin in plugins:
            content = Text(plugin.get("summary", ""))
            if "broken" in plugin:
                content.append(f"broken: {plugin['broken']}", "red")
            else:
                traits = [f"{trait}: {_value(plugin[trait])}" for trait in TRAITS if plugin.get(trait)]
                content.append("\n" + "; ".join([*traits, plugin["package"]]), "dim")
            if "unavailable" in plugin:
                content.append(f"\nnot available: {plugin['unavailable']}", "yellow")
            for option in plugin.get("options", []):
                content.append(f"\n  {plugin['name']}.{option['name']}: {option['text']}")
            table.add_row(Text(plugin["name"], "bold"), content)
        if plugins:
            console.print(table)
        else:
            console.print(f"no {plural} are registered")


def _value(trait: Any) -> str:
    if isinstance(trait, tuple):
        return " + ".join(trait)
    return "yes" if trait is True else str(trait)
