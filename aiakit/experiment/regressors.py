"""The attacks on numeric attributes: regressors of several kinds, each with settings of which attacker-val chooses one.

Inputs are standardised on attacker-train, and so is what is learned. A person counts once, whoever many images there
are of him, where a regressor takes weights (the multi-layer perceptron and the neighbours do not).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context

FloatArray = NDArray[np.float64]
Estimator = Callable[[FloatArray], Any]
SMALL = 1e-9
MOST = 4_000  # images that the support vectors are sought among: their cost is quadratic
PENALTIES = tuple(10.0**power for power in range(-4, 3))  # of ridge, for each image of mean weight
TREES, ROUNDS = 500, 25
EPOCHS, PATIENCE = 100, 10
HIDDEN = (128, 64)
NEIGHBOURS = (5, 15, 40, 100)


class Known(NamedTuple):
    """Images whose number is known. points : (N, D). values : (N,). weights : (N,), what each counts."""

    points: FloatArray
    values: FloatArray
    weights: FloatArray


class Model(NamedTuple):
    """What was learned. setting : the one that attacker-val chose. learned_from : how many images."""

    setting: str
    predict: Estimator
    learned_from: int


def best_of(name: str, train: Known, val: Known, ctx: Context) -> Model:
    """The setting of a regressor with the least squared error on attacker-val.

    Estimates lie within a standard deviation of the least and the greatest number of attacker-train: beyond, one is
    put there.
    """
    centre, scale = train.points.mean(axis=0), train.points.std(axis=0)
    varies = scale > SMALL * max(1.0, float(scale.max()))
    mean = float(np.average(train.values, weights=train.weights))
    unit = float(np.sqrt(np.average((train.values - mean) ** 2, weights=train.weights)))
    least, most = train.values.min() - unit, train.values.max() + unit

    def scaled(known: Known) -> Known:
        return Known(inputs(known.points), (known.values - mean) / unit, known.weights / known.weights.mean())

    def inputs(points: FloatArray) -> FloatArray:
        found: FloatArray = ((points - centre) / np.where(varies, scale, 1.0))[:, varies]
        return found

    learned, judged = scaled(train), scaled(val)
    best, error = Model("the mean", lambda points: np.zeros(len(points)), len(train.values)), np.inf
    for model in REGRESSORS[name](learned, judged, ctx) if varies.any() else ():
        reached = float(np.average((model.predict(judged.points) - judged.values) ** 2, weights=judged.weights))
        if reached < error:
            best, error = model, reached

    def predict(points: FloatArray) -> FloatArray:
        estimates = np.asarray(best.predict(inputs(points)), np.float64).reshape(len(points))
        return np.clip(mean + unit * estimates, least, most)

    return best._replace(predict=predict)


def _ridge(train: Known, val: Known, ctx: Context) -> Iterator[Model]:
    """Ridge regression (Hoerl and Kennard, 1970)."""
    from sklearn.linear_model import Ridge

    for penalty in PENALTIES:
        fitted = Ridge(alpha=penalty * len(train.values)).fit(train.points, train.values, train.weights)
        yield Model(f"penalty {penalty:g}", fitted.predict, len(train.values))


def _support_vectors(train: Known, val: Known, ctx: Context) -> Iterator[Model]:
    """Support vector regression with a Gaussian kernel (Drucker et al., 1996), on at most ``MOST`` images."""
    from sklearn.svm import SVR

    some = ctx.rng("svr").permutation(len(train.values))[:MOST]
    points, values, weights = (part[some] for part in train)
    for width in (0.25, 1.0):
        for cost in (0.3, 1.0, 10.0):
            fitted = SVR(C=cost, gamma=width / points.shape[1]).fit(points, values, weights)
            yield Model(f"C {cost:g}, width {width:g}", fitted.predict, len(some))


def _boosting(train: Known, val: Known, ctx: Context) -> Iterator[Model]:
    """Gradient boosting of trees (Friedman, 2001; XGBoost), as many trees as attacker-val asks for."""
    from xgboost import XGBRegressor

    for depth in (2, 4):
        fitted = XGBRegressor(
            n_estimators=TREES, max_depth=depth, learning_rate=0.05, subsample=0.8, colsample_bytree=0.5,
            early_stopping_rounds=ROUNDS, tree_method="hist", n_jobs=ctx.threads,
            random_state=ctx.seed_for("boosting") % 2**31,
        )  # fmt: skip
        fitted.fit(
            train.points, train.values, sample_weight=train.weights, verbose=False,
            eval_set=[(val.points, val.values)], sample_weight_eval_set=[val.weights],
        )  # fmt: skip
        yield Model(f"depth {depth}", fitted.predict, len(train.values))


def _perceptron(train: Known, val: Known, ctx: Context) -> Iterator[Model]:
    """A multi-layer perceptron, stopped where attacker-val asks for it."""
    from sklearn.neural_network import MLPRegressor

    for decay in (0.01, 1.0):
        seed = ctx.seed_for("perceptron") % 2**32
        network = MLPRegressor(
            hidden_layer_sizes=HIDDEN, alpha=decay, random_state=seed, batch_size=min(128, len(train.values))
        )
        best, error, waited = network, np.inf, 0
        for _ in range(EPOCHS):
            network.partial_fit(train.points, train.values)
            reached = float(np.average((network.predict(val.points) - val.values) ** 2, weights=val.weights))
            waited = 0 if reached < error else waited + 1
            if reached < error:
                best, error = deepcopy(network), reached
            if waited == PATIENCE:
                break
        yield Model(f"decay {decay:g}", best.predict, len(train.values))


def _neighbours(train: Known, val: Known, ctx: Context) -> Iterator[Model]:
    """The mean of the k nearest, by their distance."""
    from sklearn.neighbors import KNeighborsRegressor

    for count in NEIGHBOURS:
        if count <= len(train.values):
            fitted = KNeighborsRegressor(count, weights="distance").fit(train.points, train.values)
            yield Model(f"{count} neighbours", fitted.predict, len(train.values))


# What estimates numeric attributes. Another one is a line here.
REGRESSORS: Mapping[str, Callable[[Known, Known, Context], Iterator[Model]]] = {
    "ridge": _ridge,
    "svr": _support_vectors,
    "boosting": _boosting,
    "mlp": _perceptron,
    "knn": _neighbours,
}
