"""The options of a gate: limits that a release must keep, and what a pipeline reads of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from aiakit.experiment.config import Risk, RunConfig
    from aiakit.results.gate import Limits

F = TypeVar("F", bound=Callable[..., Any])


class Share(click.FloatRange):
    """A number between 0 and 1; "nan", which compares with nothing, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; fails as click's own types do."""
        number = super().convert(value, param, ctx)
        if isinstance(number, float) and math.isnan(number):
            self.fail(f"{value} is no number between 0 and 1.", param, ctx)
        return number


R2 = "r2:"  # before the name of a numeric attribute
SHARE = Share(0, 1, min_open=True, max_open=True)


class Above(click.ParamType[tuple[str, float]]):
    """``0.6`` of the attribute, ``linkage=0.1`` of a risk, ``r2:age=0.2`` of a numeric attribute."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """What it is of, "" for the attribute, and the number; fails as click's own types do."""
        if isinstance(value, tuple):
            return value
        risk, _, number = str(value).rpartition("=")
        return risk, SHARE.convert(number, param, ctx)


OPTIONS = (
    click.option("--fail-above", type=Above(), multiple=True, metavar="X|RISK=X|r2:NAME=X",
                 help="Exit 3 where an attack reads more than this balanced accuracy, a risk of --risks is higher, or "
                      "the R² of a --numeric NAME is; 4 where that is not ruled out."),
    click.option("--min-utility", type=SHARE, metavar="X",
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
        if above or utility is not None:
            raise InputError("--policy holds the limits: leave out --fail-above and --min-utility")
        limits = read_policy(Path(given["policy"]))
    else:
        attribute, risks, r2 = _by_what(above)
        limits = Limits(fail_above=attribute, risks=risks, r2=r2, min_utility=utility)
    if not limits and (given["junit"] or given["sarif"]):
        raise InputError(
            "--junit and --sarif write the outcome of a gate: give --fail-above, --min-utility or --policy"
        )
    for option in ("junit", "sarif"):  # said before hours of work, not after them
        if given[option] is not None:
            _require_writable(Path(given[option]), option)
    if given["junit"] and given["sarif"] and Path(given["junit"]).resolve() == Path(given["sarif"]).resolve():
        raise InputError(f"--junit and --sarif are both {given['sarif']}: name two files")
    return limits or None


def _by_what(above: Sequence[tuple[str, float]]) -> tuple[dict[str, float], dict[Risk, float], dict[str, float]]:
    """The limits of the attribute, under "", those of risks, and those of numeric attributes. Raises InputError for a
    risk that is not known.
    """
    from aiakit.errors import InputError, unknown
    from aiakit.experiment.config import RISKS

    attribute: dict[str, float] = {name: limit for name, limit in above if not name}
    r2 = {name.removeprefix(R2): limit for name, limit in above if name.startswith(R2)}
    given = {name: limit for name, limit in above if name and not name.startswith(R2)}
    for name in given:
        if name not in RISKS:
            raise unknown("risk", name, RISKS, " of --fail-above")
    if len(attribute) + len(given) + len(r2) < len(above):
        raise InputError("--fail-above is given twice of one thing: give X once, and RISK=X once of each risk")
    return attribute, {risk: given[risk] for risk in RISKS if risk in given}, r2


def _require_writable(path: Path, option: str) -> None:
    from aiakit.errors import InputError

    if not path.parent.is_dir():
        raise InputError(f"--{option} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"--{option} {path} is a folder: name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"--{option} {path}: {path.parent} cannot be written to")


def spelt_out(
    limits: Limits | None, config: RunConfig, known: Mapping[str, Any], given: Mapping[str, Any]
) -> Limits | None:
    """The limits with the names of the attributes that a run measures. known : attribute → its classes and values."""
    if limits is None:
        return None
    names = [config.attribute, *(spec.name for spec in config.further if not spec.left_out)]
    where = "--fail-above" if given["policy"] is None else str(given["policy"])
    numeric = [spec.name for spec in config.numeric if not spec.left_out]
    classes = {name: len(known[name].classes) for name in names}
    return limits.of(classes, where, config.risks, config.protected, numeric)


def conclude_gate(document: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Write what a pipeline reads of the document's gate; the exit code of the command."""
    from aiakit.errors import InputError
    from aiakit.report.gate import WRITTEN
    from aiakit.storage.store import write_atomically

    incomplete = 0 if document["complete"] else 1
    gate = document.get("gate")
    if gate is None:
        return incomplete
    for style, write in WRITTEN.items():
        if given[style] is not None:
            try:
                write_atomically(Path(given[style]), write(gate, given["policy"] or document["dataset"]))
            except OSError as error:
                raise InputError(f"--{style} {given[style]} could not be written ({error.strerror})") from None
    return int(gate["exit_code"]) or incomplete
