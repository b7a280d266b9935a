"""The checks of linkers, decoders and regressors: aiakit's own pass, and each way of being wrong is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aiakit.contracts import Context, Decoder, DecoderData, Linker, LinkerData, Points, Regressor, RegressorData
from aiakit.errors import PluginError
from aiakit.plugins import registry
from aiakit.plugins.checks import run_checks
from aiakit.plugins.registry import Entry, Kind

KINDS: tuple[Kind, ...] = ("linker", "decoder", "regressor")
OWN = [(kind, name) for kind in KINDS for name in registry.names(kind) if registry.entry(kind, name).built_in]


def failed(kind: Kind, plugin: str | type) -> set[str]:
    return {result.name for result in run_checks(kind, plugin) if result.status == "fail"}


@pytest.mark.parametrize(("kind", "name"), OWN)
def test_built_in_ones_pass(kind: Kind, name: str) -> None:
    assert failed(kind, name) == set()


class Sound(Linker):
    """Least squares from the source to the target."""

    summary = "least squares"

    def fit(self, train: LinkerData, val: LinkerData, ctx: Context) -> Sound:
        self.way_ = np.linalg.lstsq(train.source, train.target, rcond=None)[0]
        return self

    def of_source(self, points: Points) -> Any:
        return points @ self.way_

    def of_target(self, points: Points) -> Any:
        return points + 0.0


class Together(Sound):
    def of_source(self, points: Points) -> Any:
        return super().of_source(points - points.mean(axis=0))


class Changes(Sound):
    def of_target(self, points: Points) -> Any:
        points -= 1
        return points


class Draws(Sound):
    def fit(self, train: LinkerData, val: LinkerData, ctx: Context) -> Draws:
        super().fit(train, val, ctx)
        self.way_ = self.way_ + 1e-9 * np.random.normal(size=self.way_.shape)
        return self


class Uneven(Sound):
    def of_target(self, points: Points) -> Any:
        return points[:, 1:]


class Elsewhere(Sound):
    risks = ("inversion",)


class Learnless(Decoder):
    summary = "a constant"

    def fit(self, train: DecoderData, val: DecoderData, ctx: Context) -> Learnless:
        self.mean_ = train.undefended.mean(axis=0)
        return self

    def predict(self, points: Points) -> Any:
        return np.repeat(self.mean_[None], len(points), axis=0)


class Column(Regressor):
    summary = "the first coordinate, as a column, of more images than there are"

    def fit(self, train: RegressorData, val: RegressorData, ctx: Context) -> Column:
        return self

    def predict(self, points: Points) -> Any:
        return points[:, :1]

    def learns_from(self, rows: int) -> int:
        return rows + 1


WRONG: list[tuple[Kind, type, set[str]]] = [
    ("linker", Sound, set()),
    ("linker", Together, {"images are answered alone"}),
    ("linker", Changes, {"input is not modified"}),
    ("linker", Draws, {"same seed same bytes"}),
    ("linker", Uneven, {"shapes"}),
    ("linker", Elsewhere, {"class attributes"}),
    ("decoder", Learnless, {"learns an easy case"}),
    ("regressor", Column, {"shapes", "learns from"}),
]


@pytest.mark.parametrize(("kind", "plugin", "found"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_each_way_of_being_wrong_is_found(kind: Kind, plugin: type, found: set[str]) -> None:
    assert found <= failed(kind, plugin) if found else failed(kind, plugin) == set()


def test_a_plugin_that_measures_another_risk_is_refused() -> None:
    entry = Entry("linker", "elsewhere", f"{__name__}:Elsewhere")
    with pytest.raises(PluginError, match=r"its risks must be a tuple of identity, linkage, not \('inversion',\)"):
        entry.load()
