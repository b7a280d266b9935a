"""Numeric attributes: which of them can be measured, and the cells that this takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attribute, IntArray
from aiakit.datasets.fingerprint import array_digest
from aiakit.datasets.ordinal import ranks, split_order, words_of
from aiakit.datasets.splits import ATTACKED, Split, SplitName
from aiakit.errors import InputError, unknown
from aiakit.experiment.cellspec import CellSpec, RegressionKey, numbers_cell, produced_by, regression_cell
from aiakit.experiment.comparable import VIEWS
from aiakit.experiment.config import Chain, NumericSpec, RiskAttackSpec, RunConfig
from aiakit.experiment.selection import split_names

FEWEST = 5  # people of a split of whom it must be known
EARLIER = ("ridge", "svr", "boosting", "mlp", "knn")  # the regressors of runs whose records do not name them

Numbers = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class NumericCells:
    """numbers : attribute → what is known of it. regressions : the regressors on the releases."""

    numbers: dict[str, CellSpec] = field(default_factory=dict)
    regressions: dict[RegressionKey, CellSpec] = field(default_factory=dict)

    def of(self, release: str) -> Iterator[CellSpec]:
        """Those about a release."""
        yield from (cell for key, cell in self.regressions.items() if key.release == release)


def numeric_cells(
    config: RunConfig,
    protocol: CellSpec,
    chains: Mapping[str, Chain],
    releases: Mapping[tuple[str, int], CellSpec],
) -> NumericCells:
    """Every regressor on the first view of each release, in each fold. releases : name and seed → the cell."""
    numbers = {spec.name: numbers_cell(config, protocol, spec) for spec in config.numeric if not spec.left_out}
    folds = range(config.split.folds) if config.split.folds > 1 else (None,)
    regressors: dict[str, RiskAttackSpec | None] = {spec.name: spec for spec in config.measuring("regressor")}
    regressors |= dict.fromkeys(EARLIER) if config.risk_attacks is None else {}
    keys = (
        RegressionKey(name, seed, attribute, regressor, view, fold)
        for name, chain in chains.items()
        for view in [next(view for view in VIEWS if view in produced_by(chain))]
        for seed in config.seeds
        for attribute in numbers
        for fold in folds
        for regressor in regressors
    )
    return NumericCells(
        numbers,
        {
            key: regression_cell(
                config,
                protocol,
                numbers[key.attribute],
                releases[key.release, key.seed],
                key,
                regressors[key.regressor],
            )
            for key in keys
        },
    )


def numeric_attributes(
    numbers: Numbers,
    asked: Sequence[str],
    identity: IntArray,
    splits: Split,
    where: str,
    attributes: Mapping[str, Attribute] | None = None,
) -> tuple[NumericSpec, ...]:
    """Those that are asked for; "all" is every one that can be measured. where : what has these numbers. attributes :
    those whose classes may be given an order (``band=child<adult<senior``) in which they are counted up; None where
    words were counted up when they were read.

    Raises InputError for one that is not there, for an order that does not fit, and for a named one that cannot be
    measured on these splits.
    """
    orders: dict[str, tuple[str, ...]] = {}
    names = []
    for text in split_names(asked):
        name, order = (text, ()) if text in numbers else split_order(text)
        names.append(name)
        if order and attributes is not None:
            if name not in attributes:
                raise unknown("attribute", name, sorted(attributes), f" of {where}")
            orders[name] = order
            numbers = {**numbers, name: ranks(words_of(attributes[name]), name, order)}
    for name in names:
        if name != "all" and name not in numbers:
            raise unknown("numeric attribute", name, sorted(numbers), f" of {where}")
    if "all" in names and not numbers:
        raise InputError(f"--numeric all: {where} has no numeric attribute")
    found = []
    for name in dict.fromkeys([each for each in names if each != "all"] + (list(numbers) if "all" in names else [])):
        problem = problem_of(numbers[name], identity, splits)
        if problem and name in names:
            raise InputError(f"--numeric {name} {problem}")
        found.append(
            NumericSpec(name=name, data=array_digest(numbers[name]), left_out=problem, order=orders.get(name, ()))
        )
    return tuple(found)


def problem_of(
    values: NDArray[np.float64], identity: IntArray, split: Split, parts: Sequence[SplitName] = ATTACKED
) -> str:
    """Why an attribute cannot be measured, or learned from these parts of the people; "" where it can."""
    for part in parts:
        rows = split.rows[part]
        known = rows[np.isfinite(values[rows])]
        people = len(np.unique(identity[known]))
        if people < FEWEST:
            return f"is known of {people} people of {part}, and {FEWEST} are needed: add people, or leave it out"
        if len(np.unique(values[known])) < 2:
            return f"is {values[known][0]:g} for everybody of {part}: there is nothing to estimate, leave it out"
    return ""
