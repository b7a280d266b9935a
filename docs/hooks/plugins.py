"""The pages of all plugins: a hook of MkDocs.

What a page says of a plugin is what ``aiakit list`` says, and the docstrings of its module and its class.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any, cast

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from aiakit.cli.list import TRAITS, describe
from aiakit.plugins import registry

INTRODUCTIONS = {
    "attack": "Each attack reads one view of a release. The presets are `all`, `fast` and `strong`; `adaptive` attacks "
    "run with `--knowledge adaptive`, or when they are named. See [which reads what](../attacks.md), and [the threat "
    "model](../threat-model.md).",
    "defense": "What each is for, what it guarantees and what it does not: [an overview of defenses](../defenses.md).",
    "encoder": "How they are used, and what was measured: [encoders](../encoders.md).",
    "linker": "Each takes two releases to one space, where cosines tell whether two images show one person; the "
    "strongest on attacker-val counts for [identity and linkage](../metrics.md#identity-and-linkage).",
    "decoder": "Each computes undefended images back from released ones; the strongest on attacker-val counts for "
    "[inversion](../metrics.md#inversion).",
    "regressor": "Each estimates attributes that are [numbers](../metrics.md#numbers); the strongest on attacker-val "
    "counts.",
    "dataset": "How files must lie: [data sets](../datasets.md).",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that lie in the folder."""
    pages = {f"reference/{kind}s.md": plugins(cast(registry.Kind, kind), text) for kind, text in INTRODUCTIONS.items()}
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def plugins(kind: registry.Kind, introduction: str) -> str:
    """The page of all plugins of a kind. Raises PluginError for one that cannot be loaded."""
    entries = [registry.entry(kind, name) for name in registry.names(kind)]
    known = [(entry, describe(entry)) for entry in entries]
    title = "Data sets" if kind == "dataset" else f"{kind.capitalize()}s"
    overview = [f"| [`{of['name']}`](#{of['name']}) | {of['summary']} |" for _, of in known]
    sections = [_section(entry, of) for entry, of in known]
    table = ["| name | what it is |", "|---|---|", *overview]
    return "\n".join([f"# {title}", "", introduction, "", *table, "", *sections])


def _section(entry: registry.Entry, of: dict[str, Any]) -> str:
    traits = [f"{trait.replace('_', ' ')}: {_words(of[trait])}" for trait in TRAITS if of.get(trait)]
    lines = [f"## `{of['name']}` {{ #{of['name']} }}", "", f"*{'; '.join(traits)}*" if traits else "", ""]
    lines += [inspect.getdoc(sys.modules[entry.load().__module__]) or "", ""]  # it names the source of the method
    lines += [f"::: {_source(entry.load())}", "    options: { members: false }", ""]
    if of["options"]:
        lines += ["| option | what it does |", "|---|---|"]
        lines += [f"| `{of['name']}.{option['name']}` | {option['text']} |" for option in of["options"]]
    return "\n".join([*lines, ""])


def _source(cls: type) -> str:
    """Where the class's source lies from the root of the repository: two packages of aiakit are folders beside it."""
    module = re.sub(r"^aiakit\.(?=attacks\.|defenses\.)", "", cls.__module__)
    return f"{module}.{cls.__qualname__}"


def _words(trait: Any) -> str:
    if isinstance(trait, tuple):
        return " + ".join(trait)
    return "yes" if trait is True else str(trait)
