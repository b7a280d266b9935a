"""TabICL, a tabular foundation model, with the attacker's people as its context."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from aiakit.attacks._in_context import InContext, checkpoint
from aiakit.contracts import Context
from aiakit.plugins.bases import sklearn_seed


class TabICL(InContext):
    """TabICL (Qu et al., 2502.05564): attention over columns, then rows, then in context.

    Parameters
    ----------
    weights : path of a checkpoint of its classifier (.ckpt), read with ``weights_only``.
    rows : samples in the context at most. estimators : shuffled views of the table that are averaged.
    """

    package = "tabicl"
    summary = "the tabular foundation model TabICL (extra tabular, and a checkpoint file of yours)"

    def __init__(
        self,
        weights: Annotated[str, AfterValidator(checkpoint(".ckpt"))],
        rows: Annotated[int, Field(ge=2)] = 10_000,
        estimators: Annotated[int, Field(ge=1)] = 8,
    ) -> None:
        self.weights = weights
        self.rows = rows
        self.estimators = estimators

    def classifier(self, ctx: Context) -> Any:
        from tabicl import TabICLClassifier

        return TabICLClassifier(
            n_estimators=self.estimators,
            model_path=self.weights,
            allow_auto_download=False,
            device=ctx.device,
            n_jobs=ctx.threads,
            random_state=sklearn_seed(ctx, "tabicl"),
        )
