"""TabPFN, a tabular foundation model, with the attacker's people as its context."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from aiakit.attacks._in_context import InContext, checkpoint
from aiakit.contracts import Context
from aiakit.plugins.bases import sklearn_seed


class TabPFN(InContext):
    """TabPFN (Hollmann et al., "Accurate predictions on small data with a tabular foundation model", Nature 2025).

    Parameters
    ----------
    weights : path of a checkpoint of its classifier. Only .safetensors, which hold no pickled objects; the package's
        ``save_as_safetensors`` converts the older ones.
    rows : samples in the context at most. estimators : shuffled views of the table that are averaged.
    """

    package = "tabpfn"
    summary = "the tabular foundation model TabPFN (extra tabular, and a checkpoint file of yours)"

    def __init__(
        self,
        weights: Annotated[str, AfterValidator(checkpoint(".safetensors"))],
        rows: Annotated[int, Field(ge=2)] = 10_000,
        estimators: Annotated[int, Field(ge=1)] = 8,
    ) -> None:
        self.weights = weights
        self.rows = rows
        self.estimators = estimators

    def classifier(self, ctx: Context) -> Any:
        from tabpfn import TabPFNClassifier

        return TabPFNClassifier(
            n_estimators=self.estimators,
            model_path=self.weights,
            device=ctx.device,
            ignore_pretraining_limits=True,
            random_state=sklearn_seed(ctx, "tabpfn"),
        )
