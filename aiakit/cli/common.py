"""What commands share: where messages go, how documents are printed, and the option that loads plugin files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from aiakit.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

Command = TypeVar("Command", bound=Callable[..., Any])


@cache
def console() -> Console:
    """The console for people, on stderr: stdout belongs to documents and tables that are asked for."""
    from rich.console import Console

    return Console(stderr=True)


def emit_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout, keys in the order given. Raises ValueError for NaN or infinity."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def command_line() -> tuple[str, ...] | None:
    """The arguments that ``aiakit`` was given; None where a command was not called through it."""
    context = click.get_current_context(silent=True)
    return context.obj if context is not None and isinstance(context.obj, tuple) else None


def _register(ctx: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    from aiakit.plugins import registry
    from aiakit.plugins.functions import is_name, trust

    for path in paths:
        if is_name(path):
            trust(path)
        else:
            registry.register_file(path)
    return paths


@contextmanager
def naming_plugin_files(out: str) -> Iterator[None]:
    """Where a plugin is not registered, name the file that it came from in an earlier run of the folder ``out``."""
    from aiakit.plugins.registry import UnknownPlugin

    try:
        yield
    except UnknownPlugin as error:
        from aiakit.experiment.run import plugin_file

        raise UnknownPlugin(
            error.kind, error.name, error.known, plugin_file(Path(out), error.kind, error.name)
        ) from None


def writable(option: str, file: Path, endings: Sequence[str] = ()) -> Path:
    """The file, where it can be written. Raises InputError for another ending, or a folder that is not there."""
    if endings and file.suffix not in endings:
        raise InputError(f"{option} {file} must end in one of {', '.join(endings)}")
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise InputError(f"{option} {file} is no file in a folder that exists")
    return file


def plugin_option(command: Command) -> Command:
    """``--plugin FILE`` (repeatable): the file's plugins are registered before any other option is looked at."""
    return click.option(
        "--plugin",
        multiple=True,
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_register,
        help="Also use the plugins that this Python file defines, or the function FILE:NAME of a run (repeatable).",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
quiet_option = click.option("--quiet", is_flag=True, help="Print what was found, and nothing else but errors.")
verbose_option = click.option(
    "--verbose", is_flag=True, help="Print every table: each attack, claims and gaps, bits, errors, costs."
)
