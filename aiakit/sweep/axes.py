"""Reads which options of a defense are swept, and over which values: ``alpha=0.1,0.3,1``, ``alpha=0.01:10:log``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE
from aiakit.plugins import registry
from aiakit.plugins.options import Option, options_of
from aiakit.plugins.suggest import unknown

ALL = "all"


@dataclass(frozen=True)
class Span:
    """A range for a search, both ends included. log : drawn evenly in the logarithm. whole : integers only."""

    low: float
    high: float
    log: bool
    whole: bool


@dataclass(frozen=True)
class Axis:
    """One option that takes several values, or one value that every point shares.

    stage, option : the defense and its option. name : how results call it. values : as written on the command line.
    span : the range to search instead of ``values``.
    """

    stage: str
    option: str
    name: str
    values: tuple[str, ...] = ()
    span: Span | None = None

    @property
    def first(self) -> Any:
        """A value to check everything else with before any work begins."""
        return self.values[0] if self.span is None else _number(self.span, self.span.low)

    @property
    def last(self) -> Any:
        return self.values[-1] if self.span is None else _number(self.span, self.span.high)

    @property
    def varies(self) -> bool:
        return self.span is not None or len(self.values) > 1


def stages_of(defense: str) -> tuple[str, ...]:
    """The stages of a chain (``a+b``) whose options can be swept: all but the undefended release in front.

    Raises InputError for several defenses, none, an unknown one, or the undefended release by itself.
    """
    if "," in defense or defense.strip() in ("", ALL):
        raise InputError(f"a sweep is of one defense or one chain (a+b), not of {defense.strip()!r}")
    stages = [stage.strip() for stage in defense.split("+")]
    for stage in stages:
        registry.entry("defense", stage).load()
    swept = tuple(stage for stage in dict.fromkeys(stages) if stage != REFERENCE)
    if not swept:
        raise InputError(f"{REFERENCE} is the release that every point is compared with: name another defense to sweep")
    return swept


def parse_axes(settings: Sequence[str], stages: Sequence[str], search: bool) -> tuple[list[Axis], list[str]]:
    """The swept options, and the settings that are of other plugins.

    search : whether ranges may be given. Raises InputError for what cannot be read, an option that no stage or more
    than one has, an option given twice, or no swept option at all.
    """
    axes: dict[tuple[str, str], Axis] = {}
    others = []
    for setting in settings:
        target, equals, text = setting.partition("=")
        plugin, dot, option = (part.strip() for part in target.rpartition("."))
        if not equals or not option:
            raise InputError(f"cannot read the setting {setting!r}: write --set OPTION=VALUE,VALUE, e.g. beta=0,1,3")
        if dot and plugin not in stages:
            others.append(setting)
            continue
        stage = plugin if dot else _stage_with(option, stages)
        if (stage, option) in axes:
            raise InputError(f"--set gives {stage}.{option} twice: write its values in one list")
        axes[stage, option] = _axis(stage, option, text.strip(), len(stages) == 1, search)
    if not axes:
        raise InputError(f"nothing to sweep: give the values of an option of {'+'.join(stages)}, --set OPTION=V,V,V")
    if search and not any(axis.varies for axis in axes.values()):
        raise InputError("nothing to search: give a range, e.g. --set alpha=0.01:10:log, or several values")
    return list(axes.values()), others


def _stage_with(option: str, stages: Sequence[str]) -> str:
    known = {stage: options_of(registry.entry("defense", stage).load(), stage) for stage in stages}
    having = [stage for stage in stages if option in known[stage]]
    if not having:
        raise unknown("option", option, dict.fromkeys(name for names in known.values() for name in names))
    if len(having) > 1:
        either = " or ".join(f"{stage}.{option}" for stage in having)
        raise InputError(f"{option} is an option of {' and of '.join(having)}: write {either}")
    return having[0]


def _axis(stage: str, option: str, text: str, alone: bool, search: bool) -> Axis:
    name = option if alone else f"{stage}.{option}"
    options = options_of(registry.entry("defense", stage).load(), stage)
    if option not in options:
        raise unknown("option", f"{stage}.{option}", [f"{stage}.{other}" for other in options])
    types = _types(options[option])
    if ":" in text and types & {"number", "integer"}:
        if not search:
            raise InputError(f"--set {name}={text} is a range, which only --search N takes: list the values of a grid")
        return Axis(stage, option, name, span=_span(name, text, whole="number" not in types))
    if "array" in types:  # its value is a list itself
        return Axis(stage, option, name, (text,))
    values = tuple(value.strip() for value in text.split(","))
    if "" in values:
        raise InputError(f"--set {name}={text} has an empty value: write {name}=VALUE,VALUE")
    return Axis(stage, option, name, tuple(dict.fromkeys(values)))


def _types(option: Option) -> set[str]:
    """The JSON types that an option takes."""
    schema = option.describe()
    return {str(part.get("type")) for part in (schema, *schema.get("anyOf", []))}


def _span(name: str, text: str, whole: bool) -> Span:
    ends, scale = text.split(":")[:2], text.split(":")[2:]
    try:
        low, high = (float(int(end)) if whole else float(end) for end in ends)
    except ValueError:
        low = high = math.nan
    if scale not in ([], ["log"]) or not (math.isfinite(low) and math.isfinite(high)):
        numbers = "whole numbers" if whole else "numbers"
        raise InputError(f"--set {name}={text} cannot be read: write {name}=LOW:HIGH or {name}=LOW:HIGH:log, {numbers}")
    if not low < high or (scale and low <= 0):
        rule = "0 < LOW < HIGH on a log scale" if scale else "LOW < HIGH"
        raise InputError(f"--set {name}={text} is no range: it takes {rule}")
    return Span(low, high, bool(scale), whole)


def _number(span: Span, value: float) -> float | int:
    return int(value) if span.whole else value
