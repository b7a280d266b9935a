"""Regressors on numbers whose best R² is known, and on those of which nothing can be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aiakit.contracts import Context, RegressorData
from aiakit.experiment.measuring import Measurer
from aiakit.experiment.regressing import Model, fitted
from aiakit.plugins import registry

REGRESSORS = [name for name in registry.names("regressor") if registry.entry("regressor", name).built_in]
RHO = 0.8
DIMENSIONS = 6


def drawn(images: int, rng: np.random.Generator, bent: bool = False) -> RegressorData:
    """Numbers, around 50, of which a linear score of the points explains ρ²; bent: of which only its size tells."""
    points = rng.normal(size=(images, DIMENSIONS))
    score = points[:, 0] if not bent else (np.abs(points[:, 0]) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)
    values = 50 + 10 * (RHO * score + np.sqrt(1 - RHO**2) * rng.normal(size=images))
    return RegressorData(points, values, np.ones(images))


def model_of(name: str, train: RegressorData, val: RegressorData) -> Model:
    """A regressor, fitted."""
    regressor = Measurer(registry.entry("regressor", name), registry.make("regressor", name), Context())
    return fitted(regressor, train, val)


def reached(name: str, bent: bool = False, told: bool = True) -> float:
    """The R² on fresh people."""
    rng = np.random.default_rng(0)
    train, val, test = (drawn(images, rng, bent) for images in (600, 300, 2000))
    if not told:
        train, val, test = (replace(known, values=rng.permutation(known.values)) for known in (train, val, test))
    estimates = model_of(name, train, val).predict(test.points, rng)
    return float(1 - np.mean((test.values - estimates) ** 2) / np.mean((test.values - train.values.mean()) ** 2))


def test_ridge_reads_what_a_linear_score_explains() -> None:
    assert reached("ridge") == pytest.approx(RHO**2, abs=0.03)


@pytest.mark.parametrize("name", REGRESSORS)
def test_every_regressor_reads_a_number_and_nothing_where_nothing_is(name: str) -> None:
    assert RHO**2 / 2 < reached(name) < RHO**2 + 0.03
    assert -0.1 < reached(name, told=False) < 0.02


def test_what_is_not_linear_is_read_by_others() -> None:
    assert reached("ridge", bent=True) < 0.05
    assert min(reached(name, bent=True) for name in ("svr", "boosting", "mlp")) > 0.4


def test_a_release_that_says_nothing_is_answered_by_the_mean() -> None:
    rng = np.random.default_rng(0)
    train, val = (replace(drawn(images, rng), points=np.ones((images, 3))) for images in (50, 30))
    model = model_of("svr", train, val)
    assert model.predict(val.points, rng) == pytest.approx(np.full(30, train.values.mean()))
    assert model.setting == "the mean"
