"""``aiakit list``: the plugins, their options, and those that are broken."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option

if TYPE_CHECKING:
    from rich.console import Console

    from aiakit.plugins.registry import Entry, Kind

SCHEMA = 1
GROUPS = {
    "attacks": "groups: all (but the costly ones), fast, strong",
    "defenses": "groups: all, all-embedding (of embeddings), all-picture (that publish pictures alone)",
}
KINDS = ("attacks", "defenses", "datasets", "encoders", "linkers", "decoders", "regressors")
SHORT = {"embedding": "embedding", "embedding + image": "both"}
# Class attributes that say what a plugin reads, produces or needs, in the order of printing.
TRAITS = ("view", "combines", "knowledge", "produces", "stochastic", "needs_pairs", "erases_numbers", "needs_root",
          "presets", "risks")  # fmt: skip


class KindOrName(click.ParamType[str]):
    """A kind of plugins, or the name of one."""

    name = "kind or name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it is. Fails where nothing is called so, with the nearest names."""
        from aiakit.errors import unknown

        known = [*KINDS, *dict.fromkeys(entry.name for entry in _entries(KINDS))]
        if value not in known:
            self.fail(str(unknown("kind or plugin", value, known)), param, ctx)
        return value


@click.command("list")
@click.argument("what", nargs=-1, type=KindOrName(), metavar="[KIND|NAME]…")
@plugin_option
@json_option
def command(what: tuple[str, ...], as_json: bool) -> None:
    """List the plugins, a line each: what it reads, makes or measures, what it costs, what it is.

    KIND is attacks, defenses, datasets or encoders, or of what measures risks linkers, decoders or regressors. With
    NAME: all of that one.
    The cost is in processor seconds on 10,000 samples: embeddings of 128 dimensions, or pictures of 64×64 pixels.
    """
    kinds = [kind for kind in KINDS if kind in what]
    named = [name for name in what if name not in KINDS]
    if as_json:
        emit_json({"schema": SCHEMA, **_documents(kinds, named)})
        return
    for kind in kinds if what else KINDS:
        _print_lines(kind, [brief(entry) for entry in _entries([kind])])
    if named:
        _print_details(_documents([], named))


def _entries(kinds: Sequence[str]) -> list[Entry]:
    """The registered plugins of some kinds, in plural."""
    from aiakit.plugins import registry

    singular = [cast("Kind", plural.removesuffix("s")) for plural in kinds]
    return [registry.entry(kind, name) for kind in singular for name in registry.names(kind)]


def _documents(kinds: Sequence[str], named: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Kind, in plural → what there is to know of its plugins: of all of some kinds and those named, or of every one."""
    found = {}
    for kind in KINDS:
        entries = [entry for entry in _entries([kind]) if not (kinds or named) or kind in kinds or entry.name in named]
        if entries:
            found[kind] = [describe(entry) for entry in entries]
    return found


def brief(entry: Entry) -> dict[str, Any]:
    """What a line of the list says: "name", "reads" or makes or measures, "seconds", "summary"; or why it is "broken".

    Of aiakit's own plugins it is read from the source. Others are imported, so that what is broken is seen.
    """
    from aiakit.plugins.costs import SAMPLES, cost_of
    from aiakit.plugins.outline import outline

    module = entry.target.partition(":")[0]
    own = module.startswith("aiakit.") and module not in sys.modules and not entry.conflict
    said = outline(entry.target) if own else None
    said = describe(entry) if said is None else said
    cost = cost_of(entry.kind, entry.name)
    view = "scores" if said.get("combines") else said.get("view", "")
    of_kind = {"attack": view, "defense": " + ".join(said.get("produces", ()))}
    reads = of_kind.get(entry.kind, " + ".join(said.get("risks", ())))
    seconds = None if cost is None else cost.of(SAMPLES) + sum(each for _, each in cost.pieces) * SAMPLES / cost.rows
    return {**said, "name": entry.name, "reads": reads, "seconds": seconds}


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


def _print_lines(title: str, plugins: list[dict[str, Any]]) -> None:
    from rich.text import Text

    out, width = stdout(), max([len(plugin["name"]) for plugin in plugins], default=0)
    heading = Text(f"{title} ({len(plugins)})", "bold")
    if title in GROUPS:
        heading.append(f"  {GROUPS[title]}", "not bold")
    out.print(heading, soft_wrap=True)
    for plugin in plugins:
        why = next((f"{word}: {plugin[word]}" for word in ("broken", "unavailable") if word in plugin), "")
        seconds = plugin["seconds"]
        cost = "" if seconds is None else f"{seconds:,.1f} s" if seconds < 10 else f"{seconds:,.0f} s"
        reads = SHORT.get(plugin["reads"], plugin["reads"])
        said = why or f"{plugin.get('summary', '')}{' (costly)' if plugin.get('costly') else ''}"
        line = Text(f"{plugin['name']:{width}}  {reads:9}  {cost:>7}  ")
        line.append(said, "red" if "broken" in plugin else "yellow" if why else "")
        if out.is_terminal:
            line.truncate(out.width, overflow="ellipsis")
        out.print(line, soft_wrap=True)


def _print_details(listing: dict[str, list[dict[str, Any]]]) -> None:
    from rich.text import Text

    out = stdout()
    for kind, plugins in listing.items():
        for plugin in plugins:
            out.print(Text(f"{kind.removesuffix('s')} {plugin['name']}", "bold"))
            if "broken" in plugin:
                out.print(Text(f"  broken: {plugin['broken']}", "red"))
                continue
            traits = [f"{trait.replace('_', ' ')}: {_value(plugin[trait])}" for trait in TRAITS if plugin.get(trait)]
            out.print(Text(f"  {plugin['summary']}"))
            out.print(Text(f"  {'; '.join([*traits, plugin['package']])}"))
            if "unavailable" in plugin:
                out.print(Text(f"  not available: {plugin['unavailable']}", "yellow"))
            for option in plugin["options"]:
                out.print(Text(f"  --set {plugin['name']}.{option['name']}=…  {option['text']}"))


def stdout() -> Console:
    """The console for lists, on stdout."""
    from rich.console import Console

    return Console(highlight=False)


def _value(trait: Any) -> str:
    if isinstance(trait, tuple):
        return " + ".join(trait)
    return "yes" if trait is True else str(trait)
