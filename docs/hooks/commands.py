"""The page of all commands, from what click knows of them: a hook of MkDocs."""

from __future__ import annotations

import html
import importlib
import inspect
import re
from collections.abc import Iterator

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from aiakit.cli.main import COMMANDS

INTRODUCTION = """# Commands

`aiakit --help` lists the commands, and `aiakit COMMAND --help` shows what this page says of each.

Exit codes: 0 done, 1 failure, 2 bad input, 130 interrupted. Every error is one line on stderr; `aiakit --debug`, or
`AIAKIT_DEBUG=1`, also shows the traceback.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page to those that lie in the folder."""
    files.append(File.generated(config, "reference/cli.md", content=page()))
    return files


def page() -> str:
    """The Markdown of the page."""
    parts = [INTRODUCTION]
    for name, (target, _) in COMMANDS.items():
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        parts += describe(command, click.Context(command, info_name=f"aiakit {name}"), "##")
    return "\n".join(parts)


def describe(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    """The lines about a command, and about those below it."""
    yield f"{heading} {context.command_path}\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from describe(below, click.Context(below, info_name=name, parent=context), heading + "#")
        return
    yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}\n"
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    rows = [f"| `{names}` | {_cell(text)} |" for names, text in filter(None, records)]
    yield "\n".join(["| option | what it does |", "|---|---|", *rows, ""] if rows else [])


def _cell(text: str) -> str:
    return html.escape(re.sub(r"([\\|*_\[\]])", r"\\\1", " ".join(text.split())), quote=False)
