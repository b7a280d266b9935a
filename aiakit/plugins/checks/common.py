"""What the checks of every kind share: results, how one check is run, and the contract of a plugin's class."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import VIEWS, Plugin
from aiakit.errors import AiakitError
from aiakit.measures.metrics import probability_problem
from aiakit.plugins.containment import contained
from aiakit.plugins.options import options_of, validate

PRESETS = ("fast", "strong")
Subject = TypeVar("Subject")
Status = Literal["pass", "fail", "warn", "skip"]


class Failed(Exception):
    """The plugin does not do what this check asks; the message says what was seen and what is wanted."""


class Skipped(Exception):
    """This check does not apply to the plugin; the message says why."""


class Doubtful(Exception):
    """The plugin keeps its contract, and yet does itself harm; the message says what was seen and how to mend it."""


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome: ``reason`` is empty where it passed."""

    name: str
    status: Status
    reason: str
    seconds: float


def run_check(check: Callable[[Subject], None], subject: Subject) -> CheckResult:
    """Run one ``check_…`` function; whatever the plugin raises is a failure with the reason in one line."""
    start = time.perf_counter()
    status: Status = "pass"
    reason = ""
    try:
        with contained("the plugin"):
            check(subject)
    except KeyboardInterrupt:
        raise
    except Skipped as why:
        status, reason = "skip", str(why)
    except Doubtful as why:
        status, reason = "warn", str(why)
    except Failed as why:
        status, reason = "fail", str(why)
    except BaseException as error:  # one that ends the process is a failure as well
        status, reason = "fail", f"raised {type(error).__name__}: {error}"
    name = check.__name__.removeprefix("check_").replace("_", " ")
    return CheckResult(name, status, " ".join(reason.split()), round(time.perf_counter() - start, 3))


def want(condition: bool, otherwise: str) -> None:
    """Raise Failed with the message unless the condition holds."""
    if not condition:
        raise Failed(otherwise)


@dataclass(frozen=True)
class PluginClass:
    """A plugin's class, the name it goes by, and the options it is checked with."""

    cls: type[Plugin]
    name: str
    options: Mapping[str, Any]

    def make(self) -> Any:
        """A fresh instance."""
        return self.cls(**validate(self.cls, self.options, self.name))


def check_options_are_annotated(plugin: PluginClass) -> None:
    """Every parameter of ``__init__`` has an annotation that text can be converted to, and defaults obey it."""
    try:
        options = options_of(plugin.cls, plugin.name)
        validate(plugin.cls, plugin.options, plugin.name)
    except AiakitError as error:
        raise Failed(str(error)) from error
    hints = getattr(plugin.cls.__init__, "__annotations__", {})
    bare = [name for name in options if name not in hints]
    want(not bare, f"annotate the parameters of __init__: {', '.join(bare)}")


def check_init_only_stores(plugin: PluginClass) -> None:
    """``__init__`` stores its parameters under their own names, converts nothing, and builds nothing."""
    given = validate(plugin.cls, plugin.options, plugin.name)
    made = plugin.cls(**given)
    for name, value in given.items():
        want(hasattr(made, name), f"__init__ must store {name} as self.{name}")
        want(getattr(made, name) is value, f"__init__ must store {name} as it is, not {getattr(made, name)!r}")
    for name, value in vars(made).items():
        plain = name in given or isinstance(value, bool | int | float | str | tuple | None)
        want(plain, f"__init__ must only store parameters: build self.{name} ({type(value).__name__}) in fit")


def check_parameters_round_trip(plugin: PluginClass) -> None:
    """An instance made from another's ``get_params`` has the same parameters."""
    params = plugin.make().get_params()
    again = plugin.cls(**params).get_params()
    want(again == params, f"get_params gave {params}, and of an instance made from these {again}")


def check_summary(plugin: PluginClass) -> None:
    """``summary`` is one line for ``aiakit list``."""
    summary = getattr(plugin.cls, "summary", "")
    want(isinstance(summary, str) and summary.strip() != "", 'give the class a summary = "…" of one line')
    want("\n" not in summary, "summary must be a single line")


CLASS_CHECKS = (check_options_are_annotated, check_init_only_stores, check_parameters_round_trip, check_summary)


def disturb_global_randomness(seed: int) -> None:
    """Put the global generators in another state: a plugin must draw from its context or generator only."""
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def views_problem(views: Any, allowed: tuple[str, ...] = VIEWS) -> str:
    """What is wrong with a class attribute that names views; "" where nothing is."""
    if not isinstance(views, tuple) or not views or any(view not in allowed for view in views):
        return f"must be a tuple of {', '.join(allowed)}, not {views!r}"
    return ""


def proba_problem(proba: Any, rows: int, classes: int) -> str:
    """What is wrong with class probabilities that should be (rows, classes); "" where nothing is."""
    if not isinstance(proba, np.ndarray):
        return f"must be a NumPy array, not {type(proba).__name__}"
    return probability_problem(proba, rows, classes)


def same_bytes(left: NDArray[Any] | None, right: NDArray[Any] | None) -> bool:
    """Equal to the last bit, or both absent."""
    if left is None or right is None:
        return left is right
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
