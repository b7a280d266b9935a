"""A multi-layer perceptron, 128-64, of two weight decays, stopped where attacker-val asks for it.

It takes no weights: people with many images count more.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np

from aiakit.contracts import Context, RegressorData
from aiakit.plugins.bases.regressors import Estimate, GridRegressor

EPOCHS, PATIENCE = 100, 10
HIDDEN = (128, 64)


class PerceptronRegressor(GridRegressor):
    """A network with two hidden layers."""

    summary = "multi-layer perceptron, stopped by attacker-val"

    def candidates(self, train: RegressorData, val: RegressorData, ctx: Context) -> Iterator[tuple[str, Estimate]]:
        """One a weight decay."""
        from sklearn.neural_network import MLPRegressor

        for decay in (0.01, 1.0):
            seed = ctx.seed_for("perceptron") % 2**32
            network = MLPRegressor(
                hidden_layer_sizes=HIDDEN, alpha=decay, random_state=seed, batch_size=min(128, len(train))
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
            yield f"decay {decay:g}", best.predict
