"""Reads which options of a defense are swept, and over which values: ``alpha=0.1,0.3,1``, ``alpha=0.01:10:log``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiakit.errors import InputError, unknown
from aiakit.experiment.config import REFERENCE, parse_chain
from aiakit.plugins import registry
from aiakit.plugins.options import options_of

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

    stage, option : the defense and its option. name : how results call it. values : texts, or values of its type.
    span : the range to search instead of ``values``.
    """

    stage: str
    option: str
    name: str
    values: tuple[Any, ...] = ()
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
    stages = parse_chain(defense)
    for stage in stages:
        registry.load("defense", stage)
    swept = tuple(stage for stage in dict.fromkeys(stages) if stage != REFERENCE)
    if not swept:
        raise InputError(f"{REFERENCE} is the release that every point is compared with: name another defense to sweep")
    return swept


def parse_axes(settings: Sequence[str], defense: str, search: bool) -> tuple[list[Axis], list[str]]:
    """The swept options of a defense or chain as the command line gives them, and the settings of other plugins.

    search : whether ranges may be given. Raises InputError for what cannot be read, an option that no stage or more
    than one has, an option given twice, or no swept option at all.
    """
    stages = stages_of(defense)
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
        axes[stage, option] = _axis(stage, option, text.strip(), stages, search)
    if not axes:
        raise InputError(f"nothing to sweep: give the values of an option of {'+'.join(stages)}, --set OPTION=V,V,V")
    if search and not any(axis.varies for axis in axes.values()):
        raise InputError("nothing to search: give a range, e.g. --set alpha=0.01:10:log, or several values")
    return list(axes.values()), others


def axes_of(values: Mapping[str, Sequence[Any]], defense: str) -> list[Axis]:
    """The swept options where their values are known: OPTION or STAGE.OPTION → its values.

    Raises InputError for an option that no stage or more than one has.
    """
    stages = stages_of(defense)
    axes = []
    for target, given in values.items():
        plugin, _, option = target.rpartition(".")
        stage = plugin or _stage_with(option, stages)
        if stage not in stages:
            raise unknown("defense", stage, stages, " of the sweep")
        axes.append(Axis(stage, option, _name(stage, option, stages), tuple(given)))
    return axes


def _name(stage: str, option: str, stages: Sequence[str]) -> str:
    """How results call an option: with its stage where there are several."""
    if option not in (known := options_of(registry.load("defense", stage), stage)):
        raise unknown("option", f"{stage}.{option}", [f"{stage}.{other}" for other in known])
    return option if len(stages) == 1 else f"{stage}.{option}"


def _stage_with(option: str, stages: Sequence[str]) -> str:
    known = {stage: options_of(registry.load("defense", stage), stage) for stage in stages}
    having = [stage for stage in stages if option in known[stage]]
    if not having:
        raise unknown("option", option, dict.fromkeys(name for names in known.values() for name in names))
    if len(having) > 1:
        either = " or ".join(f"{stage}.{option}" for stage in having)
        raise InputError(f"{option} is an option of {' and of '.join(having)}: write {either}")
    return having[0]


def _axis(stage: str, option: str, text: str, stages: Sequence[str], search: bool) -> Axis:
    name = _name(stage, option, stages)
    takes = options_of(registry.load("defense", stage), stage)[option].takes
    if ":" in text and (takes("number") or takes("integer")):
        if not search:
            raise InputError(f"--set {name}={text} is a range, which only --search N takes: list the values of a grid")
        return Axis(stage, option, name, span=_span(name, text, whole=not takes("number")))
    if takes("array"):  # its value is a list itself
        return Axis(stage, option, name, (text,))
    values = tuple(value.strip() for value in text.split(","))
    if "" in values:
        raise InputError(f"--set {name}={text} has an empty value: write {name}=VALUE,VALUE")
    return Axis(stage, option, name, tuple(dict.fromkeys(values)))


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
