"""From a suite, and what the command line changes of it, to requests of the experiment machinery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiakit.contracts import no_progress
from aiakit.datasets.splits import Fractions
from aiakit.errors import InputError, unknown
from aiakit.experiment.config import REFERENCE, parse_chain
from aiakit.experiment.request import Request
from aiakit.experiment.selection import attack_names, shows_claim
from aiakit.plugins import registry
from aiakit.plugins.options import Options, require_in_use
from aiakit.suites.schema import Suite

Plugins = dict[registry.Kind, tuple[str, ...]]
Merged = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Changes:
    """What the command line says; None, or nothing, leaves it to the suite."""

    data_options: dict[str, Any] = field(default_factory=dict)
    attacks: Sequence[str] = ()
    options: Options = field(default_factory=dict)
    image_size: int | None = None
    seeds: int | None = None
    seed: int | None = None
    attack_seeds: int | None = None
    folds: int | None = None
    matcher: str | None = None
    strict: bool = False
    device: str = "auto"
    precision: str = "auto"
    remote: bool = False
    threads: int | None = None
    report: Callable[[str, int, int], None] = no_progress


@dataclass(frozen=True)
class Requests:
    """What a suite asks for: the releases of its table, and its sweep where it names one."""

    table: Request
    sweep: Request | None


def requests_of(path: Path, suite: Suite, changes: Changes) -> Requests:
    """The requests, every name and option of the suite checked.

    Raises InputError: with the file and the key for what the suite says, with the option for the command line.
    """
    used, swept = _plugins(path, suite, changes), _plugins_of_sweep(path, suite, changes)
    options = _options(path, suite, changes, used, swept)
    table = Request(
        defenses=[method.defense for method in suite.methods],
        attacks=[*(changes.attacks or suite.attacks), suite.published_attack],
        dataset=suite.dataset,
        data_options=changes.data_options,
        image_size=changes.image_size or suite.image_size,
        strict=changes.strict,
        attribute=suite.attribute,
        options=_of(options, used),
        seeds=changes.seeds or suite.seeds,
        seed=suite.split.seed if changes.seed is None else changes.seed,
        shares=_shares(path, suite),
        folds=changes.folds or suite.split.folds,
        matcher=changes.matcher,
        knowledge=suite.knowledge,
        attack_seeds=changes.attack_seeds or suite.attack_seeds,
        device=changes.device,
        precision=changes.precision,
        remote=changes.remote,
        threads=changes.threads,
        report=changes.report,
    )
    if suite.sweep is None:
        return Requests(table, None)
    stages = parse_chain(suite.sweep.defense)
    # what is swept is not also set: the sweep's values stand, and the options beside them are the table's
    axes = {option if "." in option else f"{stage}.{option}" for option in suite.sweep.values for stage in stages}
    beside = {
        plugin: {option: value for option, value in given.items() if f"{plugin}.{option}" not in axes}
        for plugin, given in _of(options, swept).items()
    }
    sweep = replace(
        table,
        defenses=[suite.sweep.defense],
        attacks=changes.attacks or suite.sweep.attacks or suite.attacks,
        options=beside,
        seeds=changes.seeds or suite.sweep.seeds or suite.seeds,
    )
    return Requests(table, sweep)


@contextmanager
def _at(path: Path, key: str) -> Iterator[None]:
    """Errors inside name the file and the key."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {key}: {error}") from None


def _shares(path: Path, suite: Suite) -> Fractions:
    with _at(path, "split"):
        return Fractions(**suite.split.model_dump(exclude={"seed", "folds"}))


def _plugins(path: Path, suite: Suite, changes: Changes) -> Plugins:
    """The plugins that the table takes. Raises InputError, with the key, for one that there is not."""
    with _at(path, "dataset"):
        registry.entry("dataset", suite.dataset)
    defenses = [REFERENCE]
    for number, method in enumerate(suite.methods):
        with _at(path, f"methods.{number}.defense"):
            defenses += _known(method.stages)
    with _at(path, "published_attack"):
        if shows_claim(suite.published_attack):
            raise InputError(
                f"{suite.published_attack} is a claim, which has a column of its own: name a trained attack"
            )
    with _at(path, "attacks"):
        attacks = attack_names(suite.attacks, {})
    if changes.attacks:
        attacks = attack_names(changes.attacks, {})
    return {"dataset": (suite.dataset,), "defense": tuple(defenses), "attack": (*attacks, suite.published_attack)}


def _plugins_of_sweep(path: Path, suite: Suite, changes: Changes) -> Plugins:
    """The plugins that the sweep takes; none where there is no sweep."""
    if suite.sweep is None:
        return {}
    with _at(path, "sweep.defense"):
        defenses = (REFERENCE, *_known(parse_chain(suite.sweep.defense)))
    with _at(path, "sweep.attacks"):
        attacks = attack_names(suite.sweep.attacks or suite.attacks, {})
    if changes.attacks:
        attacks = attack_names(changes.attacks, {})
    return {"dataset": (suite.dataset,), "defense": defenses, "attack": tuple(attacks)}


def _known(stages: Sequence[str]) -> Sequence[str]:
    for stage in stages:
        registry.entry("defense", stage)
    return stages


def _options(path: Path, suite: Suite, changes: Changes, *used: Plugins) -> Merged:
    """The suite's options, checked, with those of the command line over them.

    Options of an attack that the command line leaves out are checked too, and come to nothing.
    """
    kinds: dict[str, registry.Kind] = {name: kind for of in used for kind, names in of.items() for name in names}
    named: dict[str, registry.Kind] = dict.fromkeys(attack_names(suite.attacks, {}), "attack")
    merged: Merged = {}
    for plugin, options in suite.options.items():
        with _at(path, f"options.{plugin}"):
            kind = kinds.get(plugin, named.get(plugin))
            if kind is None:
                raise unknown("plugin", plugin, sorted({*kinds, *named}), " in this suite")
            registry.parameters(kind, plugin, options)
        merged[plugin] = {**options}
    for option in changes.data_options:
        merged.get(suite.dataset, {}).pop(option, None)
    require_in_use(changes.options, kinds, lambda option: registry.owners(option, ((k, n) for n, k in kinds.items())))
    for plugin, given in changes.options.items():
        merged.setdefault(plugin, {}).update(given)
    return merged


def _of(options: Merged, used: Plugins) -> Merged:
    """The options of the plugins that are used."""
    names = {name for names in used.values() for name in names}
    return {plugin: given for plugin, given in options.items() if plugin in names}
