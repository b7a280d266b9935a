"""Logistic regression: the strongest linear attacker in most trials, and the cheapest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from sklearn.linear_model import LogisticRegression

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases import GridAttack


class LogReg(GridAttack):
    """L2-regularised logistic regression, its strength chosen on attacker-val. Cost is linear in N·D."""

    presets = ("fast", "strong")
    summary = "logistic regression, strength chosen on attacker-val"

    def __init__(
        self,
        strengths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.001, 0.01, 0.1, 1.0),
        iterations: Annotated[int, Field(ge=10)] = 500,
    ) -> None:
        self.strengths = strengths
        self.iterations = iterations

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """One regression for each inverse penalty C in ``strengths``."""
        return [
            LogisticRegression(C=c, class_weight="balanced", max_iter=self.iterations, tol=1e-3) for c in self.strengths
        ]
