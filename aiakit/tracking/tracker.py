"""What a tracker is told of a run, and which trackers there are. Their libraries are imported when one is opened."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from aiakit.errors import InputError, unknown
from aiakit.plugins.extras import not_installed

# name, which is also the name of the extra → "module:class"
TRACKERS = {"mlflow": "aiakit.tracking.mlflow:MLflow", "tensorboard": "aiakit.tracking.tensorboard:TensorBoard"}


@dataclass(frozen=True)
class Figure:
    """A final figure of a release: its mean, and one value for each repeat (seed). name : ``aia/claimed/auc``."""

    name: str
    value: float
    per_repeat: Sequence[float] = ()


@dataclass(frozen=True)
class Step:
    """A finished cell. label : what was computed. finished, cells : how many are done, of how many.

    failure : why it has no result, or None.
    """

    label: str
    seconds: float
    finished: int
    cells: int
    failure: str | None = None


class Tracker(Protocol):
    """A tracker. Whatever a method raises ends the tracking, never the run.

    modules : what must be installed.
    """

    modules: ClassVar[tuple[str, ...]]

    def __init__(self, where: str) -> None:
        """where : what follows ``NAME:`` on the command line; empty for the tracker's own default."""

    def begin(self, folder: str, configuration: Mapping[str, Any]) -> None:
        """The run is about to begin, or to go on."""

    def step(self, step: Step) -> None:
        """A cell is finished."""

    def figures(self, figures: Sequence[Figure], document: Mapping[str, Any]) -> None:
        """What was measured. document : what ``--json`` prints."""

    def close(self, complete: bool) -> None:
        """Nothing follows. complete : whether the run reached its end."""


def open_tracker(text: str) -> tuple[str, Tracker]:
    """``mlflow``, ``mlflow:URI``, ``tensorboard:DIR`` → name and tracker.

    Raises InputError for a tracker that is not known, and for one that is not installed, with the extra that it needs.
    """
    name, _, where = text.partition(":")
    if name not in TRACKERS:
        raise unknown("tracker", name, TRACKERS)
    module, _, attribute = TRACKERS[name].partition(":")
    tracker: type[Tracker] = getattr(importlib.import_module(module), attribute)
    reason = not_installed(name, *tracker.modules)
    if reason:
        raise InputError(f"--track {text} cannot be used: {reason}")
    return name, tracker(where)


def safe(name: str) -> str:
    """The name with every character that a tracker may refuse replaced: letters, digits and ``_ . - /`` stay."""
    return re.sub(r"[^\w./-]+", "_", name)


def flat(configuration: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"split": {"seed": 0}}`` → ``{"split.seed": 0}``; the items of a list go by their numbers."""
    found: dict[str, Any] = {}
    for key, value in configuration.items():
        if isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
            value = {str(number): item for number, item in enumerate(value)}
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found
