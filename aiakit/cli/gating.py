"""The options of a gate: limits that a release must keep, and what a pipeline reads of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from aiakit.experiment.config import RunConfig
    from aiakit.results.gate import Limits

F = TypeVar("F", bound=Callable[..., Any])
OPTIONS = (
    click.option("--fail-above", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="X",
                 help="Exit 3 where an attack reads more than this balanced accuracy, 4 where that is not ruled out."),
    click.option("--min-utility", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="X",
                 help="The same where verification is less right than this."),
    click.option("--policy", metavar="TOML", help="Limits of several attributes, in place of these two."),
    click.option("--junit", metavar="FILE", help="Write the outcome as JUnit's XML."),
    click.option("--sarif", metavar="FILE", help="Write the outcome as SARIF."),
)  # fmt: skip


def gate_options(command: F) -> F:
    """Add the options of a gate."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def limits_of(given: Mapping[str, Any]) -> Limits | None:
    """The limits that were asked for; None without any. Raises InputError where they are said twice, or not at all."""
    from aiakit.errors import InputError
    from aiakit.results.gate import Limits, read_policy

    above, utility = given["fail_above"], given["min_utility"]
    if given["policy"] is not None:
        if above is not None or utility is not None:
            raise InputError("--policy holds the limits: leave out --fail-above and --min-utility")
        limits = read_policy(Path(given["policy"]))
    else:
        limits = Limits(fail_above={} if above is None else {"": above}, min_utility=utility)
    if not limits and (given["junit"] or given["sarif"]):
        raise InputError(
            "--junit and --sarif write the outcome of a gate: give --fail-above, --min-utility or --policy"
        )
    for option in ("junit", "sarif"):  # said before hours of work, not after them
        folder = Path(given[option] or "").parent
        if given[option] is not None and not folder.is_dir():
            raise InputError(f"--{option} {given[option]}: there is no folder {folder}")
    return limits or None


def spelt_out(
    limits: Limits | None, config: RunConfig, known: Mapping[str, Any], given: Mapping[str, Any]
) -> Limits | None:
    """The limits with the names of the attributes that a run measures. known : attribute → its classes and values."""
    if limits is None:
        return None
    names = [config.attribute, *(spec.name for spec in config.further if not spec.left_out)]
    where = "--fail-above" if given["policy"] is None else str(given["policy"])
    return limits.of({name: len(known[name].classes) for name in names}, where)


def conclude_gate(document: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Write what a pipeline reads of the document's gate; the exit code of the command."""
    from aiakit.report.gate import WRITTEN
    from aiakit.storage.documents import writing
    from aiakit.storage.store import write_atomically

    incomplete = 0 if document["complete"] else 1
    gate = document.get("gate")
    if gate is None:
        return incomplete
    for style, write in WRITTEN.items():
        if given[style] is not None:
            path = Path(given[style])
            with writing(path.parent):
                write_atomically(path, write(gate))
    return int(gate["exit_code"]) or incomplete
