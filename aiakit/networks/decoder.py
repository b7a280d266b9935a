"""A small network that learns what a linear map of points leaves over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context
from aiakit.networks.training import autocast, descend, fit_loop, forward_in_batches, seeded

FloatArray = NDArray[np.float64]
HIDDEN, EPOCHS, PATIENCE, BATCH, RATE, DECAY, DROPOUT = 256, 40, 5, 64, 1e-3, 1e-2, 0.1


def fit_residual(
    points: FloatArray, residual: FloatArray, score: Callable[[Callable[[FloatArray], FloatArray]], float], ctx: Context
) -> Callable[[FloatArray], FloatArray]:
    """(M, p) → (M, q): what a perceptron with one hidden layer says of the residual (N, q) of points (N, p).

    It begins at 0. score : of such a function, higher is better; training ends where it rises no further.
    """
    centre, scale = points.mean(axis=0), points.std(axis=0)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 1e-12 * max(1.0, float(scale.max())))
    size = float(residual.std()) or 1.0

    def standard(given: FloatArray) -> Tensor:
        return torch.from_numpy(((given - centre) * inverse).astype(np.float32))

    with seeded(ctx, "decoder"):
        last = nn.Linear(HIDDEN, residual.shape[1])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        module = nn.Sequential(nn.Linear(points.shape[1], HIDDEN), nn.GELU(), nn.Dropout(DROPOUT), last).to(ctx.device)
        inputs, targets = standard(points).to(ctx.device), torch.from_numpy((residual / size).astype(np.float32))
        targets = targets.to(ctx.device)
        optimizer = torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=DECAY)

        def step(rows: Tensor) -> Tensor:
            chosen = rows.to(ctx.device)
            with autocast(ctx):
                said = module(inputs[chosen])
            return descend(optimizer, F.mse_loss(said.float(), targets[chosen]))

        def decode(given: FloatArray) -> FloatArray:
            module.eval()
            return forward_in_batches(module, standard(given), ctx).astype(np.float64) * size

        fit_loop(step, module=module, count=len(points), batch_size=BATCH, epochs=EPOCHS, ctx=ctx, label="decoder",
                 validate=lambda: score(decode), patience=PATIENCE)  # fmt: skip
    return decode
